"""Changes through the control socket of a running server: visible in every worker when the call returns, kept over every death.

CHANGES_KILLS is how often everything is killed: 25 usually; a hundred take two to three minutes.
"""

import contextlib
import os
import random
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest

from nsblast.backend.local import LocalBackend
from nsblast.backend.remote import RemoteBackend
from nsblast.backend.store import open_for_command
from nsblast.errors import Conflict, ControlError, NotFound, StoreLocked
from nsblast.settings import Settings
from nsblast.store.commit import BULK
from nsblast.zones.build import entries_of
from nsblast.zones.model import (
    AppendRRs,
    ChangeSet,
    CreateZone,
    DeleteName,
    DeleteZone,
    MergeRRsets,
    PutName,
    ReplaceZone,
    RRset,
)
from tests.helpers.server import Server, alive

KILLS = int(os.environ.get("CHANGES_KILLS", "25"))


@contextlib.contextmanager
def backend_of(server: Server) -> Iterator[RemoteBackend]:
    with contextlib.closing(RemoteBackend(server.db_path, 30)) as backend:
        yield backend


def reopened(settings: Settings) -> LocalBackend:
    """The store of a server that was killed: the kernel lets go of its lock when the last thread is gone."""
    deadline = time.monotonic() + 5
    while True:
        try:
            return open_for_command(settings, create=False)
        except StoreLocked:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    one = Server(tmp_path)
    yield one
    one.end()


def wire(name: str) -> bytes:
    return dns.name.from_text(name).to_wire()


def rrset(rdtype: str, *texts: str, ttl: int = 300) -> RRset:
    number = dns.rdatatype.from_text(rdtype)
    return RRset(number, ttl, tuple(dns.rdata.from_text(dns.rdataclass.IN, number, text).to_wire() for text in texts))


def new_zone(apex: str) -> ChangeSet:
    soa = rrset("SOA", f"ns.{apex} root.{apex} 1 3600 600 86400 60")
    return ChangeSet(
        wire(apex), (CreateZone(), PutName(wire(apex), (soa, rrset("NS", f"ns.{apex}"))), address(f"ns.{apex}", 1))
    )


def address(name: str, number: int) -> PutName:
    return PutName(wire(name), (rrset("A", f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"),))


def contents(apex: str, names: int) -> ChangeSet:
    """A whole zone of so many hosts: too large to go through the cache name by name."""
    soa = rrset("SOA", f"ns.{apex} root.{apex} 1 3600 600 86400 60")
    rrs = [(wire(apex), each.type, each.ttl, each.rdatas[0]) for each in (soa, rrset("NS", "ns.elsewhere."))]
    rrs += [(wire(f"h{n}.{apex}"), 1, 300, n.to_bytes(4, "big")) for n in range(names)]
    return ChangeSet(wire(apex), (ReplaceZone(entries_of(wire(apex), rrs)),))


def test_a_list_may_be_left_and_asked_beside(server: Server) -> None:
    """A stream still being read, with more under way than its sender waits for, takes nothing from other requests, nor they from it."""
    server.start()
    with backend_of(server) as backend:
        backend.apply(contents("z.test.", 60_000))
        first, second = backend.entries(wire("z.test.")), backend.entries(wire("z.test."))
        names = [next(first).owner]
        assert next(second).owner == names[0]
        assert backend.apply(new_zone("other.test.")).serial == 1
        assert backend.zone(wire("other.test.")) is not None
        names += [each.owner for each in first]
        assert len(names) == len(set(names)) == 60_001
        assert [each.owner for each in second] == names[1:]


class Asker:
    """Queries over sockets of many client ports, so that every worker of the port gets some."""

    def __init__(self, server: Server, ports: int = 16) -> None:
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(ports)]
        for one in self.sockets:
            one.settimeout(3)
            one.connect((server.address, server.port))

    def all(self, name: str, rdtype: str = "A") -> list[dns.message.Message]:
        """The answer of each port's worker."""
        query = dns.message.make_query(name, rdtype).to_wire()
        for one in self.sockets:
            one.send(query)
        return [dns.message.from_wire(one.recv(4096)) for one in self.sockets]

    def addresses(self, name: str) -> set[str]:
        """Whatever any worker says."""
        return {str(rr) for answer in self.all(name) for rrset in answer.answer for rr in rrset} or {"none"}

    def close(self) -> None:
        for one in self.sockets:
            one.close()


@pytest.fixture
def asker(server: Server) -> Iterator[Asker]:
    server.start()
    one = Asker(server)
    yield one
    one.close()


def test_new_zone_and_each_change_are_visible_in_every_worker_at_once(server: Server, asker: Asker) -> None:
    with backend_of(server) as backend:
        see_each_change(backend, asker)


def see_each_change(backend: RemoteBackend, asker: Asker) -> None:
    assert {a.rcode() for a in asker.all("www.example.")} == {dns.rcode.REFUSED}
    backend.apply(new_zone("example."))
    assert {a.rcode() for a in asker.all("www.example.")} == {dns.rcode.NXDOMAIN}
    for number in range(200):
        result = backend.apply(ChangeSet(wire("example."), (address("www.example.", number),)))
        assert asker.addresses("www.example.") == {f"10.0.0.{number}"}
        assert {a.answer[0][0].serial for a in asker.all("example.", "SOA")} == {result.serial}
    backend.apply(ChangeSet(wire("example."), (DeleteName(wire("www.example.")),)))
    assert {a.rcode() for a in asker.all("www.example.")} == {dns.rcode.NXDOMAIN}
    backend.apply(new_zone("sub.example."))
    assert {a.rcode() for a in asker.all("x.sub.example.")} == {dns.rcode.NXDOMAIN}
    assert asker.addresses("ns.sub.example.") == {"10.0.0.1"}
    backend.apply(ChangeSet(wire("example."), (DeleteZone(),)))
    assert {a.rcode() for a in asker.all("ns.example.")} == {dns.rcode.REFUSED}
    assert asker.addresses("ns.sub.example.") == {"10.0.0.1"}


def test_large_zone_goes_through_a_spool_file_and_appears_whole(server: Server, asker: Asker) -> None:
    with backend_of(server) as backend:
        result = backend.apply(contents("big.example.", BULK + 1000))
        assert result.serial == 1
        assert asker.addresses("h0.big.example.") == {"0.0.0.0"}
        last = BULK + 999
        assert asker.addresses(f"h{last}.big.example.") == {f"0.0.{last >> 8}.{last & 255}"}
        smaller = backend.apply(contents("big.example.", 10))
        assert smaller.serial == 2
        assert {a.rcode() for a in asker.all(f"h{last}.big.example.")} == {dns.rcode.NXDOMAIN}
        assert asker.addresses("h9.big.example.") == {"0.0.0.9"}
        assert len(list(backend.entries(wire("big.example.")))) == 11
    assert os.listdir(server.db_path / "spool") == []


def test_many_writers_none_lost_all_visible(server: Server, asker: Asker) -> None:
    with backend_of(server) as first:
        first.apply(new_zone("example."))
    failures: list[BaseException] = []

    def write(part: int) -> None:
        try:
            with backend_of(server) as backend:
                for number in range(25):
                    added = AppendRRs(wire("all.example."), (rrset("TXT", f"{part}-{number}"),))
                    backend.apply(ChangeSet(wire("example."), (added,)))
        except BaseException as error:  # told below, in the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=write, args=(part,)) for part in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    answer = server.ask("all.example.", "TXT", tcp=True)
    assert {rr.to_text() for rr in answer.answer[0]} == {f'"{p}-{n}"' for p in range(8) for n in range(25)}
    with backend_of(server) as last:
        zone = last.zone(wire("example."))
        assert zone is not None
        # Every change-set is one serial.
        assert zone.serial == 1 + 8 * 25
        assert len(list(last.history(wire("example.")))) == 1 + 8 * 25


def test_errors_and_reads_are_those_of_the_store(server: Server, asker: Asker) -> None:
    with backend_of(server) as backend:
        meet_errors_and_read(backend, asker)


def meet_errors_and_read(backend: RemoteBackend, asker: Asker) -> None:
    backend.apply(new_zone("example."))
    with pytest.raises(Conflict):
        backend.apply(new_zone("example."))
    with pytest.raises(NotFound):
        backend.apply(ChangeSet(wire("other."), (address("www.other.", 1),)))
    with pytest.raises(NotFound, match=r"there is no zone other\."):
        list(backend.entries(wire("other.")))
    dry = backend.apply(ChangeSet(wire("example."), (address("www.example.", 1),), dry_run=True))
    assert dry.number == 0
    assert {a.rcode() for a in asker.all("www.example.")} == {dns.rcode.NXDOMAIN}
    backend.apply(
        ChangeSet(
            wire("example."),
            tuple(address(f"n{n:04}.example.", n) for n in range(1200)),
        )
    )
    names = [dns.name.from_wire(entry.owner, 0)[0].to_text() for entry in backend.entries(wire("example."))]
    assert names == ["example.", *[f"n{n:04}.example." for n in range(1200)], "ns.example."]
    page = list(backend.entries(wire("example."), wire("n0999.example."), limit=3))
    assert [entry.owner for entry in page] == [wire(f"n{n}.example.") for n in (1000, 1001, 1002)]
    assert [zone.apex for zone in backend.zones()] == [wire("example.")]
    found = backend.find_zone(wire("a.b.example."))
    assert found is not None
    assert found.apex == wire("example.")
    assert backend.entry(wire("none.example.")) is None


def test_control_killed_between_changes_nothing_is_lost_and_changes_go_on(server: Server, asker: Asker) -> None:
    with backend_of(server) as backend:
        backend.apply(new_zone("example."))
    pids = server.pids()
    for number in range(5):
        done = 0
        with backend_of(server) as backend:
            for done in range(1, 11):
                backend.apply(ChangeSet(wire("example."), (address("www.example.", number * 100 + done),)))
            server.kill(server.pids()["control"])
        # Workers answer meanwhile, and rightly.
        assert asker.addresses("www.example.") == {f"10.0.{(number * 100 + done) >> 8}.{(number * 100 + done) & 255}"}
        server.wait_ready()
    after = server.pids()
    assert {name for name in pids if pids[name] != after[name]} == {"control"}


def test_control_killed_under_load_of_changes(server: Server, asker: Asker) -> None:
    """Killed at any moment of a commit: what it leaves is mended by its successor, and workers never say anything else."""
    with backend_of(server) as backend:
        backend.apply(new_zone("example."))
        backend.apply(ChangeSet(wire("example."), (address("a.example.", 0), address("b.example.", 0))))
    acknowledged = 0
    for _ in range(6):
        control = server.pids()["control"]
        killer = threading.Timer(random.uniform(0.02, 0.2), os.kill, (control, signal.SIGKILL))
        killer.start()
        tried = acknowledged
        with contextlib.suppress(ControlError), backend_of(server) as backend:
            while True:
                tried += 1
                both = (address("a.example.", tried), address("b.example.", tried))
                backend.apply(ChangeSet(wire("example."), both))
                acknowledged = tried
        killer.join()
        server.wait_ready()
        values = asker.addresses("a.example.")
        assert values == asker.addresses("b.example.")
        (value,) = values
        octets = [int(part) for part in value.split(".")]
        shown = octets[1] << 16 | octets[2] << 8 | octets[3]
        # What was under way may have been committed or not; what was acknowledged has been.
        assert acknowledged <= shown <= tried
        acknowledged = shown


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_everything_killed_again_and_again_nothing_acknowledged_is_lost_nothing_is_half(server: Server) -> None:
    settings = Settings(db_path=server.db_path)
    server.workers = 1
    acknowledged: dict[str, int] = {}
    tried: dict[str, int] = {}
    imported: set[str] = set()
    whole = 0
    for turn in range(KILLS):
        server.start()
        pids = server.pids()
        stop = threading.Event()

        def write(zone: str, start: int, stop: threading.Event = stop) -> None:
            number = start
            with contextlib.suppress(ControlError, Conflict), backend_of(server) as backend:
                if zone not in acknowledged:
                    backend.apply(new_zone(zone))
                    acknowledged[zone] = tried[zone] = 0
                while not stop.is_set():
                    number += 1
                    tried[zone] = number
                    pair = tuple(MergeRRsets(wire(f"{x}.{zone}"), (rrset("TXT", str(number)),)) for x in "ab")
                    backend.apply(ChangeSet(wire(zone), pair))
                    acknowledged[zone] = number

        def bring(zone: str) -> None:
            with contextlib.suppress(ControlError), backend_of(server) as backend:
                backend.apply(contents(zone, BULK + 1))
                imported.add(zone)

        zones = [f"z{n}.example." for n in range(3)] + [f"turn{turn}.example."]
        threads = [threading.Thread(target=write, args=(zone, tried.get(zone, 0))) for zone in zones]
        threads.append(threading.Thread(target=bring, args=(f"big{turn}.example.",)))
        for thread in threads:
            thread.start()
        time.sleep(random.uniform(0.02, 0.6))
        server.kill(server.pid)
        for thread in threads:
            thread.join()
        stop.set()
        server.wait_ended()
        while any(map(alive, pids.values())):
            time.sleep(0.005)
        store = reopened(settings)
        try:
            for zone, number in acknowledged.items():
                record = store.zone(wire(zone))
                assert record is not None
                texts = [store.entry(wire(f"{x}.{zone}")) for x in "ab"]
                blobs = {entry.blob if entry is not None else None for entry in texts}
                assert len(blobs) == 1, f"{zone}: half a change"
                # One serial a change-set: the serial tells how far the zone got.
                reached = record.serial - 1
                assert number <= reached <= tried[zone]
                acknowledged[zone] = tried[zone] = reached
            big = f"big{turn}.example."
            there = store.zone(wire(big)) is not None
            assert there or big not in imported
            if there:
                assert len(list(store.entries(wire(big)))) == BULK + 2
                whole += 1
        finally:
            store.close()
    # It was a trial of something: much was written, and imports ended either way.
    assert sum(acknowledged.values()) > 5 * KILLS
    assert 0 < whole < KILLS or KILLS < 10
