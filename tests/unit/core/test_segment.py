"""The segment's writer and its readers, in one process: commits, pins, eviction, the rights of a map, what is refused."""

import os
import random

import pytest

from nsblast._core.segment import Segment
from nsblast._core.view import View
from tests.helpers.segments import MIB, SEED, commit, name, segment_file, writer_of
from tests.native import probe

APEX = b"\7example\0"


@pytest.mark.parametrize("size", [MIB, 2 * MIB, 7 * MIB + 12345, 64 * MIB, 512 * MIB, 1 << 33, 1 << 38])
@pytest.mark.parametrize("workers", [1, 4, 16])
def test_all_stays_within_the_size_asked_for(size: int, workers: int) -> None:
    with segment_file(size, workers) as fd, writer_of(fd) as segment:
        assert os.fstat(fd).st_size <= size
        # Lazily backed: a fresh segment takes next to nothing, however large.
        assert os.fstat(fd).st_blocks * 512 <= MIB
        stats = segment.stats()
        # What is not filter (1/6 of a small cache, 1/16 of a large one), slots and marks is entries.
        assert stats["arena_size"] > size * (0.75 if size >= 512 * MIB else 0.7 if size >= 64 * MIB else 0.4)
        assert commit(segment, 1, APEX, {name(1): b"x"})
        assert segment.read(name(1)) == b"x"


def test_too_small_says_what_it_takes() -> None:
    with pytest.raises(ValueError, match="too small for 64 workers: it takes"):
        Segment.create(MIB, 64)
    with pytest.raises(ValueError, match="0 workers: expected 1 to 256"):
        Segment.create(MIB, 0)


def test_a_foreign_file_is_refused() -> None:
    fd = os.memfd_create("other")
    try:
        with pytest.raises(ValueError, match="not a shared segment"):
            Segment(fd)
        os.ftruncate(fd, MIB)
        with pytest.raises(ValueError, match="not a shared segment"):
            Segment(fd)
    finally:
        os.close(fd)


@pytest.mark.parametrize("at", range(0, 400, 8))
def test_a_damaged_head_is_refused_or_harmless(at: int) -> None:
    """No value in the head leads a map outside the file."""
    with segment_file() as fd:
        os.pwrite(fd, b"\xff" * 7 + b"\x7f", at)
        try:
            segment = Segment(fd)
        except ValueError:
            return
        try:
            segment.read(name(1))
            segment.stats()
            segment.drain_misses()
        finally:
            segment.close()


def test_a_change_is_seen_at_finish_and_not_before() -> None:
    with segment_file() as fd, writer_of(fd) as segment:
        reader = Segment(fd)
        assert segment.stage(name(1), b"one")
        assert reader.read(name(1)) is None
        segment.begin(5, [APEX])
        assert segment.put(name(2), b"two")
        assert reader.read(name(2)) is None
        with pytest.raises(BlockingIOError):
            reader.read_together(APEX, [name(1)])
        assert reader.done == 0
        assert segment.finish()
        assert reader.done == 5
        assert reader.read_together(APEX, [name(1), name(2), name(3)]) == [b"one", b"two", None]
        assert commit(segment, 6, APEX, {name(1): b""})
        assert reader.read(name(1)) == b""
        reader.close()


def test_a_staged_commit_is_switched_in_one_call() -> None:
    with segment_file() as fd, writer_of(fd) as segment:
        assert segment.stage(name(1), b"one")
        assert segment.switch(5, [APEX])
        assert segment.done == 5
        assert segment.read_together(APEX, [name(1)]) == [b"one"]
        with pytest.raises(ValueError, match="commit 5 cannot follow commit 5"):
            segment.switch(5, [APEX])


def test_other_zones_are_read_while_one_is_changed() -> None:
    with segment_file() as fd, writer_of(fd) as segment:
        commit(segment, 1, b"\5other\0", {name(1, b"\5other\0"): b"x"})
        segment.begin(2, [APEX])
        assert segment.read_together(b"\5other\0", [name(1, b"\5other\0")]) == [b"x"]
        segment.finish()


def test_staged_entries_can_be_taken_back() -> None:
    with segment_file() as fd, writer_of(fd) as segment:
        for _ in range(50):
            for i in range(10):
                assert segment.stage(name(i), b"y" * 5000)
            segment.forget_staged()
        assert segment.stats()["arena_used"] == 0
        assert commit(segment, 1, APEX, {})
        assert segment.read(name(1)) is None


def test_calls_out_of_turn_are_refused() -> None:
    with segment_file() as fd, writer_of(fd) as segment:
        with pytest.raises(ValueError, match="no commit is open"):
            segment.put(name(1), b"")
        with pytest.raises(ValueError, match="no commit is open"):
            segment.finish()
        commit(segment, 4, APEX, {})
        with pytest.raises(ValueError, match="commit 4 cannot follow commit 4"):
            segment.begin(4, [])
        segment.begin(5, [APEX])
        with pytest.raises(ValueError, match="commit 5 is still open"):
            segment.begin(6, [])
        with pytest.raises(ValueError, match="it can only be finished"):
            segment.forget_staged()
        with pytest.raises(ValueError, match="not a name in wire form"):
            segment.put(b"\3www", b"")
        segment.finish()
        with pytest.raises(ValueError, match="another seed"):
            segment.set_seed(1, 2)
        segment.set_seed(*SEED)
        with pytest.raises(ValueError, match="no filter is being built"):
            segment.filter_switch()
        with pytest.raises(IndexError, match="worker 2: there are 2"):
            segment.worker_stats(2)
        segment.close()
        with pytest.raises(ValueError, match="closed"):
            segment.read(name(1))


def test_a_reader_cannot_write() -> None:
    with segment_file() as fd, writer_of(fd):
        reader = Segment(fd)
        for call in (
            lambda: reader.begin(1, []),
            lambda: reader.stage(name(1), b""),
            lambda: reader.warm(name(1), b""),
            lambda: reader.release(1),
            lambda: reader.evict(name(1)),
            lambda: reader.filter_start(1),
            lambda: reader.set_seed(1, 2),
            lambda: reader.set_complete(True),
        ):
            with pytest.raises(PermissionError):
                call()
        reader.close()


def test_names_are_folded() -> None:
    with segment_file() as fd, writer_of(fd) as segment:
        commit(segment, 1, b"\7EXAMPLE\0", {b"\3wWw\7Example\0": b"x"})
        assert segment.read(b"\3www\7example\0") == b"x"
        assert segment.read(b"\3WWW\7example\0") == b"x"


def test_the_longest_name_and_the_root() -> None:
    longest = (b"\x3f" + b"a" * 63) * 3 + b"\x3d" + b"b" * 61 + b"\0"
    assert len(longest) == 255
    with segment_file() as fd, writer_of(fd) as segment:
        commit(segment, 1, b"\0", {longest: b"long", b"\0": b"root"})
        assert segment.read_together(b"\0", [longest, b"\0"]) == [b"long", b"root"]


def test_what_does_not_fit_is_dropped_and_told() -> None:
    with segment_file(64 * MIB) as fd, writer_of(fd) as segment:
        most = segment.stats()["arena_segment"] - 200
        commit(segment, 1, APEX, {name(1): b"small", name(2): b"m" * most})
        assert segment.read(name(2)) == b"m" * most
        segment.begin(2, [APEX])
        assert not segment.put(name(1), b"x" * (most + 400))
        assert not segment.finish()
        assert segment.done == 1
        with pytest.raises(BlockingIOError):
            segment.read_together(APEX, [name(1)])
        assert segment.finish()
        assert segment.done == 2
        assert segment.read(name(1)) is None
        assert not segment.stage(name(1), b"x" * (most + 400))
        assert not segment.switch(3, [APEX])
        assert segment.done == 2
        assert segment.finish()
        assert segment.done == 3


def test_four_mebibytes_fit_when_the_arena_allows() -> None:
    with segment_file(1024 * MIB) as fd, writer_of(fd) as segment:
        big = os.urandom(1024) * 4096
        assert commit(segment, 1, APEX, {name(1): big})
        assert segment.read(name(1)) == big
        assert not commit(segment, 2, APEX, {name(1): big + b"x"})


def test_pins_outlast_any_eviction() -> None:
    with segment_file() as fd, writer_of(fd) as segment:
        pinned = {name(f"p{i}"): bytes([i]) * 500 for i in range(100)}
        tombs = {name(f"t{i}"): b"" for i in range(100)}
        assert commit(segment, 1, APEX, pinned | tombs)
        before = segment.pinned_bytes
        assert before > 50_000
        for i in range(10_000):
            assert segment.warm(name(i), b"w" * 300, make_room=True)
        assert segment.stats()["evictions"] > 5000
        assert segment.pinned_bytes == before
        assert {owner: segment.read(owner) for owner in pinned | tombs} == pinned | tombs
        segment.release(1)
        assert segment.pinned_bytes == 0
        for i in range(10_000):
            segment.warm(name(i), b"w" * 300, make_room=True)
        assert all(segment.read(owner) is None for owner in pinned)


def test_too_many_pins_are_refused_and_room_comes_back() -> None:
    with segment_file() as fd, writer_of(fd) as segment:
        refused = 0
        for n in range(1, 2000):
            refused += not commit(segment, n, APEX, {name(n): b"p" * 1000})
        stats = segment.stats()
        assert refused > 1000
        assert segment.pinned_bytes <= stats["arena_size"] // 2 + 2000
        segment.release(2000)
        assert commit(segment, 2001, APEX, {name(1): b"p" * 1000})
        assert segment.read(name(1)) == b"p" * 1000


def test_used_entries_survive_a_flood() -> None:
    """A worker's look-ups mark what they use; here the engine's own map does, since only a worker may write marks."""
    with segment_file(2 * MIB) as fd, writer_of(fd) as segment:
        hot = [name(f"hot{i}") for i in range(200)]
        for owner in hot:
            segment.warm(owner, b"h" * 100)
        for i in range(40_000):
            segment.warm(name(i), b"w" * 100, make_room=True)
            if i % 50 == 0:
                for owner in hot:
                    segment.read(owner)  # control's map may write the marks, too
        assert segment.stats()["evictions"] > 10_000
        assert sum(segment.read(owner) is not None for owner in hot) == len(hot)


def test_warming_stops_when_full_and_never_replaces_what_is_newer() -> None:
    with segment_file() as fd, writer_of(fd) as segment:
        commit(segment, 3, APEX, {name("x"): b"new", name("gone"): b""})
        assert segment.warm(name("x"), b"old", at=2)
        assert segment.warm(name("gone"), b"old", at=2)
        assert segment.read(name("x")) == b"new"
        assert segment.read(name("gone")) == b""
        count = 0
        while segment.warm(name(count), b"w" * 200):
            count += 1
        assert 1000 < count < 10_000
        assert segment.stats()["evictions"] == 0
        segment.release(3)
        for i in range(20_000):
            segment.warm(name(i), b"w" * 200, make_room=True)
        assert segment.read(name("x")) is None
        # Evicted: nobody knows any more that commit 3 changed it, so what was read before commit 3 is not taken.
        assert segment.warm(name("x"), b"old", at=2, make_room=True)
        assert segment.read(name("x")) is None
        assert segment.warm(name("x"), b"new", at=3, make_room=True)
        assert segment.read(name("x")) == b"new"


def test_complete_is_taken_back_when_something_goes() -> None:
    with segment_file() as fd, writer_of(fd) as segment:
        segment.start_scan()
        commit(segment, 1, APEX, {name(1): b"x", name(2): b""})
        assert segment.set_complete(True)
        assert segment.complete
        segment.evict(name(2))  # an absence: still everything that exists is here
        assert segment.complete
        segment.evict(name(1))
        assert not segment.complete
        assert not segment.set_complete(True)
        segment.start_scan()
        assert segment.set_complete(True)
        segment.start_scan()
        segment.set_complete(False)
        assert not segment.set_complete(True)
        segment.start_scan()
        assert segment.set_complete(True)
        segment.begin(2, [APEX])
        segment.raise_floor([APEX])
        assert not segment.complete
        segment.finish()


def test_evict_inside_a_commit_waits_for_it() -> None:
    with segment_file() as fd, writer_of(fd) as segment:
        commit(segment, 1, APEX, {name(1): b"x"})
        segment.begin(2, [APEX])
        segment.evict(name(1))
        assert segment.read(name(1)) == b"x"
        segment.finish()
        assert segment.read(name(1)) is None
        assert segment.warm(name(1), b"x", at=1)  # read before it was evicted: not to come back
        assert segment.read(name(1)) is None


def test_a_new_writer_finds_everything() -> None:
    rng = random.Random(7)
    with segment_file(4 * MIB) as fd:
        with writer_of(fd) as segment:
            for n in range(1, 400):
                commit(
                    segment, n, APEX, {name(rng.randrange(3000)): rng.randbytes(rng.randrange(1500)) for _ in range(20)}
                )
                segment.release(max(0, n - 5))
            before = segment.stats()
            pinned = segment.pinned_bytes
            held = {name(i): segment.read(name(i)) for i in range(3000)}
        with writer_of(fd) as segment:
            assert segment.stats() == before
            assert segment.pinned_bytes == pinned
            assert {name(i): segment.read(name(i)) for i in range(3000)} == held
            for n in range(400, 800):
                commit(
                    segment, n, APEX, {name(rng.randrange(3000)): rng.randbytes(rng.randrange(1500)) for _ in range(20)}
                )
                segment.release(max(0, n - 5))
            assert segment.stats()["arena_used"] <= segment.stats()["arena_size"]


def test_special_zones_are_counted() -> None:
    with segment_file() as fd, writer_of(fd) as segment:
        segment.set_special(APEX, 2)
        segment.set_special(APEX, -2)
        with pytest.raises(ValueError, match="0 special zones"):
            segment.set_special(APEX, -1)


def test_done_of_a_fresh_segment() -> None:
    with segment_file() as fd, writer_of(fd) as segment:
        reader = Segment(fd)
        segment.set_ready(True)
        assert reader.ready
        segment.set_done(77)
        assert reader.done == 77
        with pytest.raises(ValueError, match="cannot follow"):
            segment.set_done(76)
        assert reader.seed == SEED
        reader.close()


def test_workers_and_their_missed_names() -> None:
    with segment_file(workers=3) as fd, writer_of(fd) as segment:
        worker = Segment(fd)
        worker.worker_register(1, 4321, 17)
        assert segment.worker_positions() == {1: 17}
        worker.worker_position(1, 18)
        assert segment.worker_positions() == {1: 18}
        assert probe.missed(worker, 1, name(1))  # the ring was empty: wake control
        assert not probe.missed(worker, 1, name(2))
        probe.missed(worker, 1, name(1))
        probe.missed(worker, 2, name(3))
        assert segment.drain_misses(1) == [name(1)]
        assert segment.drain_misses() == [name(2), name(1), name(3)]
        assert segment.drain_misses() == []
        worker.worker_leave(1)
        assert segment.worker_positions() == {}
        worker.close()
        # Counters outlive the worker.
        assert segment.worker_stats(1)["starts"] == 1


def test_a_full_miss_ring_drops_and_goes_on() -> None:
    with segment_file() as fd, writer_of(fd) as segment:
        for turn in range(5):
            for i in range(5000):
                probe.missed(segment, 0, name(i))
            dropped = segment.worker_stats(0)["misses_dropped"]
            assert dropped > 1000 * (turn + 1)
            drained = segment.drain_misses(10_000)
            assert drained == [name(i) for i in range(len(drained))]
            assert len(drained) > 100
            assert segment.drain_misses() == []


def test_rubbish_in_a_workers_slot_harms_nobody() -> None:
    rng = random.Random(3)
    with segment_file() as fd, writer_of(fd) as segment:
        slots = 4096 + 4096 * 32
        for _ in range(200):
            os.pwrite(fd, rng.randbytes(30_000), slots)
            for owner in segment.drain_misses(100):
                assert 1 <= len(owner) <= 255
            segment.worker_stats(0)
            segment.worker_positions()


def test_rubbish_in_the_arena_and_buckets_harms_no_reader() -> None:
    """A torn read may give garbage, never a fault: every offset and length is tested before it is used."""
    rng = random.Random(5)
    with segment_file() as fd:
        with writer_of(fd) as segment:
            for i in range(3000):
                segment.warm(name(i), b"w" * 100)
        reader = Segment(fd)
        size = os.fstat(fd).st_size
        for _ in range(30):
            for _ in range(300):
                os.pwrite(fd, rng.randbytes(16), rng.randrange(300_000, size - 16))
            for i in range(0, 3000, 7):
                try:
                    reader.read(name(i))
                except BlockingIOError:
                    continue
        reader.close()
        # The next writer clears what leads nowhere.
        with writer_of(fd) as segment:
            assert segment.stats()["arena_used"] >= 0


def overflows(fd: int) -> tuple[int, int]:
    """Sum of the buckets' overflow counts and the farthest reach (the head's buckets_at and buckets: shm.pxd)."""
    head = os.pread(fd, 4096, 0)
    at, count = (int.from_bytes(head[place : place + 8], "little") for place in (200, 208))
    buckets = [os.pread(fd, 8, at + i * 64) for i in range(count)]
    return sum(int.from_bytes(b[4:6], "little") for b in buckets), max(
        int.from_bytes(b[6:8], "little") for b in buckets
    )


def test_entries_that_overflow_their_bucket_are_found() -> None:
    with segment_file() as fd, writer_of(fd) as segment:
        count = segment.stats()["entries_room"] * 65 // 100
        for turn in range(2):
            for i in range(count):
                assert segment.warm(name(i), b"%d" % i)
            assert segment.stats()["evictions"] == 0
            assert overflows(fd)[0] > 100
            assert 1 <= overflows(fd)[1] <= 8
            assert all(segment.read(name(i)) == b"%d" % i for i in range(count))
            order = list(range(count))
            random.Random(turn).shuffle(order)
            for i in order[::2]:
                segment.evict(name(i))
            assert all(segment.read(name(i)) == b"%d" % i for i in order[1::2])
            assert all(segment.read(name(i)) is None for i in order[::2])
            for i in order[1::2]:
                segment.evict(name(i))
            assert overflows(fd) == (0, 0)
            assert segment.stats()["entries"] == 0
            assert segment.stats()["arena_used"] == 0


def test_more_small_entries_than_ways() -> None:
    """The buckets fill up before the arena: what nobody used goes, what is pinned stays."""
    with segment_file() as fd, writer_of(fd) as segment:
        room = segment.stats()["entries_room"]
        pinned = {name(f"p{i}"): b"p" for i in range(room // 5)}
        assert commit(segment, 1, APEX, pinned)
        for i in range(2 * room):
            segment.warm(name(i), b"x", make_room=True)
        stats = segment.stats()
        assert 0.85 * room < stats["entries"] <= room
        assert stats["pressure"] == 1
        assert all(segment.read(owner) == b"p" for owner in pinned)


def test_gather_keeps_what_is_cached() -> None:
    """Parts in use become huge pages, where the kernel can make them; nothing that is cached changes by it."""
    fd = Segment.create(300 << 20, 1)
    segment = Segment(fd, writer=True)
    reader = View(fd)
    names = [b"\6" + f"{number:06d}".encode() + b"\0" for number in range(100)]
    blobs = [bytes([number]) * 60_000 for number in range(100)]
    segment.begin(1, [b"\0"])
    for owner, blob in zip(names, blobs, strict=True):
        assert segment.put(owner, blob)
    assert segment.finish()
    states = []
    while (state := segment.gather(len(states))) > 0:
        states.append(state)
    assert state in (0, -1)
    if state == 0:
        assert states.count(2) >= 1
        assert states.count(1) > 100  # nothing is made of what nobody has used
    assert [reader.read(owner) for owner in names] == blobs
    os.close(fd)
