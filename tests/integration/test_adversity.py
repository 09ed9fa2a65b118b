"""Transfers out and updates over a bad network: through a proxy that loses, delays, cuts, slows and half-closes (tests/helpers/faulty.py).

What must hold: whatever arrives whole is a version of the zone, what does not is seen not to be whole; a change happens once however often it
is sent; nothing hangs beyond the limits; and what a client held (a turn, a connection, memory) comes back.
"""

import contextlib
import random
import socket
import struct
import threading
import time
from collections.abc import Iterator

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.tsig
import dns.update
import pytest

from nsblast.backend.remote import RemoteBackend
from nsblast.records import name_from_text
from nsblast.zones.model import ChangeSet
from tests.helpers import transfers
from tests.helpers.api import Api, api
from tests.helpers.evolving import Evolving
from tests.helpers.faulty import Faults, between

MODEL = Evolving("evolving.test.", hosts=6000)
WRITE_TIMEOUT = 1.0
KEY = dns.tsig.Key("upd.test.", "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IDEyMzQ=", "hmac-sha256")


class Scene:
    """The server, and how often its zone was changed."""

    def __init__(self, server: Api) -> None:
        self.server = server
        self.place = server.address, server.port
        self.number = 0
        self.backend = RemoteBackend(server.db_path)

    def change(self) -> None:
        self.number += 1
        apex = name_from_text(MODEL.apex)
        assert self.backend.apply(ChangeSet(apex, MODEL.operations(self.number))).serial == self.number + 1

    def check(self, zone: frozenset[transfers.Record]) -> None:
        """A version that is, or was."""
        number = MODEL.number_of(zone)
        assert 0 <= number <= self.number
        assert zone == MODEL.contents(number)

    def settles(self, connections: int = 0) -> None:
        """No transfer is under way, no connection open."""
        deadline = time.monotonic() + 5
        while self.open() > connections:
            assert time.monotonic() < deadline, f"{self.open()} connections are open"
            time.sleep(0.05)

    def open(self) -> int:
        return sum(
            process["connections.open"]
            for process in self.server.status()["processes"]
            if process["name"].startswith("worker")
        )


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("adversity")
    flags = ["--allow-transfer", "any", "--transfers-out", "1", "--tcp-write-timeout", f"{WRITE_TIMEOUT}s"]
    with api(folder, *flags, workers=1) as server:
        path = folder / "zone"
        path.write_text(MODEL.text)
        server.command("zone", "import", str(path))
        with server.client() as client:
            form = {"name": "upd.test.", "algorithm": "hmac-sha256", "update": True, "transfer": True}
            form["secret"] = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IDEyMzQ="
            assert client.post("/tsigkey", json=form).status_code == 201
        made = Scene(server)
        with contextlib.closing(made.backend):
            yield made


def test_cut_anywhere_is_seen_and_gives_the_turn_back(scene: Scene) -> None:
    """One transfer at a time is allowed: each that is cut would keep the next waiting for five seconds."""
    rng = random.Random(3)
    size = sum(len(wire) + 2 for wire in _all(transfers.question(MODEL.apex), scene.place))
    began = time.monotonic()
    with between(scene.place) as proxy:
        for n in range(12):
            scene.change()  # so that half of them come from the store, not from what was kept
            at = rng.randrange(size) if n else 0
            proxy.faults = Faults(cut_after=at) if n % 2 else Faults(end_after=at)
            with pytest.raises((AssertionError, OSError, dns.exception.DNSException)):
                transfers.take(transfers.question(MODEL.apex), proxy.place)
        proxy.faults = Faults()
        scene.check(transfers.contents(transfers.take(transfers.question(MODEL.apex), proxy.place)))
    assert time.monotonic() - began < 15
    scene.settles()


def _all(query: dns.message.Message, place: tuple[str, int]) -> list[bytes]:
    found: list[bytes] = []
    records = 0
    for wire in transfers.stream(query, place):
        found.append(wire)
        records += struct.unpack_from("!H", wire, 6)[0]
        if records >= len(MODEL.contents(0)):
            break
    return found


def test_slow_and_late_but_whole_while_the_zone_changes(scene: Scene) -> None:
    before = MODEL.contents(scene.number)
    with between(scene.place, Faults(delay=0.02, rate=400_000)) as proxy:
        done = threading.Event()

        def change() -> None:
            while not done.is_set():
                scene.change()
                time.sleep(0.01)

        changing = threading.Thread(target=change)
        changing.start()
        try:
            zone = transfers.contents(transfers.take(transfers.question(MODEL.apex, key=KEY), proxy.place, KEY))
            query = transfers.question(MODEL.apex, transfers.serial_of(before))
            later = transfers.apply(before, transfers.take(query, proxy.place))
        finally:
            done.set()
            changing.join()
    scene.check(zone)
    scene.check(later)
    assert scene.number > MODEL.number_of(zone)


def test_who_does_not_read_is_cut_off(scene: Scene) -> None:
    scene.change()
    query = transfers.question(MODEL.apex).to_wire()
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(scene.place)
        for _ in range(30):  # far more than the buffers of both sides hold
            sock.sendall(struct.pack("!H", len(query)) + query)
        time.sleep(0.3)
        assert scene.open() == 1
        began = time.monotonic()
        scene.settles()
        assert time.monotonic() - began < WRITE_TIMEOUT + 3
    zone = transfers.contents(transfers.take(transfers.question(MODEL.apex), scene.place))
    scene.check(zone)


def test_a_client_that_has_said_all_it_wants_still_gets_it(scene: Scene) -> None:
    """It shuts its half after the question."""
    query = transfers.question(MODEL.apex).to_wire()
    with socket.create_connection(scene.place, 5) as sock:
        sock.sendall(struct.pack("!H", len(query)) + query)
        sock.shutdown(socket.SHUT_WR)
        with sock.makefile("rb") as reader:
            stream = reader.read()
    messages = []
    at = 0
    while at < len(stream):
        size = struct.unpack_from("!H", stream, at)[0]
        messages.append(dns.message.from_wire(stream[at + 2 : at + 2 + size], xfr=True, one_rr_per_rrset=True))
        at += 2 + size
    scene.check(transfers.contents(transfers.records(messages)))
    scene.settles()


def test_half_a_question_is_not_waited_for_for_ever(scene: Scene) -> None:
    query = transfers.question(MODEL.apex).to_wire()
    with socket.create_connection(scene.place, 10) as sock:
        sock.sendall(struct.pack("!H", len(query)) + query[:20])
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(1) == b""
    scene.settles()


# -- updates


def update(number: int) -> dns.update.UpdateMessage:
    """A name that must not be there yet: done twice it would be refused."""
    message = dns.update.UpdateMessage(MODEL.apex)
    message.absent(f"once{number}")
    message.add(f"once{number}", 60, "A", "192.0.2.1")
    message.use_tsig(KEY)
    return message


def persist(message: dns.message.Message, place: tuple[str, int], times: int = 12) -> str:
    """Send the same datagram until an answer comes, as nsupdate does; the response code's name."""
    wire = message.to_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.3)
        for _ in range(times):
            sock.sendto(wire, place)
            try:
                answer = sock.recv(65535)
            except TimeoutError:
                continue
            return dns.rcode.to_text(dns.rcode.Rcode(answer[3] & 15))
    raise AssertionError("no answer came")


def serial(scene: Scene) -> int:
    record = scene.backend.zone(name_from_text(MODEL.apex))
    assert record is not None
    return record.serial


@pytest.mark.parametrize(
    "faults",
    [Faults(answers_lost=2), Faults(twice=True), Faults(loss=0.4), Faults(delay=0.4), Faults(twice=True, delay=0.05)],
    ids=["answers lost", "twice", "loss", "slower than it is sent again", "twice and late"],
)
def test_an_update_is_done_once_however_often_it_comes(scene: Scene, faults: Faults) -> None:
    name = random.randrange(1 << 30)
    before = serial(scene)
    with between(scene.place, faults) as proxy:
        assert persist(update(name), proxy.place) == "NOERROR"
        time.sleep(faults.delay)
    assert serial(scene) == before + 1
    assert persist(update(name), scene.place) == "YXDOMAIN"  # another id, another request
    assert serial(scene) == before + 1


def test_updates_over_cut_connections_happen_or_do_not(scene: Scene) -> None:
    """The connection is cut before the answer, or in it: the client cannot know, and whatever was done was done wholly."""
    before = serial(scene)
    done = 0
    with between(scene.place) as proxy:
        for number in range(10):
            proxy.faults = Faults(cut_after=number % 2)
            message = dns.update.UpdateMessage(MODEL.apex)
            for part in ("a", "b"):
                message.add(f"{part}{number}.cut", 60, "A", "192.0.2.1")
            message.use_tsig(KEY)
            with pytest.raises((OSError, EOFError, dns.exception.DNSException)):
                dns.query.tcp(message, proxy.place[0], 2, proxy.place[1])
    scene.settles()
    time.sleep(0.5)  # what is under way in the control process belongs to no connection any more
    for number in range(10):
        there = [bool(scene.server.ask(f"{part}{number}.cut.{MODEL.apex}").answer) for part in ("a", "b")]
        assert there[0] == there[1]
        assert there[0] or number % 2 == 0  # some of the answer came
        done += there[0]
    assert serial(scene) == before + done
