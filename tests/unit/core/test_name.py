"""Names in wire form: reading, folding, hashing every suffix."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsblast._core import name
from tests.native import probe

SEED = (0x0123456789ABCDEF, 0xFEDCBA9876543210)


def wire(labels: list[bytes]) -> bytes:
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def total(labels: list[bytes]) -> int:
    return sum(len(label) + 1 for label in labels) + 1


some_labels = st.lists(st.binary(min_size=1, max_size=63), max_size=127).filter(lambda x: total(x) <= 255)
short_labels = st.lists(st.binary(min_size=1, max_size=2), max_size=127).filter(lambda x: total(x) <= 255)


@given(st.one_of(some_labels, short_labels), st.binary(max_size=20), st.binary(max_size=20))
def test_read_gives_back_every_suffix(labels: list[bytes], before: bytes, after: bytes) -> None:
    octets = wire(labels)
    told, at = probe.read_name(before + octets + after, len(before), SEED)
    assert at == len(before) + len(octets)
    assert told["wire"] == octets.lower()
    assert told["folded"] == (octets != octets.lower())
    assert told["labels"] == len(labels)
    for k in range(len(labels) + 1):
        suffix = wire(labels[len(labels) - k :])
        assert told["wire"][told["at"][k] :] == suffix.lower()
        assert told["hash"][k] == name.hash_name(suffix, SEED)


@given(st.binary(max_size=300))
def test_any_octets_are_a_name_or_refused(octets: bytes) -> None:
    at = 0
    while at < len(octets) and octets[at] and octets[at] <= 63:
        at += octets[at] + 1
    good = at < len(octets) and octets[at] == 0 and at < 255
    told, end = probe.read_name(octets)
    assert (told is not None) == good
    assert end == (at + 1 if good else 0)
    assert probe.span(octets) == (at + 1 if good else 0)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\1",
        b"\1a",
        b"\x40" + b"a" * 64 + b"\0",
        b"\xc0\x0c",
        b"\1a\xc0\x0c",
        b"\0\0",
        (b"\x3f" + b"a" * 63) * 4 + b"\0",
    ],
)
def test_what_is_no_name(octets: bytes) -> None:
    with pytest.raises(ValueError, match="not a domain name"):
        name.fold(octets)


def test_longest_and_deepest() -> None:
    longest = wire([b"a" * 63, b"b" * 63, b"c" * 63, b"d" * 61])
    assert len(longest) == 255
    assert name.labels(longest) == 4
    deepest = wire([b"x"] * 127)
    assert len(deepest) == 255
    assert probe.load_name(deepest)["labels"] == 127
    assert probe.read_name(wire([b"x"] * 128))[0] is None


def test_folding_changes_ascii_capitals_only() -> None:
    every = bytes(range(256))
    for start in range(0, 256, 63):
        label = every[start : start + 63]
        for shift in range(9):  # each octet in each place of the eight that are folded at a time
            octets = wire([b"x" * (shift + 1), label])
            assert name.fold(octets) == octets.lower()


def test_the_doors_of_python() -> None:
    octets = wire([b"wWw", b"EXAMPLE", b"com"])
    assert name.fold(octets) == wire([b"www", b"example", b"com"])
    assert name.labels(octets) == 3
    assert name.parent(octets) == wire([b"EXAMPLE", b"com"])
    assert name.parent(wire([b"com"])) == b"\0"
    with pytest.raises(ValueError, match="root"):
        name.parent(b"\0")
    assert name.hash_name(octets, SEED) == name.hash_name(octets.lower(), SEED)
    assert name.hash_name(octets, SEED) != name.hash_name(octets, (1, 2))


@given(some_labels, st.integers(0, 127))
def test_wildcard(labels: list[bytes], k: int) -> None:
    k = min(k, len(labels))
    expected = wire([b"*", *labels[len(labels) - k :]]).lower()
    told = probe.wildcard(wire(labels), k, SEED)
    if len(expected) > 255:
        assert told is None
    else:
        assert told == {**probe.load_name(expected, SEED), "folded": False}


def test_wildcard_beyond_the_labels() -> None:
    assert probe.wildcard(wire([b"a"]), 2) is None


@given(st.binary(max_size=70), st.data())
def test_same_but_for_case(octets: bytes, data: st.DataObject) -> None:
    other = bytearray(octets.swapcase())
    assert probe.same(octets, bytes(other))
    if other:
        at = data.draw(st.integers(0, len(other) - 1))
        other[at] ^= data.draw(st.sampled_from([1, 2, 0x80]))
        assert probe.same(octets, bytes(other)) == (octets.lower() == bytes(other).lower())


def test_a_label_hashes_like_the_chain() -> None:
    root, below, _ = probe.hashes(b"\3com", name.hash_name(b"\0", SEED), SEED)
    assert root == name.hash_name(b"\0", SEED)
    assert below == name.hash_name(b"\3com\0", SEED)


def test_hashes_spread() -> None:
    """Names that differ little: no two alike, and every bit is set about as often as not."""
    names = [wire([b"n%d" % i, b"example", b"com"]) for i in range(20000)]
    names += [wire([b"www", b"z%d" % i, b"net"]) for i in range(20000)]
    values = [name.hash_name(n, SEED) for n in names]
    values += [probe.hashes(b"\1a", value, SEED)[2] for value in values[:10000]]
    assert len(set(values)) == len(values)
    for bit in range(64):
        ones = sum(value >> bit & 1 for value in values)
        assert abs(ones - len(values) / 2) < 5 * (len(values) / 4) ** 0.5, f"bit {bit}"


def test_hashes_fill_buckets_evenly() -> None:
    """Top, middle and low bits each: what a table or a filter takes of the hash."""
    picked = random.Random(7)
    values = [name.hash_name(wire([b"h%d" % picked.randrange(10**9), b"example"]), SEED) for _ in range(32768)]
    for shift in (0, 20, 40, 54):
        buckets = [0] * 1024
        for value in values:
            buckets[value >> shift & 1023] += 1
        chi = sum((n - 32) ** 2 / 32 for n in buckets)
        assert 800 < chi < 1260, f"bits from {shift}: {chi}"  # five deviations about 1023
