"""All that workers do at once: questions over UDP (two ports) and TCP and transfers, while a zone changes, settings that make a new Engine are
switched, the query log is reopened, a worker is killed, and the end comes under load. Every answer must be of a version that was
visible while it was asked.

AT_ONCE_SECONDS makes it long (usually a second; the rest is starting and stopping).
"""

import os
import random
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import dns.exception
import dns.message
import dns.rcode
import pytest

from nsblast.backend.remote import RemoteBackend
from nsblast.control import Client
from nsblast.errors import TimedOut
from nsblast.records import name_from_text
from nsblast.zones.model import ChangeSet
from tests.helpers import transfers
from tests.helpers.evolving import Evolving
from tests.helpers.server import Server

SECONDS = float(os.environ.get("AT_ONCE_SECONDS", "1"))
PATIENCE = 30.0
"""Seconds more, until everybody has had a turn."""
BURST = 24
MODEL = Evolving("evolving.test.", hosts=5200)  # enough that its transfers are kept


class Versions:
    """Which may be seen: from the last that was answered to the last that was sent."""

    def __init__(self) -> None:
        self.visible = self.sent = 0


class Running:
    """Threads that go on until stopped; the first failure ends all. While the server stops, only a wrong answer is one."""

    def __init__(self) -> None:
        self.end = threading.Event()
        self.stopping = False
        self.failures: list[BaseException] = []
        self.turns: dict[str, int] = {}
        self.taken: list[int] = []
        """Records of each whole transfer."""
        self._threads: list[threading.Thread] = []

    def begin(self, name: str, turn: Callable[[], None]) -> None:
        def run() -> None:
            try:
                while not self.end.is_set():
                    turn()
                    self.turns[name] = self.turns.get(name, 0) + 1
            except BaseException as error:
                if not self.stopping or isinstance(error, AssertionError):
                    self.failures.append(error)
                    self.end.set()

        self._threads.append(threading.Thread(target=run, name=name))
        self._threads[-1].start()

    def go_on(self, seconds: float) -> None:
        """For so long, and until each has had its turn and a zone was transferred: on a busy machine that takes its time."""
        began = time.monotonic()
        while (took := time.monotonic() - began) < seconds or len(self.turns) < len(self._threads) or not self.taken:
            assert took < seconds + PATIENCE, (self.turns, self.taken)
            if self.end.wait(0.02):
                return

    def join(self) -> None:
        self.end.set()
        for thread in self._threads:
            thread.join()


def queries(rng: random.Random, versions: Versions) -> dict[int, tuple[str, bytes]]:
    """Some, by their ids."""
    asked = {}
    for number in rng.sample(range(65536), BURST):
        kind = rng.choice(("aaa", "zzz", "aaa", f"host{rng.randrange(5200)}", f"no{rng.randrange(1000)}"))
        rdtype = 16 if kind in ("aaa", "zzz") else 28
        question = name_from_text(f"{kind}.{MODEL.apex}") + struct.pack("!HH", rdtype, 1)
        asked[number] = kind, struct.pack("!6H", number, 0, 1, 0, 0, 0) + question
    return asked


def judge(kind: str, wire: bytes, first: int, versions: Versions) -> None:
    """One answer: of a version from the first on, and not of one that nobody has made."""
    if kind in ("aaa", "zzz"):
        if wire[6:8] == b"\0\0":
            assert first == 0, f"{kind} is gone"
            return
        number = int(wire.rsplit(b"\0", 1)[-1][2:])
    else:
        message = dns.message.from_wire(wire)
        if kind.startswith("host"):
            assert message.rcode() == dns.rcode.NOERROR
            assert [str(rrset[0]) for rrset in message.answer] == [
                f"2001:db8::{int(kind[4:]):x}" if kind != "host0" else "2001:db8::"
            ]
            return
        assert message.rcode() == dns.rcode.NXDOMAIN
        number = message.authority[0][0].serial - 1
    assert first <= number <= versions.sent, f"{kind}: version {number}, not from {first} to {versions.sent}"


def over_udp(place: tuple[str, int], versions: Versions) -> Callable[[], None]:
    rng = random.Random(place[0])

    def turn() -> None:
        """Answers that are lost (a worker was killed, its packets dropped by a new Engine) are no failure."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(place)
            sock.settimeout(0.5)
            for _ in range(8):
                asked, first = queries(rng, versions), versions.visible
                for _, packet in asked.values():
                    sock.send(packet)
                try:
                    while asked:
                        wire = sock.recv(4096)
                        kind, packet = asked.pop(int.from_bytes(wire[:2], "big"), ("", b""))
                        if kind:
                            assert wire[12 : len(packet)] == packet[12:]
                            judge(kind, wire, first, versions)
                except (TimeoutError, ConnectionRefusedError):
                    return

    return turn


def over_tcp(place: tuple[str, int], versions: Versions) -> Callable[[], None]:
    rng = random.Random(7)

    def turn() -> None:
        try:
            with socket.create_connection(place, 5) as sock, sock.makefile("rb") as reader:
                for _ in range(8):
                    asked, first = queries(rng, versions), versions.visible
                    sock.sendall(b"".join(struct.pack("!H", len(one)) + one for _, one in asked.values()))
                    while asked:
                        head = reader.read(2)
                        if len(head) < 2:
                            return
                        wire = reader.read(int.from_bytes(head, "big"))
                        judge(asked.pop(int.from_bytes(wire[:2], "big"))[0], wire, first, versions)
        except OSError:
            return  # the worker was killed

    return turn


def transferring(place: tuple[str, int], versions: Versions, taken: list[int]) -> Callable[[], None]:
    def turn() -> None:
        """Whole zones: one version each. One that is refused or cut off is no failure, a wrong one is."""
        first = versions.visible
        try:
            found = transfers.take(transfers.question(MODEL.apex), place)
        except (OSError, AssertionError, dns.exception.DNSException, struct.error):
            time.sleep(0.05)
            return
        taken.append(len(found))
        zone = transfers.contents(found)
        number = MODEL.number_of(zone)
        assert first <= number <= versions.sent
        assert zone == MODEL.contents(number)

    return turn


def changing(server: Server, versions: Versions) -> Callable[[], None]:
    def turn() -> None:
        with closing(RemoteBackend(server.db_path, 60)) as backend:
            for _ in range(10):
                versions.sent += 1
                backend.apply(ChangeSet(name_from_text(MODEL.apex), MODEL.operations(versions.sent)))
                versions.visible = versions.sent

    return turn


def switching(server: Server) -> Callable[[], None]:
    rng = random.Random(11)

    def turn() -> None:
        changes: dict[str, Any] = {"udp_max": rng.choice((1232, 1400)), "any_full": rng.random() < 0.5}
        changes |= {"query_log_mode": rng.choice(("off", "all", "sampled")), "log_level": rng.choice(("info", "debug"))}
        # On a busy machine a worker that is just being replaced may take long.
        with Client(server.db_path, 10) as client, suppress(TimedOut):
            client.call("set", changes=changes)
        assert server.process is not None
        server.process.send_signal(signal.SIGHUP)
        time.sleep(0.03)

    return turn


@contextmanager
def busy(server: Server, addresses: list[str], versions: Versions) -> Iterator[Running]:
    running = Running()
    try:
        for address in addresses:
            running.begin(f"udp {address}", over_udp((address, server.port), versions))
        running.begin("tcp", over_tcp((addresses[0], server.port), versions))
        for number in range(2):
            running.begin(f"transfer {number}", transferring((addresses[number], server.port), versions, running.taken))
        running.begin("changes", changing(server, versions))
        running.begin("switches", switching(server))
        yield running
    finally:
        running.join()


@pytest.mark.timeout(SECONDS + PATIENCE + 60)
def test_everything_at_once(tmp_path: Path) -> None:
    server = Server(tmp_path)
    addresses = [server.address, server.address.rsplit(".", 1)[0] + ".255"]
    versions = Versions()
    zone = tmp_path / "evolving.zone"
    zone.write_text(MODEL.text)
    try:
        flags = ("--dns-endpoint", addresses[1], "--allow-transfer", "any", "--cache-size", "4MiB")
        server.start(*flags, "--transfers-out", "16")
        server.command("zone", "import", str(zone))
        with busy(server, addresses, versions) as running:
            running.end.wait(SECONDS / 2)
            killed = server.pids()["worker 0"]
            server.kill(killed)
            running.go_on(SECONDS / 2)
            server.wait_ready()
            running.stopping = True
            assert server.stop() == 0
        assert not running.failures, running.failures
        wrong = [line for line in server.events() if line["level"] == "error" and str(killed) not in str(line)]
        assert "Traceback" not in server.text()
        assert not wrong, wrong
    finally:
        server.end()
