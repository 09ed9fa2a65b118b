"""BIND, Knot, NSD and PowerDNS as secondaries of nsblast: zones changed all the time, journal gaps, deaths, wrong keys and clocks.

What a secondary gives out again is compared, record by record in canonical form, with what that version of the zone is known to hold
(tests/helpers/evolving.py): each version seen must be one that existed. All four follow at once, by polling.
NSBLAST_TEST_TRANSFER_CHANGES=1000 changes each zone so many times, one right after the other, instead of 250.
"""

import contextlib
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rdatatype
import httpx
import pytest

from nsblast.backend.remote import RemoteBackend
from nsblast.control import Client
from nsblast.errors import NsblastError
from nsblast.records import name_from_text
from nsblast.zones.model import ChangeSet
from tests.helpers import transfers
from tests.helpers.api import PASSWORD, Api, api
from tests.helpers.commands import nsblast
from tests.helpers.evolving import Evolving
from tests.interop.peers.common import ADDRESS, stop_all
from tests.interop.peers.secondaries import KEY, KEYED, PLAIN, SECONDARIES, SECRET, WRONG, ZONES, Secondary

CHANGES = int(os.environ.get("NSBLAST_TEST_TRANSFER_CHANGES", "250"))
PACE = 0.002 if CHANGES >= 1000 else 0.02
"""Seconds between two changes of a zone: all of them take the time in which everybody looks for changes some times."""
WITHIN = 20.0
FLAGS = ("--allow-transfer", "127.0.0.0/8")
MODELS = {zone: Evolving(zone) for zone in ZONES}

pytestmark = pytest.mark.skipif(
    not all(kind.available() for kind in SECONDARIES), reason="not all four servers are installed"
)


class Scene:
    """nsblast with both zones, and its secondaries."""

    def __init__(self, server: Api, folder: Path) -> None:
        self.server = server
        self.peers = [kind(folder) for kind in SECONDARIES]
        self.places: dict[str, tuple[str, int]] = {}
        self.versions = dict.fromkeys(ZONES, 0)
        """How often each zone was changed, as far as that was acknowledged."""
        self.seen: dict[tuple[str, str], set[int]] = {(peer.name, zone): set() for peer in self.peers for zone in ZONES}

    @property
    def place(self) -> tuple[str, int]:
        return self.server.address, self.server.port

    def follow(self, awaited: Sequence[str] = ZONES) -> None:
        for peer in self.peers:
            self.places[peer.name] = peer.follow(self.place)
        for peer in self.peers:
            peer.have(awaited)

    def again(self, awaited: Sequence[str] = ZONES) -> None:
        """Start the secondaries once more, with what they have kept."""
        for peer in self.peers:
            peer.launch()
        for peer in self.peers:
            peer.have(awaited)

    def change(self, backend: RemoteBackend, zone: str) -> None:
        """One change; the zone's next version."""
        number = self.versions[zone] + 1
        ops = MODELS[zone].operations(number)
        serial = backend.apply(ChangeSet(name_from_text(zone), ops)).serial
        assert serial == number + 1
        self.versions[zone] = number

    def change_all(self, times: int) -> None:
        with contextlib.closing(RemoteBackend(self.server.db_path)) as backend:
            for _ in range(times):
                for zone in ZONES:
                    self.change(backend, zone)

    @contextlib.contextmanager
    def changing(self, times: int = 1 << 30) -> Iterator[threading.Thread]:
        """Changes going on, until they are made or the block ends; while the server is away nothing is changed."""
        stop = threading.Event()
        errors: list[BaseException] = []

        def change() -> None:
            left = times
            while left > 0 and not stop.is_set():
                try:
                    with contextlib.closing(RemoteBackend(self.server.db_path)) as backend:
                        for zone in ZONES:  # a change may have been made and not acknowledged
                            record = backend.zone(name_from_text(zone))
                            assert record is not None
                            self.versions[zone] = record.serial - 1
                        while left > 0 and not stop.is_set():
                            for zone in ZONES:
                                self.change(backend, zone)
                            left -= 1
                            time.sleep(PACE)
                except (NsblastError, OSError):
                    time.sleep(0.05)
                except BaseException as error:
                    errors.append(error)
                    return

        thread = threading.Thread(target=change)
        thread.start()
        try:
            yield thread
        finally:
            stop.set()
            thread.join()
        assert not errors, errors

    def look(self) -> None:
        """At one version of each zone of each secondary: it must be one that existed."""
        for peer in self.peers:
            for zone in ZONES:
                self.look_at(peer, zone)

    def look_at(self, peer: Secondary, zone: str) -> int | None:
        try:
            theirs = transfers.contents(transfers.take(transfers.question(zone), self.places[peer.name]))
        except (OSError, dns.exception.DNSException):
            return None  # between two versions some close the connection; a later look tells
        number = MODELS[zone].number_of(theirs)
        assert 0 <= number <= self.versions[zone] + 1, f"{peer.name} has version {number} of {zone}"
        wanted = MODELS[zone].contents(number)
        assert theirs == wanted, f"{peer.name} {zone} {number}: {sorted(theirs ^ wanted)[:10]}"
        self.seen[peer.name, zone].add(number)
        return number

    def arrive(self) -> None:
        """All have the last version."""
        deadline = time.monotonic() + WITHIN
        for peer in self.peers:
            for zone in ZONES:
                while (number := self.look_at(peer, zone)) != self.versions[zone]:
                    late = f"{peer.name} has {number} of {zone}, not {self.versions[zone]}"
                    assert time.monotonic() < deadline, f"{late}\n{peer.last_words()}"
                    time.sleep(0.1)

    def count(self, result: str) -> int:
        """Of nsblast's transfers, by how they ended."""
        text = httpx.get(f"{self.server.url}/metrics", auth=("admin", PASSWORD), timeout=10).text
        mark = f'nsblast_transfers_out_total{{result="{result}"}} '
        return int(float(next(line.split()[-1] for line in text.splitlines() if line.startswith(mark))))

    def reaches_back(self, serial: int) -> bool:
        """Whether nsblast still has the differences from this serial on; each of its workers is likely to be asked."""
        asked = [transfers.question(zone, serial) for zone in ZONES for _ in range(8)]
        return any(transfers.take(query, self.place)[1][2].rdtype == dns.rdatatype.SOA for query in asked)

    def wait_for(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WITHIN
        while not holds():
            assert time.monotonic() < deadline
            time.sleep(0.1)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with api(tmp_path, *FLAGS, workers=2) as server:
        for zone, model in MODELS.items():
            path = tmp_path / f"{zone}zone"
            path.write_text(model.text)
            assert nsblast("zone", "import", path, "-d", server.db_path).code == 0
        with server.client() as client:
            form = {"name": KEY, "algorithm": "hmac-sha256", "secret": SECRET, "transfer": True}
            assert client.post("/tsigkey", json=form).status_code == 201
        made = Scene(server, tmp_path)
        try:
            yield made
        finally:
            stop_all(made.peers)


@pytest.mark.timeout(120 + CHANGES)
def test_every_version_received_is_one_that_existed(scene: Scene) -> None:
    scene.follow()
    with scene.changing(CHANGES) as thread:
        while thread.is_alive():
            for peer in scene.peers:
                for zone in ZONES:
                    scene.look_at(peer, zone)
                    time.sleep(0.06)  # the changes are made in this process too
    assert set(scene.versions.values()) == {CHANGES}
    scene.arrive()
    for (name, zone), numbers in scene.seen.items():
        assert len(numbers) >= 3, f"{name} {zone}: only {numbers}"
    assert scene.count("ixfr") > 10
    assert scene.count("broken") == 0


def test_deaths_on_both_sides(scene: Scene) -> None:
    scene.follow()
    with scene.changing():
        for peer in scene.peers:
            time.sleep(0.1)
            peer.kill()
        scene.again()
        scene.look()
        scene.server.stop(signal.SIGKILL)  # its children die with it
        scene.look()  # secondaries go on
        scene.server.start(*FLAGS, env={**os.environ, "NSBLAST_ADMIN_PASSWORD": PASSWORD})
        pids = scene.server.pids()
        scene.server.kill(pids["control"])
        time.sleep(0.3)
        scene.server.kill(next(pid for name, pid in pids.items() if name.startswith("worker")))
        scene.look()
    scene.arrive()
    assert scene.server.stop() == 0
    stop_all(scene.peers)
    scene.server.start(*FLAGS, env={**os.environ, "NSBLAST_ADMIN_PASSWORD": PASSWORD})
    scene.again()
    scene.change_all(3)
    scene.arrive()


def test_a_gap_in_the_journal(scene: Scene) -> None:
    """Who comes back after the journal was trimmed gets the whole zone."""
    scene.follow()
    scene.change_all(5)
    scene.arrive()
    stop_all(scene.peers)
    with Client(scene.server.db_path, 10) as control:
        control.call("set", changes={"journal_size": "1"})
    scene.change_all(20)
    while scene.reaches_back(serial=6):  # trimmed now and then; a worker sees it with its next change
        time.sleep(0.1)
        scene.change_all(1)
    before = scene.count("whole")
    scene.again(())
    scene.arrive()
    # Knot asks for differences of both. PowerDNS asks for whole zones only, BIND and NSD when they had no time to write their own.
    scene.wait_for(lambda: scene.count("whole") >= before + 2)


@pytest.mark.parametrize("fault", ["key", "clock"])
def test_who_does_not_sign_rightly_gets_nothing(scene: Scene, fault: str) -> None:
    if fault == "clock" and shutil.which("faketime") is None:
        pytest.skip("faketime is not installed")
    if fault == "clock":
        scene.peers = [
            peer for peer in scene.peers if peer.name != "bind"
        ]  # its allocator and faketime lock each other up
    for peer in scene.peers:
        if fault == "key":
            peer.secret = WRONG
        else:
            peer.prefix = ["faketime", "-f", "+1h"]
    scene.follow(awaited=(PLAIN,))
    scene.wait_for(lambda: scene.count("refused") >= len(scene.peers))
    for peer in scene.peers:
        assert scene.look_at(peer, PLAIN) == 0
        query = dns.message.make_query(KEYED, "SOA")
        assert not dns.query.udp(query, ADDRESS, 5, scene.places[peer.name][1]).answer
