"""The segment between processes: readers under a busy writer see whole entries of one version; a killed writer leaves no trace."""

import os
import random
import signal
import time

import pytest

from nsblast._core.segment import Segment
from tests.helpers.segments import MIB, SEED, commit, forked, name, sealed, segment_file, unsealed, writer_of

ZONES = [b"\5zone1\0", b"\5zone2\0", b"\5zone3\0"]
SECONDS = 4.0


def owners(zone: bytes) -> list[bytes]:
    return [name(i, zone) for i in range(12)]


def whole_commit(segment: Segment, number: int, zone: bytes, rng: random.Random) -> None:
    """Every name of a zone gets an entry of this commit."""
    for owner in owners(zone):
        assert segment.stage(owner, sealed(number, owner, rng.choice([0, 10, 100, 1000, 4000])))
    segment.begin(number, [zone])
    assert segment.finish()


def version_of(zone: bytes, blobs: list[bytes | None]) -> int | None:
    """The one commit all entries found are of; AssertionError when there are two, or one is torn."""
    numbers = {unsealed(blob, owner) for owner, blob in zip(owners(zone), blobs, strict=True) if blob is not None}
    assert len(numbers) <= 1, f"versions {numbers} in one answer"
    return numbers.pop() if numbers else None


def read_for(fd: int, seconds: float, seed: int) -> None:
    """What a reader relies on, checked until the time is over."""
    rng = random.Random(seed)
    reader = Segment(fd)
    last = dict.fromkeys(ZONES, 0)
    found = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        zone = rng.choice(ZONES)
        try:
            number = version_of(zone, reader.read_together(zone, owners(zone)))
        except BlockingIOError:
            continue
        if number is not None:
            assert number >= last[zone], "a zone went back in time"
            last[zone] = number
            found += 1
        one = rng.choice(owners(zone))
        blob = reader.read(one)
        if blob is not None:
            assert unsealed(blob, one) >= last[zone]
    assert found > 100, f"only {found} reads found something"


def write_for(fd: int, seconds: float) -> None:
    """Commits to one zone after another; the arena is cleaned all the time, since strangers are cached in between."""
    rng = random.Random(1)
    with writer_of(fd) as segment:
        number = segment.done
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            number += 1
            whole_commit(segment, number, rng.choice(ZONES), rng)
            segment.release(max(0, number - 5))
            for _ in range(rng.randrange(20)):
                segment.warm(name(rng.randrange(5000)), b"w" * rng.randrange(3000), make_room=True)
        assert segment.stats()["evictions"] > 100


def test_no_answer_mixes_versions() -> None:
    with segment_file() as fd:
        with writer_of(fd) as segment:
            for number, zone in enumerate(ZONES, 1):
                whole_commit(segment, number, zone, random.Random(0))
        pids = [forked(lambda seed=seed: read_for(fd, SECONDS, seed)) for seed in (1, 2)]
        pids.append(forked(lambda: write_for(fd, SECONDS)))
        assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids] == [0, 0, 0]


def test_a_writer_killed_anywhere() -> None:
    """One hundred writers, each killed at a moment of chance; the next one finds every entry of a commit that was finished."""
    rng = random.Random(11)

    def write() -> None:
        with writer_of(fd) as segment:
            mine = random.Random(segment.done)
            while True:
                number = segment.done + 1
                whole_commit(segment, number, ZONES[0], mine)
                for _ in range(mine.randrange(10)):
                    segment.warm(name(mine.randrange(2000)), sealed(0, b"", 2000), make_room=True)

    with segment_file() as fd:
        with writer_of(fd) as segment:
            whole_commit(segment, 1, ZONES[0], rng)
        for _ in range(100):
            pid = forked(write)
            time.sleep(rng.random() * 0.03)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            reader = Segment(fd)
            done = reader.done
            with writer_of(fd) as segment:
                # Nothing is torn, nothing that was pinned is gone: each entry is the last commit's, or the next one's.
                numbers = {unsealed(segment.read(owner), owner) for owner in owners(ZONES[0])}
                assert numbers <= {done, done + 1}
                for i in range(2000):
                    blob = segment.read(name(i))
                    assert blob is None or unsealed(blob, b"") == 0
                stats = segment.stats()
                assert stats["arena_used"] <= stats["arena_size"]
                # Whoever comes after a killed writer does its last commit again.
                whole_commit(segment, done + 1, ZONES[0], rng)
                assert version_of(ZONES[0], reader.read_together(ZONES[0], owners(ZONES[0]))) == done + 1
            reader.close()
        assert done > 100


@pytest.mark.parametrize("when", ["bucket", "stripe"])
def test_what_a_killed_writer_holds_up_is_mended_by_the_next(when: str) -> None:
    """The two states a kill can leave that readers wait in: an odd bucket, a commit begun."""
    zone = ZONES[0]
    with segment_file() as fd:
        with writer_of(fd) as segment:
            whole_commit(segment, 1, zone, random.Random(0))
            if when == "stripe":
                segment.begin(2, [zone])
        if when == "bucket":
            make_all_buckets_odd(fd)
        reader = Segment(fd)
        with pytest.raises(BlockingIOError):
            reader.read_together(zone, owners(zone))
        with writer_of(fd) as segment:
            if when == "bucket":
                assert version_of(zone, reader.read_together(zone, owners(zone))) == 1
            commit(segment, 2, zone, {})
            assert version_of(zone, reader.read_together(zone, owners(zone))) == 1
        reader.close()


def make_all_buckets_odd(fd: int) -> None:
    """As if writers had been killed inside each: the head's fields buckets_at and buckets are in shm.pxd."""
    head = os.pread(fd, 4096, 0)
    at = int.from_bytes(head[200:208], "little")
    count = int.from_bytes(head[208:216], "little")
    for i in range(count):
        version = int.from_bytes(os.pread(fd, 4, at + i * 64), "little")
        os.pwrite(fd, (version | 1).to_bytes(4, "little"), at + i * 64)


def test_a_new_segment_opens_at_once_however_large() -> None:
    with segment_file(200 << 30, 4) as fd:
        start = time.monotonic()
        segment = Segment(fd, writer=True)
        segment.set_seed(*SEED)
        segment.warm(name(1), b"x")
        assert segment.read(name(1)) == b"x"
        segment.filter_start(1000)
        segment.filter_switch()
        assert time.monotonic() - start < 0.5
        segment.close()
        assert os.fstat(fd).st_blocks * 512 < 2 * MIB
