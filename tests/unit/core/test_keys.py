"""Store keys: order, uniqueness, the way back, and what is refused."""

import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsblast._core.keys import ascending_keys, hash_keys, name_key, name_of_key, owner_key, split_owner_key
from nsblast._core.name import hash_name

EDGE = st.sampled_from([0, 1, 2, 3, 45, 46, 64, 65, 90, 91, 97, 255])
LABEL = st.lists(st.one_of(EDGE, st.integers(0, 255)), min_size=1, max_size=6).map(bytes)
LABELS = st.lists(LABEL, max_size=5)


def wire(labels: list[bytes]) -> bytes:
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


@given(LABELS)
def test_name_key_comes_back_in_lower_case(labels: list[bytes]) -> None:
    assert name_of_key(name_key(wire(labels))) == wire([label.lower() for label in labels])


@given(LABELS, st.integers(0, 5))
def test_owner_key_comes_back_with_its_apex(labels: list[bytes], apex: int) -> None:
    apex = min(apex, len(labels))
    assert split_owner_key(owner_key(wire(labels), apex)) == (wire([label.lower() for label in labels]), apex)


@given(LABELS, LABELS)
def test_order_is_canonical(a: list[bytes], b: list[bytes]) -> None:
    left, right = dns.name.Name([*a, b""]), dns.name.Name([*b, b""])
    keys = name_key(wire(a)), name_key(wire(b))
    assert (keys[0] < keys[1], keys[0] == keys[1]) == (left < right, left == right)


@given(LABELS, LABELS, LABELS)
def test_a_zone_is_one_range_without_its_child_zones(apex: list[bytes], child: list[bytes], rest: list[bytes]) -> None:
    low, high = name_key(wire(apex)) + b"\0", name_key(wire(apex)) + b"\1"
    assert low <= owner_key(wire(rest + apex), len(apex)) < high
    if child:
        assert not low <= owner_key(wire(rest + child + apex), len(child + apex)) < high


@given(LABELS, LABELS)
def test_descendants_share_the_prefix(below: list[bytes], name: list[bytes]) -> None:
    assert name_key(wire(below + name)).startswith(name_key(wire(name)))


def test_documented_forms() -> None:
    assert name_key(b"\0") == b""
    assert owner_key(b"\0", 0) == b"\0"
    assert name_key(b"\3WWW\7example\3com\0") == b"com\0example\0www\0"
    assert owner_key(b"\3www\7example\3com\0", 2) == b"com\0example\0\0www\0"
    assert owner_key(b"\7example\3com\0", 2) == b"com\0example\0\0"
    assert name_key(b"\3\0\1\2\0") == b"\1\1\1\2\2\0"


def test_longest_names() -> None:
    longest = wire([b"\0" * 63] * 3 + [b"\1" * 61])
    assert len(longest) == 255
    assert name_of_key(name_key(longest)) == longest
    deepest = wire([b"\0"] * 127)
    assert split_owner_key(owner_key(deepest, 127)) == (deepest, 127)
    assert split_owner_key(owner_key(deepest, 0)) == (deepest, 0)


@pytest.mark.parametrize(
    "name", [b"", b"\3www", b"\3www\0\0", b"\100" + b"a" * 64 + b"\0", b"\300\0", wire([b"a" * 63] * 4), b"a" * 2000]
)
def test_malformed_names_are_refused(name: bytes) -> None:
    with pytest.raises(ValueError, match="not a name in wire form"):
        name_key(name)


def test_an_apex_cannot_be_deeper_than_the_name() -> None:
    with pytest.raises(ValueError, match="apex of 3 labels"):
        owner_key(b"\1a\1b\0", 3)
    with pytest.raises(ValueError, match="no name has 255 labels"):
        owner_key(b"\1a\1b\0", 255)


@given(st.lists(LABELS, min_size=1, max_size=5), st.integers(0, 5))
def test_hashes_of_keys_are_those_of_names(names: list[list[bytes]], apex: int) -> None:
    seed = (0x0123456789ABCDEF, 42)
    keys = [b"e" + owner_key(wire(labels), min(apex, len(labels))) for labels in names]
    hashes = memoryview(hash_keys(keys, seed, 1)).cast("Q")
    assert hashes.tolist() == [hash_name(wire(labels), seed) for labels in names]


@given(st.binary(max_size=40))
def test_any_octets_are_a_key_or_refused(octets: bytes) -> None:
    try:
        name, apex = split_owner_key(octets)
    except ValueError:
        return
    assert owner_key(name, apex) == octets


@given(st.binary(max_size=40))
def test_any_octets_are_a_name_key_or_refused(octets: bytes) -> None:
    try:
        name = name_of_key(octets)
    except ValueError:
        return
    assert name_key(name) == octets


def test_keys_of_entries_ascend_from_the_last() -> None:
    entries = [(b"b", b"1"), (b"ba", b"2"), (b"c", b"3")]
    assert ascending_keys(entries, b"e", b"") == [b"eb", b"eba", b"ec"]
    assert ascending_keys(entries, b"e", b"eaz") == [b"eb", b"eba", b"ec"]
    for disordered, last in ((entries, b"eb"), (entries[::-1], b""), (entries[:1] * 2, b"")):
        with pytest.raises(ValueError, match="b'eb"):
            ascending_keys(disordered, b"e", last)
