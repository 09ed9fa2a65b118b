"""The query log's way from one worker's ring to a file.

The ring is filled by who answers, without the GIL and without waiting; a thread of its own drains it, so that a slow disk costs
answers nothing: what finds the ring full is dropped and counted. All workers append to one file, whole lines at a time.
A file that cannot be written is told once, and tried again.
"""

import contextlib
import os
import threading

import dns.rcode
import dns.rdatatype

from nsblast._core.querylog import QueryLog
from nsblast.errors import from_os
from nsblast.logs import log
from nsblast.settings import Settings

_AT_ONCE = 4096  # records turned to lines in one go
_PAUSE = 0.05  # seconds between two looks at an empty ring
_ROOM = 65536  # records waiting at most: half a second at full rate
_HEADER = 12


class QueryLogWriter:
    """One worker's query log; off until adjust() is called."""

    def __init__(self, settings: Settings) -> None:
        types = {int(number): dns.rdatatype.to_text(number) for number in dns.rdatatype.RdataType}
        self.ring = QueryLog(types, {int(code): code.name for code in dns.rcode.Rcode})
        self._settings = settings
        self._fd = -1
        self._failed = False
        self._stop = threading.Event()
        self._reopen = threading.Event()
        self._thread: threading.Thread | None = None

    def adjust(self, settings: Settings) -> None:
        """Start, or take over settings; the file is opened anew (it may have been rotated). Called by the thread that answers."""
        self._settings = settings
        self.ring.configure(
            settings.query_log_mode,
            sample=settings.query_log_sample,
            types=[dns.rdatatype.from_text(name) for name in settings.query_log_types],
            rcodes=[dns.rcode.from_text(name) for name in settings.query_log_rcodes],
            clients=list(settings.query_log_clients),
            room=_ROOM,
        )
        self._reopen.set()
        if self.ring.on and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="query log", daemon=True)
            self._thread.start()

    def note(self, packet: bytes, answer: bytes, client: bytes, tcp: bool) -> None:
        """Log an answer made in Python: a refusal of what is handed over, a failure of the store."""
        if not self.ring.on or len(packet) < _HEADER:
            return
        end = _HEADER
        while end < len(packet) and packet[end]:
            end += packet[end] + 1
        end += 1
        asked = len(packet) >= end + 4 and packet[4:6] == b"\0\1" and end - _HEADER <= 255
        self.ring.note(
            client=client,
            tcp=tcp,
            id=int.from_bytes(packet[:2], "big"),
            qname=packet[_HEADER:end] if asked else b"",
            qtype=int.from_bytes(packet[end : end + 2], "big") if asked else 0,
            qclass=int.from_bytes(packet[end + 2 : end + 4], "big") if asked else 0,
            rcode=answer[3] & 15 if len(answer) > 3 else 0,
            size=len(answer),
        )

    def close(self) -> None:
        """Write what is left."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5)
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _run(self) -> None:
        while True:
            last = self._stop.is_set()
            if self._reopen.is_set():
                self._reopen.clear()
                self._open()
            lines = self.ring.drain_lines(_AT_ONCE, json=self._settings.query_log_format == "json")
            if lines:
                self._write(lines)
            elif last:
                return
            else:
                self._stop.wait(_PAUSE)

    def _open(self) -> None:
        """Follow the settings' file; when that cannot be opened, the old one goes on."""
        path = self._settings.query_log_path
        try:
            fresh = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            self._tell(from_os(error, f"open query log {path}").message)
            return
        self._failed = False
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = fresh

    def _write(self, lines: bytes) -> None:
        """One write, so that lines of several workers never mix; what the disk does not take is lost, not waited for."""
        written = 0
        if self._fd >= 0:
            with contextlib.suppress(InterruptedError):
                try:
                    written = os.write(self._fd, lines)
                    self._failed = False
                except OSError as error:
                    self._tell(from_os(error, f"write query log {self._settings.query_log_path}").message)
        if written < len(lines):
            self.ring.lose(lines.count(b"\n", written))

    def _tell(self, reason: str) -> None:
        if not self._failed:
            self._failed = True
            log().error("query log cannot be written", reason=reason)
