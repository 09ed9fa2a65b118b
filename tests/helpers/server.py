"""A real nsblast server for a test: spawned on an address and port of its own, waited for, stopped by its pid."""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.message
import dns.query

from nsblast.control import Client
from nsblast.errors import ControlError

READY_WITHIN = 30.0


def free_place() -> tuple[str, int]:
    """An address of 127.0.0.0/8 and a port nobody has, UDP and TCP; the address alone keeps parallel tests apart."""
    address = f"127.{random.randint(1, 254)}.{random.randint(1, 254)}.{random.randint(1, 254)}"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind((address, 0))
        port: int = udp.getsockname()[1]
        return address, port


def alive(pid: int) -> bool:
    """Whether anything of the process runs: of one that was killed, threads may hold files after the first is a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return False
    state, threads = fields[0], int(fields[17])
    return state != "Z" or threads > 1


class Server:
    """One server process tree. Not started by construction."""

    def __init__(self, folder: Path, *, workers: int = 2, address: str = "", port: int = 0) -> None:
        self.folder = folder
        self.db_path = folder / "db"
        place = free_place()
        self.address, self.port = address or place[0], port or place[1]
        self.http_port = free_place()[1]
        self.workers = workers
        self.log = folder / "server.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *flags: str, wait: bool = True, prefix: tuple[str, ...] = (), **popen: Any) -> "Server":
        """Spawn it; with wait, return when all workers answer."""
        command = [
            *prefix,
            *(sys.executable, "-m", "nsblast", "serve", "-d", str(self.db_path)),
            *("--dns-endpoint", self.address, "--dns-port", str(self.port), "--workers", str(self.workers)),
            *("--http-endpoint", self.address, "--http-port", str(self.http_port)),
            *("--log-format", "json", "--cache-size", "16MiB"),
            # Zones of tests name servers that are nobody's: they are not told of changes unless a test says so.
            *(() if "--notify-ns" in flags else ("--no-notify-ns",)),
            *flags,
        ]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stderr=log, stdout=log, stdin=subprocess.DEVNULL, **popen)
        if wait:
            self.wait_ready()
        return self

    @property
    def url(self) -> str:
        """Where its admin API is."""
        return f"http://{self.address}:{self.http_port}"

    @property
    def pid(self) -> int:
        """Of the supervisor."""
        assert self.process is not None
        return self.process.pid

    def wait_ready(self, seconds: float = READY_WITHIN) -> dict[str, Any]:
        """The state once it is ready; AssertionError with the log when it does not get there."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.process is not None
            assert self.process.poll() is None, f"server ended with {self.process.returncode}:\n{self.text()}"
            with contextlib.suppress(ControlError):
                state = self.status()
                if state["ready"]:
                    return state
            time.sleep(0.02)
        raise AssertionError(f"server not ready in {seconds} s:\n{self.text()}")

    def status(self) -> dict[str, Any]:
        """What the control process says."""
        with Client(self.db_path, 10) as client:
            state: dict[str, Any] = client.call("status")
            return state

    def pids(self) -> dict[str, int]:
        """Pids of the children by name."""
        return {child["name"]: child["pid"] for child in self.status()["processes"]}

    def ask(self, name: str, rdtype: str = "A", *, tcp: bool = False, timeout: float = 3.0) -> dns.message.Message:
        """One query's answer."""
        query = dns.message.make_query(name, rdtype)
        if tcp:
            return dns.query.tcp(query, self.address, timeout, self.port)
        return dns.query.udp(query, self.address, timeout, self.port)

    def kill(self, pid: int) -> None:
        """End one of our own processes without warning."""
        os.kill(pid, signal.SIGKILL)

    def stop(self, number: int = signal.SIGTERM, seconds: float = 20.0) -> int:
        """End it by signal; its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(seconds)

    def wait_ended(self, seconds: float = 20.0) -> int:
        """The exit code of a server that ends by itself."""
        assert self.process is not None
        return self.process.wait(seconds)

    def text(self) -> str:
        """All it has written."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def events(self, event: str = "") -> list[dict[str, Any]]:
        """Its log lines, of one kind or all."""
        lines = [json.loads(line) for line in self.text().splitlines() if line.startswith("{")]
        return [line for line in lines if not event or line["event"] == event]

    def command(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `nsblast ARGUMENTS -d` this database."""
        done = subprocess.run(
            [sys.executable, "-m", "nsblast", *arguments, "-d", str(self.db_path)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert not check or done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def end(self) -> None:
        """Whatever happened: nothing of it is left."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)


@contextlib.contextmanager
def serving(folder: Path, *flags: str, workers: int = 2, **more: Any) -> Iterator[Server]:
    """A server that is ready, and gone afterwards."""
    server = Server(folder, workers=workers)
    try:
        yield server.start(*flags, **more)
    finally:
        server.end()
