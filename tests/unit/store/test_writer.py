"""Commits: grouped, durable, visible by every name's deepest zone, in order, large ones too."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nsblast._core.engine import MISS, Engine
from nsblast._core.rrset import unpack_entry
from nsblast._core.segment import Segment
from nsblast.errors import Conflict, InputError, NotFound, StoreError
from nsblast.serve.fill import Follower
from nsblast.store import layout
from nsblast.store.changes import Keep
from nsblast.store.commit import Event
from nsblast.store.engine import Database
from nsblast.store.reader import StoreReader
from nsblast.store.values_v1 import What
from nsblast.store.visible import Plan
from nsblast.store.warm import Warmer
from nsblast.store.writer import Broken, Committer
from nsblast.types import Rr
from nsblast.zones.build import entries_of
from nsblast.zones.model import ChangeSet, DeleteName, DeleteZone, MergeRRsets, PutName, ReplaceZone, Result
from nsblast.zones.replace import ZoneRules
from tests.unit.zones.editing import A1, A2, A3, APEX, NS, SOA, A, a, put, soa, start, wire

SUB = wire("sub.example.")


class Server:
    """A committer with a segment and one follower that catches up when it is woken."""

    def __init__(self, path: Path, fd: int | None = None, **more: Any) -> None:
        self.fd = Segment.create(16 << 20, 1) if fd is None else fd
        self.segment = Segment(self.fd, writer=True)
        self.database = Database.primary(path)
        self.committer = Committer(self.database, ZoneRules(), segment=self.segment, wake=self.wake, **more)
        self.committer.start()
        self.reader = StoreReader(self.database)
        self.worker: StoreReader | None = None
        self.woken = 0

    def follow(self) -> StoreReader:
        self.worker = StoreReader(Database.secondary(self.database.path, "1"), self.segment.filter_maybe_apex)
        self.segment.worker_register(0, 1, self.worker.position)
        return self.worker

    def wake(self) -> None:
        self.woken += 1
        if self.worker is not None:
            self.segment.worker_position(0, self.worker.catch_up())

    def do(self, *ops: Any, apex: bytes = APEX, **more: Any) -> Result:
        result = self.committer.apply(ChangeSet(apex, ops, **more))
        assert isinstance(result, Result)
        return result

    def shown(self, name: str) -> bytes | None:
        """The address a worker answers for a name: cache first, then its own view of the store; None when there is none."""
        engine = Engine(self.fd, cookies=False)
        store = Follower(self.worker or self.reader)
        query = bytes.fromhex("1234 0000 0001 0000 0000 0000") + wire(name) + bytes.fromhex("0001 0001")
        for _ in range(50):
            answer = engine.answer(query, b"\x7f\0\0\1")
            if answer == MISS:
                kind, apex, asked = engine.miss()
                engine.fill(kind, apex, asked, *store.fetch(kind, apex, asked), store.position)
                continue
            assert isinstance(answer, bytes)
            counts = int.from_bytes(answer[6:8], "big")
            assert (counts == 0) == (answer[3] & 15 == 3), answer
            return answer[len(query) + 12 : len(query) + 16] if counts else None
        raise AssertionError("no end of misses")

    def close(self) -> None:
        self.committer.close()
        if self.worker is not None:
            self.worker.database.close()
        self.database.close()
        self.segment.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "db")
    server.do(*start())
    yield server
    server.close()


def big(count: int, serial: int = 1, address: bytes = A1, first: int = 0) -> list[Rr]:
    rrs: list[Rr] = [(APEX, SOA, 300, soa(serial)), (APEX, NS, 300, wire("ns.example."))]
    rrs += [(wire(f"n{number:06}.example."), A, 60, address) for number in range(first, first + count)]
    return rrs


def replace(rrs: list[Rr], apex: bytes = APEX, **more: Any) -> ChangeSet:
    return ChangeSet(apex, (ReplaceZone(entries_of(apex, rrs)),), **more)


# -- ordinary commits --


def test_a_change_is_in_store_and_cache_when_it_returns(server: Server) -> None:
    follower = server.follow()
    result = server.committer.apply(put("www.example.", A1))
    assert result.number == server.segment.done == server.database.position == 2
    assert server.segment.read(wire("www.example.")) == server.reader.fetch(wire("www.example.")).blob
    assert follower.position == 1
    assert server.shown("www.example.") == A1
    server.do(DeleteName(wire("www.example.")))
    assert server.segment.read(wire("www.example.")) == b""


def test_waiting_changes_share_a_commit_and_fail_alone(server: Server) -> None:
    with server.committer.lock:
        futures = [server.committer.submit(put(f"w{number}.example.", A1)) for number in range(50)]
        futures.append(server.committer.submit(put("www.other.", A1)))
        futures.append(server.committer.submit(ChangeSet(wire("none."), (DeleteZone(),))))
    results = [future.exception() or future.result() for future in futures]
    assert [result.serial for result in results[:50]] == list(range(2, 52))
    assert isinstance(results[50], InputError)
    assert isinstance(results[51], NotFound)
    assert len({result.number for result in results[:50]}) <= 2
    assert [record.serial_to for _, record in server.reader.journal(APEX)] == list(range(1, 52))


def test_racing_appends_are_all_there(server: Server) -> None:
    from nsblast.zones.model import AppendRRs

    def append(first: int) -> None:
        for last in range(first, first + 20):
            server.do(AppendRRs(wire("r.example."), a(bytes((10, 0, 0, last)))))

    threads = [threading.Thread(target=append, args=(first,)) for first in range(0, 160, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    blob = server.reader.fetch(wire("r.example.")).blob
    assert len(unpack_entry(blob).rrsets[0][2]) == 160
    assert server.do(DeleteName(wire("r.example."))).serial == 162


def test_a_dry_run_tells_and_changes_nothing(server: Server) -> None:
    result = server.committer.apply(put("www.example.", A1, dry_run=True))
    assert result.diff is not None
    assert (wire("www.example."), A, 60, A1) in result.diff.added
    assert server.database.position == 1
    assert server.shown("www.example.") is None


def test_events_and_the_change_log(server: Server) -> None:
    told: list[Event] = []
    server.committer.listen(told.append)
    server.committer.apply(put("www.example.", A1))
    server.do(DeleteZone())
    assert [(event.number, event.zones[0].what, event.zones[0].serial) for event in told] == [
        (2, What.CHANGED, 2),
        (3, What.DELETED, 2),
    ]
    log = list(server.reader.changes(1))
    assert [number for number, _ in log] == [2, 3]
    assert layout.entry_key(wire("www.example."), 1) in log[0][1].keys
    assert [record.what for _, record in server.reader.journal(APEX)] == [What.CREATED, What.CHANGED, What.DELETED]
    assert server.reader.journal_since(APEX, 1) is None
    assert list(server.reader.zones()) == []


def test_after_close_nothing_is_taken(server: Server) -> None:
    server.committer.close()
    with pytest.raises(StoreError, match="being closed"):
        server.committer.apply(put("www.example.", A1))


def test_a_commit_that_cannot_be_shown_ends_the_writer_and_is_mended_by_the_next(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Broken] = []
    server.committer.on_broken = told.append
    visible = server.committer.visible
    assert visible is not None

    def fail(number: int, plan: Plan) -> None:
        visible.segment.begin(number, plan.zones)
        raise ValueError("torn")

    monkeypatch.setattr(visible, "show", fail)
    with pytest.raises(Broken, match="commit 2 is stored, but cannot be made visible: torn"):
        server.committer.apply(put("www.example.", A1))
    server.committer.close()
    assert len(told) == 1
    with pytest.raises(StoreError):
        server.committer.apply(put("later.example.", A1))
    server.database.close()
    again = Server(tmp_path / "db", server.fd)
    assert again.segment.done == 2
    assert again.shown("www.example.") == A1
    again.close()


def test_without_a_segment(tmp_path: Path) -> None:
    database = Database.primary(tmp_path / "db")
    committer = Committer(database, ZoneRules())
    committer.start()
    committer.apply(ChangeSet(APEX, start()))
    committer.apply(replace(big(6000, 5)))
    assert StoreReader(database).fetch(wire("n005999.example.")).blob
    committer.apply(ChangeSet(APEX, (DeleteZone(),)))
    assert StoreReader(database).find_zone(APEX) is None
    committer.close()
    database.close()


# -- child and parent --


def make_child(server: Server) -> None:
    server.do(*start(1, SUB), PutName(wire("x.sub.example."), a(A2)), apex=SUB)


def test_a_child_zone_hides_what_the_parent_has_below(server: Server) -> None:
    server.do(PutName(wire("x.sub.example."), a(A1)), PutName(wire("glue.sub.example."), a(A1)))
    server.follow()
    make_child(server)
    assert server.shown("x.sub.example.") == A2
    assert server.shown("glue.sub.example.") is None
    server.committer.apply(put("glue.sub.example.", A3))
    assert server.shown("glue.sub.example.") is None
    server.do(DeleteZone(), apex=SUB)
    assert server.shown("x.sub.example.") == A1
    assert server.shown("glue.sub.example.") == A3
    server.wake()
    assert server.shown("x.sub.example.") == A1


@pytest.mark.parametrize("behind", [False, True])
def test_zones_in_one_group(server: Server, behind: bool) -> None:
    server.follow()
    with server.committer.lock:
        changes = [
            put("x.sub.example.", A1),
            ChangeSet(SUB, (*start(1, SUB), PutName(wire("x.sub.example."), a(A2)))),
            put("y.sub.example.", A1),
            ChangeSet(SUB, (DeleteZone(),)) if behind else put("z.sub.example.", A3, apex=SUB),
        ]
        futures = [server.committer.submit(change) for change in changes]
    for future in futures:
        future.result(5)
    if behind:
        assert (server.shown("x.sub.example."), server.shown("y.sub.example.")) == (A1, A1)
    else:
        assert server.shown("x.sub.example.") == A2
        assert server.shown("y.sub.example.") is None
        assert server.shown("z.sub.example.") == A3


# -- large ones --


@pytest.mark.parametrize("follow", [False, True])
def test_a_large_replacement(server: Server, follow: bool) -> None:
    if follow:
        server.follow()
    server.committer.apply(put("n000001.example.", A3))
    result = server.committer.apply(replace(big(6000, serial=1)))
    assert (result.serial, result.names_changed, result.number) == (3, 6001, 3)
    assert (server.shown("n000001.example."), server.shown("n005999.example.")) == (A1, A1)
    assert server.segment.done == server.database.position == 3
    record = server.reader.zone(APEX)
    assert record is not None
    assert (record.serial, record.names) == (3, 6001)
    # half of it goes, half of it is new, and the file's serial is newer
    result = server.committer.apply(replace(big(6000, serial=77, first=3000)))
    assert (result.serial, result.names_changed) == (77, 6001)
    assert server.shown("n000001.example.") is None
    assert server.shown("n008999.example.") == A1
    assert result.diff is not None
    assert (len(result.diff.removed), len(result.diff.added)) == (3001, 3001)
    assert len(list(server.reader.entries(APEX))) == 6001
    pieces = [record for number, record in server.reader.journal(APEX) if number == 4]
    assert sum(len(piece.removed) for piece in pieces) == 3001
    assert [piece.part for piece in pieces] == list(range(len(pieces)))
    # a small difference goes the ordinary way
    result = server.committer.apply(replace([*big(6000, serial=78, first=3000), (wire("new.example."), A, 60, A2)]))
    assert (result.serial, result.names_changed, server.shown("new.example.")) == (78, 2, A2)
    assert server.committer.apply(replace([*big(6000, 3, first=3000), (wire("new.example."), A, 60, A2)])).number == 0


def test_a_large_replacement_is_one_version_for_a_worker(server: Server) -> None:
    server.committer.apply(replace(big(6000, serial=5)))
    worker = server.follow()
    before = worker.position
    server.committer.apply(replace(big(6000, serial=6, address=A2)))
    assert worker.position == before + 1
    assert {server.shown(f"n{number:06}.example.") for number in range(0, 6000, 500)} == {A2}


def test_a_large_new_child_zone(server: Server) -> None:
    server.do(PutName(wire("x.sub.example."), a(A1)), PutName(wire("n1.sub.example."), a(A1)))
    server.follow()
    rrs: list[Rr] = [(SUB, SOA, 300, soa(1)), (SUB, NS, 300, wire("ns.example."))]
    rrs += [(wire(f"n{number}.sub.example."), A, 60, A2) for number in range(6000)]
    server.committer.apply(replace(rrs, SUB))
    assert (server.shown("n1.sub.example."), server.shown("x.sub.example.")) == (A2, None)
    server.do(DeleteZone(), apex=SUB)
    assert (server.shown("n1.sub.example."), server.shown("x.sub.example.")) == (A1, A1)
    assert server.shown("n2.sub.example.") is None
    assert list(server.reader.entries(SUB)) == []


def test_a_dry_large_replacement(server: Server) -> None:
    result = server.committer.apply(replace(big(6000), dry_run=True))
    assert (result.number, result.serial, result.names_changed) == (0, 2, 6001)
    assert server.shown("n000001.example.") is None
    assert list((server.database.path / "bulk").iterdir()) == []


def test_a_replacement_that_breaks_off_changes_nothing(server: Server) -> None:
    def broken() -> Iterator[tuple[bytes, bytes]]:
        for number, entry in enumerate(entries_of(APEX, big(8000))):
            if number == 7000:
                raise InputError("zone.db:7001: bad")
            yield entry

    with pytest.raises(InputError, match="zone.db:7001"):
        server.committer.apply(ChangeSet(APEX, (ReplaceZone(broken()),)))
    assert server.database.position == 1
    assert list((server.database.path / "bulk").iterdir()) == []
    disordered = [*entries_of(APEX, big(20))][::-1]
    with pytest.raises(InputError, match="out of order"):
        server.committer.apply(ChangeSet(APEX, (ReplaceZone(disordered),)))
    with pytest.raises(InputError, match="must have a SOA"):
        server.committer.apply(ChangeSet(APEX, (ReplaceZone([]),)))
    with pytest.raises(InputError, match="at least one NS"):
        server.committer.apply(replace([(APEX, SOA, 300, soa(1)), *big(6000)[2:]]))
    assert server.committer.apply(put("www.example.", A1)).serial == 2


def test_a_zones_changes_wait_for_its_replacement_others_do_not(server: Server) -> None:
    server.do(*start(1, wire("other.")), apex=wire("other."))
    going = threading.Event()
    on = threading.Event()

    def slow() -> Iterator[tuple[bytes, bytes]]:
        for number, entry in enumerate(entries_of(APEX, big(5500))):
            if number == 100:
                going.set()
                assert on.wait(10)
            yield entry

    replaced = server.committer.submit(ChangeSet(APEX, (ReplaceZone(slow()),)))
    assert going.wait(10)
    waiting = server.committer.submit(put("late.example.", A3))
    assert server.committer.apply(put("www.other.", A1, apex=wire("other."))).serial == 2
    assert not waiting.done()
    on.set()
    assert replaced.result(10).serial == 2
    assert waiting.result(10).serial == 3
    assert server.shown("late.example.") == A3


def test_guards_hold_for_large_replacements(server: Server) -> None:
    def guard(contents: Any) -> None:
        raise Conflict(f"serial is {contents.serial}")

    with pytest.raises(Conflict, match="serial is 1"):
        server.committer.apply(replace(big(6000), guard=guard))


# -- a segment that outlives its writer --


def test_a_new_writer_brings_the_segment_up(server: Server, tmp_path: Path) -> None:
    server.do(PutName(wire("x.sub.example."), a(A1)), PutName(wire("gone.example."), a(A1)))
    for name in ("x.sub", "gone", "new", "n000007"):
        server.segment.warm(wire(f"{name}.example."), server.reader.fetch(wire(f"{name}.example.")).blob)
    server.committer.close()
    offline = Committer(server.database, ZoneRules())
    offline.start()
    offline.apply(put("new.example.", A2))
    offline.apply(ChangeSet(APEX, (DeleteName(wire("gone.example.")),)))
    offline.apply(ChangeSet(SUB, (*start(1, SUB), PutName(wire("x.sub.example."), a(A2)))))
    offline.apply(replace([(wire("a.big."), A, 60, A1), *[(wire("big."), *rr[1:]) for rr in big(0)]], wire("big.")))
    offline.close()
    assert server.shown("gone.example.") == A1
    server.database.close()
    again = Server(tmp_path / "db", server.fd)
    assert again.segment.done == again.database.position
    assert again.shown("new.example.") == A2
    assert again.shown("gone.example.") is None
    assert again.shown("x.sub.example.") == A2
    assert again.shown("a.big.") == A1
    assert again.committer.apply(put("on.example.", A3)).number == again.segment.done
    again.close()
    server.database = Database.primary(tmp_path / "db")


# -- keeping the past within bounds --


def test_the_past_is_trimmed_by_age_size_and_length(tmp_path: Path) -> None:
    now = [1000.0]
    server = Server(tmp_path / "db", clock=lambda: now[0])
    server.do(*start())
    for last in range(1, 21):
        now[0] += 10
        server.committer.apply(put(f"w{last}.example.", A1))
    tend: Callable[[], None] = server.committer._tend
    kept = server.committer._kept
    tend()
    assert (server.reader.oldest_change(), kept) == (1, server.committer._kept)
    server.committer.keep = Keep(age=105)
    tend()
    assert server.reader.oldest_change() == 11
    assert [number for number, _ in server.reader.journal(APEX)] == list(range(11, 22))
    server.committer.keep = Keep(octets=server.committer._kept // 2)
    tend()
    assert server.committer._kept <= server.committer.keep.octets
    oldest = server.reader.oldest_change()
    assert 14 <= oldest <= 18
    server.committer.keep = Keep(commits=1)
    tend()
    assert [number for number, _ in server.reader.changes()] == [21]
    server.close()


# -- the background fill --


def wait_for(true: Callable[[], bool]) -> None:
    for _ in range(2000):
        if true():
            return
        threading.Event().wait(0.005)
    raise AssertionError("it did not come to be")


def test_the_warmer_fills_filter_and_cache(server: Server, tmp_path: Path) -> None:
    server.committer.apply(replace(big(6000)))
    server.do(PutName(wire("x.sub.example."), a(A1)), PutName(wire("glue.sub.example."), a(A1)))
    make_child(server)
    server.close()
    again = Server(tmp_path / "db")
    warmer = Warmer(again.committer)
    assert not warmer.load_filter()
    warmer.start(filter_is_there=False)
    wait_for(lambda: again.segment.complete)
    assert unpack_entry(again.segment.read(wire("n000017.example.")) or b"").rrsets[0][2] == [A1]
    assert unpack_entry(again.segment.read(wire("x.sub.example.")) or b"").rrsets[0][2] == [A2]
    assert again.segment.read(wire("glue.sub.example.")) is None
    assert again.segment.filter_maybe(wire("n000017.example."))
    assert again.segment.filter_maybe_apex(SUB)
    missing = sum(again.segment.filter_maybe(wire(f"m{number}.example.")) for number in range(1000))
    assert missing < 100
    # a large change takes the completeness back until the cache is filled anew
    again.committer.apply(replace(big(6000, serial=50, address=A2)))
    wait_for(lambda: again.segment.complete and again.segment.read(wire("n000017.example.")) is not None)
    assert again.shown("n000017.example.") == A2
    again.committer.apply(put("later.example.", A1))
    warmer.close()
    again.close()
    # the saved filter is taken, with what was gained since
    third = Server(tmp_path / "db")
    third.committer.apply(put("since.example.", A1))
    third.close()
    fourth = Server(tmp_path / "db")
    warmer = Warmer(fourth.committer)
    assert warmer.load_filter()
    for name in ("n000017", "later", "since"):
        assert fourth.segment.filter_maybe(wire(f"{name}.example."))
    assert fourth.segment.filter_maybe_apex(SUB)
    assert sum(fourth.segment.filter_maybe(wire(f"m{number}.example.")) for number in range(1000)) < 100
    warmer.start(filter_is_there=True)
    wait_for(lambda: fourth.segment.complete)
    warmer.close()
    fourth.close()
    server.committer = Committer(Database.primary(tmp_path / "other"), ZoneRules())
    server.committer.start()


def test_a_merge_that_empties_a_type(server: Server) -> None:
    server.committer.apply(put("m.example.", A1))
    from nsblast.zones.model import RRset

    server.do(MergeRRsets(wire("m.example."), (RRset(A, 0, ()),)))
    assert server.segment.read(wire("m.example.")) == b""
