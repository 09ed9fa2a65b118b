"""How every command speaks: one result on standard output, one line of error on standard error, an exit code.

Owns: --json, the flags that say which database is meant, the way from an exception to a line and a code, the progress
bar. Never: what a command does. With --json standard output holds exactly one JSON document, of errors too
({"error", "message", "details"}); the line on standard error stands in either form. Progress is drawn on terminals only.
"""

import contextlib
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
import orjson

from nsblast.errors import NsblastError, UsageError, from_os
from nsblast.settings import Settings
from nsblast.settings_layers import Layers

_INTERRUPTED = 130
_PIPE_CLOSED = 141
_FAULT = 70

F = TypeVar("F", bound=Callable[..., Any])


def json_option(function: F) -> F:
    """Add --json, as the argument as_json."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(function)


def database_options(function: F) -> F:
    """Add -d/--db-path, --config and --json: arguments db_path, config and as_json."""
    function = json_option(function)
    function = click.option("--config", type=click.Path(path_type=Path, readable=False), help="Settings file (TOML).")(
        function
    )
    return click.option(
        "-d",
        "--db-path",
        type=click.Path(path_type=Path, readable=False),
        help="Folder of the database; else as in the settings.",
    )(function)


def settings_of(db_path: Path | None, config: Path | None) -> Settings:
    """Settings of file, environment and these flags; SettingsError names what is wrong with them."""
    return Layers(config=config, flags={"db_path": db_path}).load().settings


def say(text: str) -> None:
    """One line (or several) of a command's result."""
    Output().write(text.encode("utf-8", "backslashreplace") + b"\n")


class Output:
    """Standard output for octets: writes all it is given, also where PYTHONUNBUFFERED makes short writes possible."""

    def write(self, octets: bytes) -> int:
        """All of it, or BrokenPipeError."""
        left = memoryview(octets)
        while left:
            left = left[sys.stdout.buffer.write(left) :]
        return len(octets)


def say_json(value: Any) -> None:
    """A command's whole result."""
    Output().write(dump(value) + b"\n")


def say_json_list(name: str, items: Iterable[Any], **rest: Any) -> None:
    """{"name": [items…], **rest} written as the items come, so that a list of millions needs no memory."""
    out = Output()
    out.write(b"{" + dump(name) + b":[")
    for number, item in enumerate(items):
        out.write((b",\n" if number else b"\n") + dump(item))
    out.write(b"\n]")
    for key, value in rest.items():
        out.write(b"," + dump(key) + b":" + dump(value() if callable(value) else value))
    out.write(b"}\n")


def dump(value: Any) -> bytes:
    """JSON; octets that are no UTF-8 never reach it, since names and rdata are in presentation form by then."""
    return orjson.dumps(value, default=str)


def warn(text: str) -> None:
    """A line on standard error that is no failure."""
    sys.stderr.write(f"nsblast: {one_line(text)}\n")


def one_line(text: str) -> str:
    """A message as one line, whatever it holds."""
    return " ".join(text.split())


def show_progress(as_json: bool) -> bool:
    """Whether a bar may be drawn: somebody looks at standard error and no program reads the result."""
    return not as_json and sys.stderr.isatty()


@contextlib.contextmanager
def file_errors(doing: str) -> Iterator[None]:
    """Turn an operating system's refusal into an error that says what was tried."""
    try:
        yield
    except OSError as error:
        raise from_os(error, doing) from None


def run(command: click.Command, arguments: Sequence[str]) -> int:
    """Run a command line; returns its exit code. Whatever goes wrong is one line, never a traceback."""
    before = list(arguments)[: list(arguments).index("--")] if "--" in arguments else list(arguments)
    as_json = "--json" in before
    try:
        # Not command.main(), which takes a closed pipe for an ordinary end and prints lines of its own.
        with command.make_context("nsblast", list(arguments)) as context:
            command.invoke(context)
        sys.stdout.flush()
        return 0
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        if as_json:
            return _failed(UsageError("which command is missing"), as_json)
        sys.stderr.write(f"{error.format_message()}\n")
        return UsageError.exit_code
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx is not None else "nsblast"
        return _failed(UsageError(f"{error.format_message()} (see {path} --help)"), as_json)
    except click.ClickException as error:
        return _failed(UsageError(error.format_message()), as_json)
    except NsblastError as error:
        return _failed(error, as_json)
    except BrokenPipeError:
        return _unread()
    except (KeyboardInterrupt, click.Abort):
        sys.stderr.write("nsblast: interrupted\n")
        return _INTERRUPTED
    except OSError as error:
        return _failed(from_os(error, f"finish {command.name}"), as_json)
    except MemoryError:
        sys.stderr.write("nsblast: out of memory\n")
        return _FAULT
    except Exception as error:  # a fault of ours: still one line, and the whole story for those who ask
        if os.environ.get("NSBLAST_TEST_TRACEBACK"):
            raise
        last = traceback.extract_tb(error.__traceback__)[-1]
        told = f"a fault in nsblast: {type(error).__name__}: {error} ({Path(last.filename).name}:{last.lineno})"
        warn(f"{told}; NSBLAST_TEST_TRACEBACK=1 shows all of it")
        return _FAULT


def _unread() -> int:
    """Nobody reads any more: what is still buffered must not raise again when the interpreter ends."""
    with contextlib.suppress(OSError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return _PIPE_CLOSED


def _failed(error: NsblastError, as_json: bool) -> int:
    if as_json:
        with contextlib.suppress(OSError):
            say_json(error.to_wire())
            sys.stdout.flush()
    warn(error.message)
    return error.exit_code
