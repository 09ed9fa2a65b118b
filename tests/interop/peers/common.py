"""What every server of the comparison has in common: a free port, start, wait until all zones answer, stop by pid.

Never: knows a server's configuration; that is in the modules beside this one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rdatatype

from tests.interop.zonegen import ZoneFile

ADDRESS = "127.0.0.1"
START_SECONDS = 30.0


class PeerError(Exception):
    """A server could not be started or does not answer; the text has its last words."""


def free_port() -> int:
    """A port that is free for UDP and TCP now; nobody reserves it, so callers bind soon."""
    for _ in range(100):
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        ):
            tcp.bind((ADDRESS, 0))
            port: int = tcp.getsockname()[1]
            try:
                udp.bind((ADDRESS, port))
            except OSError:
                continue
            return port
    raise PeerError("no port is free for both UDP and TCP")


def dying_with_us(command: Sequence[str]) -> list[str]:
    """The command, told by the kernel to end (SIGTERM) when the thread that starts it does: tests may be killed halfway.

    util-linux's program does it after the fork and becomes the command, so that the process id is the server's.
    """
    return ["setpriv", "--pdeathsig", "TERM", "--", *command]


class Peer(ABC):
    """One server under comparison. `start` gives (address, port); `stop` ends what start began."""

    name: str
    programs: tuple[str, ...]

    def __init__(self, folder: Path) -> None:
        self.folder = folder / self.name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self.command: list[str] = []
        self.prefix: list[str] = []

    @classmethod
    def available(cls) -> bool:
        """Are its programs installed?"""
        return all(shutil.which(program) for program in cls.programs)

    @abstractmethod
    def prepare(self, zones: Sequence[ZoneFile]) -> list[str]:
        """Writes configuration for self.port; gives the command that serves in the foreground."""

    def environment(self) -> dict[str, str]:
        """The environment of the server's process."""
        return dict(os.environ)

    def start(self, zones: Sequence[ZoneFile]) -> tuple[str, int]:
        """Starts the server; returns when each zone answers its SOA with AA."""
        self.begin(zones)
        try:
            self.wait(zones)
        except BaseException:
            self.stop()
            raise
        return ADDRESS, self.port

    def begin(self, zones: Sequence[ZoneFile]) -> None:
        """Starts the server and waits for nothing."""
        self.port = free_port()
        self.command = self.prepare(zones)
        self.launch()

    def launch(self) -> None:
        """Start what was prepared, the first time or again; its log goes on."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                dying_with_us([*self.prefix, *self.command]),
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=self.folder,
                env=self.environment(),
                start_new_session=True,
            )

    def kill(self) -> None:
        """End it, and what it started, without warning."""
        process, self.process = self.process, None
        if process is not None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)

    def wait(self, zones: Sequence[ZoneFile]) -> None:
        """Polls until all zones are answered for, or says which are not."""
        left = {zone.origin for zone in zones}
        end = time.monotonic() + START_SECONDS
        while left:
            assert self.process is not None
            if self.process.poll() is not None:
                raise PeerError(f"{self.name} ended with status {self.process.returncode}\n{self.last_words()}")
            if time.monotonic() > end:
                raise PeerError(f"{self.name} does not serve {sorted(left)[:5]}\n{self.last_words()}")
            for origin in sorted(left):
                query = dns.message.make_query(dns.name.from_text(origin), dns.rdatatype.SOA)
                query.flags = dns.flags.Flag(0)
                try:
                    answer = dns.query.udp(query, ADDRESS, timeout=0.5, port=self.port, ignore_unexpected=True)
                except (dns.exception.DNSException, OSError):
                    break
                if not answer.flags & dns.flags.AA or not answer.answer:
                    break
                left.discard(origin)
            time.sleep(0.05)

    def last_words(self) -> str:
        """The end of the server's log."""
        return (self.folder / "log").read_text("utf-8", "replace")[-3000:]

    def stop(self) -> None:
        """Ends the server's own process group; no other process is touched."""
        process, self.process = self.process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        # What it started itself may be the server (faketime), or may not have ended with it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def stop_all(peers: Sequence[Peer]) -> None:
    """Each takes its time to end: all at once."""
    with ThreadPoolExecutor(max(1, len(peers))) as pool:
        for _ in pool.map(Peer.stop, peers):
            pass
