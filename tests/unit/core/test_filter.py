"""The name filter: never "not there" for a name that is, seldom "maybe" for one that is not; building, saving, loading."""

import os
import random
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nsblast._core.name import hash_name
from nsblast._core.segment import Segment
from tests.helpers.segments import MIB, SEED, commit, forked, name, segment_file, writer_of

APEX = b"\7example\0"


def build(segment: Segment, count: int) -> None:
    segment.filter_start(count)
    segment.filter_add(name(i) for i in range(count))
    segment.filter_switch()


def test_before_it_is_built_everything_may_exist() -> None:
    with segment_file() as fd, writer_of(fd) as segment:
        assert segment.filter_maybe(name(1))
        segment.filter_start(10)
        segment.filter_add([name(2)])
        assert segment.filter_maybe(name(1))
        segment.filter_switch()
        assert not segment.filter_maybe(name(1))
        assert segment.filter_maybe(name(2))


@pytest.mark.parametrize("count", [1, 100, 10_000, 87_000, 109_000])
def test_false_positives(count: int) -> None:
    """87 000 names at 12 bits just fit into the half with a quarter to spare; 109 000 fill it."""
    with segment_file(4 * MIB) as fd, writer_of(fd) as segment:
        build(segment, count)
        assert all(segment.filter_maybe(name(i)) for i in range(count))
        wrong = sum(segment.filter_maybe(name(f"x{i}")) for i in range(20_000))
        assert wrong <= 20_000 * 0.015


def test_too_many_names_wear_it_but_lose_none() -> None:
    with segment_file() as fd, writer_of(fd) as segment:
        build(segment, 300_000)
        assert all(segment.filter_maybe(name(i)) for i in range(300_000))


@given(st.sets(st.binary(min_size=1, max_size=63)), st.sets(st.binary(min_size=1, max_size=63)))
@settings(max_examples=50, deadline=None)
def test_any_names(before: set[bytes], during: set[bytes]) -> None:
    def wire(label: bytes) -> bytes:
        return bytes([len(label)]) + label + APEX

    with segment_file() as fd, writer_of(fd) as segment:
        build(segment, 10)
        segment.filter_add(map(wire, before))
        segment.filter_start(len(before))
        segment.filter_add(map(wire, during))  # both halves learn it
        assert all(segment.filter_maybe(wire(label)) for label in before | during)
        segment.filter_add(map(wire, before))
        segment.filter_switch()
        assert all(segment.filter_maybe(wire(label)) for label in before | during)


def test_a_put_feeds_both_halves() -> None:
    with segment_file() as fd, writer_of(fd) as segment:
        build(segment, 100)
        segment.filter_start(100)
        commit(segment, 1, APEX, {name("new"): b"x", name("gone"): b""})
        assert segment.filter_maybe(name("new"))
        segment.filter_switch()
        assert segment.filter_maybe(name("new"))
        assert not segment.filter_maybe(name("gone"))  # an absence is no name


def test_an_apex_is_not_a_name() -> None:
    with segment_file() as fd, writer_of(fd) as segment:
        build(segment, 1)
        segment.filter_add_apex(APEX)
        assert segment.filter_maybe_apex(APEX)
        assert not segment.filter_maybe(APEX)
        segment.filter_add([name("x")])
        assert not segment.filter_maybe_apex(name("x"))


def test_hashes_go_in_as_one_array() -> None:
    with segment_file() as fd, writer_of(fd) as segment:
        segment.filter_start(1000)
        hashes = [hash_name(name(i), SEED) for i in range(1000)]
        segment.filter_add_hashes(b"".join(h.to_bytes(8, "little") for h in hashes))
        with pytest.raises(ValueError, match="7 octets"):
            segment.filter_add_hashes(bytes(7))
        segment.filter_switch()
        assert all(segment.filter_maybe(name(i)) for i in range(1000))


def test_a_million_names_in_seconds() -> None:
    names = [name(i) for i in range(1_000_000)]
    with segment_file(64 * MIB) as fd, writer_of(fd) as segment:
        start = time.monotonic()
        segment.filter_start(len(names))
        segment.filter_add(names)
        segment.filter_switch()
        blob = b"b" * 20
        for owner in names:
            if not segment.warm(owner, blob):
                break
        taken = time.monotonic() - start
        assert taken < 20
        assert segment.stats()["entries"] > 500_000
        assert all(segment.filter_maybe(owner) for owner in names[::97])


def test_saved_and_loaded(tmp_path: Path) -> None:
    path = str(tmp_path / "filter")
    with segment_file() as fd, writer_of(fd) as segment:
        with pytest.raises(ValueError, match="no filter is built"):
            segment.filter_save(path)
        build(segment, 5000)
        commit(segment, 9, APEX, {name("nine"): b"x"})
        segment.filter_save(path)
    with segment_file(2 * MIB) as fd, writer_of(fd) as segment:
        assert segment.filter_load(path) == 9
        assert all(segment.filter_maybe(name(i)) for i in [*range(5000), "nine"])
        assert sum(segment.filter_maybe(name(f"x{i}")) for i in range(5000)) < 75
    assert os.listdir(tmp_path) == ["filter"]


def test_a_bad_file_is_no_filter(tmp_path: Path) -> None:
    path = tmp_path / "filter"
    with segment_file() as fd, writer_of(fd) as segment:
        build(segment, 5000)
        commit(segment, 9, APEX, {})
        segment.filter_save(str(path))
        good = path.read_bytes()
        rng = random.Random(1)
        damaged = [good[:-1], good[:20], b"", good + b"x", good[: len(good) // 2]]
        for _ in range(60):
            at = rng.randrange(len(good))
            damaged.append(good[:at] + bytes([good[at] ^ (1 << rng.randrange(8))]) + good[at + 1 :])
        for at in range(56):
            damaged.append(good[:at] + bytes([good[at] ^ 0x80]) + good[at + 1 :])
        for data in damaged:
            path.write_bytes(data)
            assert segment.filter_load(str(path)) == 0
            assert segment.filter_maybe(name(17))  # the active one stays
            assert not segment.filter_maybe(name("nowhere"))
        assert segment.filter_load(str(tmp_path / "none")) == 0
        path.write_bytes(good)
        assert segment.filter_load(str(path)) == 9
    with segment_file() as fd:
        segment = Segment(fd, writer=True)
        segment.set_seed(1, 2)
        assert segment.filter_load(str(path)) == 0  # another database's
        segment.close()


def test_a_failed_save_leaves_the_old_file(tmp_path: Path) -> None:
    with segment_file() as fd, writer_of(fd) as segment:
        build(segment, 10)
        (tmp_path / "folder").mkdir()
        with pytest.raises(OSError):
            segment.filter_save(str(tmp_path / "folder"))
        with pytest.raises(OSError):
            segment.filter_save(str(tmp_path / "nowhere" / "filter"))
        assert os.listdir(tmp_path) == ["folder"]


def test_readers_never_miss_a_name_while_halves_are_rebuilt() -> None:
    """Halves are wiped and switched as fast as can be under two readers: not one false "not there"."""
    known = [name(i) for i in range(300)]
    with segment_file() as fd, writer_of(fd) as segment:
        build(segment, 300)

        def read() -> None:
            reader = Segment(fd)
            end = time.monotonic() + 2
            while time.monotonic() < end:
                for owner in known:
                    assert reader.filter_maybe(owner), "a name that exists was said not to"
                assert reader.filter_maybe(known[0])

        pids = [forked(read) for _ in range(2)]
        end = time.monotonic() + 2
        while time.monotonic() < end:
            build(segment, 300)
        assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids] == [0, 0]


def test_an_interrupted_build_is_forgotten() -> None:
    with segment_file() as fd:
        with writer_of(fd) as segment:
            build(segment, 100)
            segment.filter_start(100)
            segment.filter_add([name("half")])
        with writer_of(fd) as segment:
            assert all(segment.filter_maybe(name(i)) for i in range(100))
            with pytest.raises(ValueError, match="no filter is being built"):
                segment.filter_switch()
            build(segment, 50)
            assert not segment.filter_maybe(name("half"))
            assert segment.filter_maybe(name(49))
