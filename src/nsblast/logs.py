"""Structured logs: one JSON object a line, or coloured columns on a terminal; changeable while a process runs.

Every process of the server logs through this set-up; fields `process` and `pid` say which one spoke.
Never logs secrets, passwords or whole queries (those are the query log's).
"""

import logging
import os
import sys
from functools import partial
from typing import Any, TextIO

import orjson

from nsblast.errors import from_os
from nsblast.settings import Settings

_RICH = sys.modules.get("rich")
if _RICH is None:
    # structlog reads it where it is installed, for tracebacks that are never drawn here: a tenth of a second of each start.
    sys.modules["rich"] = None  # type: ignore[assignment]
import structlog  # noqa: E402

if _RICH is None:
    del sys.modules["rich"]

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class _Out:
    """Where lines go: standard error or a file opened for appending, anew on reload (so that it may be rotated)."""

    def __init__(self) -> None:
        self._file: TextIO | None = None

    def open(self, settings: Settings) -> None:
        """Follow log_file."""
        fresh: TextIO | None = None
        if settings.log_file is not None:
            try:
                fresh = open(settings.log_file, "a", encoding="utf-8", buffering=1)  # noqa: SIM115
            except OSError as error:
                raise from_os(error, f"open log file {settings.log_file}") from None
        old, self._file = self._file, fresh
        if old is not None:
            old.close()

    def line(self, text: str) -> None:
        """Write one line whole: several processes append to one file. A log that cannot be written stops nothing."""
        stream = self._file or sys.stderr
        try:
            stream.write(text + "\n")
            stream.flush()
        except (OSError, ValueError):
            pass

    def isatty(self) -> bool:
        """Whether people read it directly."""
        return self._file is None and sys.stderr.isatty()


_out = _Out()


class _Logger:
    """What structlog hands finished lines to; the level is asked each time, so that it can change."""

    def __getattr__(self, method: str) -> Any:
        return _out.line


def setup(settings: Settings, process: str) -> None:
    """Set up (or set up anew) this process's logging; from_os errors when log_file cannot be opened."""
    _out.open(settings)
    console = settings.log_format == "console" or (settings.log_format == "auto" and _out.isatty())
    end: list[Any] = (
        # Plain tracebacks: those that are drawn where rich is installed show every variable on the way, credentials too.
        [structlog.dev.ConsoleRenderer(colors=_out.isatty(), exception_formatter=structlog.dev.plain_traceback)]
        if console
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=_dumps)]
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            partial(_stamp, process, os.getpid()),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *end,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[settings.log_level]),
        logger_factory=_Logger,
        cache_logger_on_first_use=False,
    )
    # Libraries (asyncio, uvicorn later) speak through the standard module: warnings and worse come to us.
    logging.basicConfig(level=logging.WARNING, handlers=[_Bridge()], force=True)


def log() -> Any:
    """The logger; call it where you log, not at import, so that a changed set-up counts."""
    return structlog.get_logger()


class _Bridge(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        level = "error" if record.levelno >= logging.ERROR else "warning"
        getattr(log(), level)(record.getMessage(), logger=record.name, exc_info=record.exc_info or None)


def _stamp(process: str, pid: int, _logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Say who speaks; a processor and no context variable, because threads start with an empty context."""
    event["process"] = process
    event["pid"] = pid
    return event


def _dumps(value: Any, **_: Any) -> str:
    return orjson.dumps(value, default=str).decode()
