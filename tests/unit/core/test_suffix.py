"""Name compression: what is written can be read back, and is as short as the table allows."""

import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.native import probe

WWW = b"\3www\7example\3com\0"
MAIL = b"\4mail\7example\3com\0"
EXAMPLE = b"\7example\3com\0"


def names_at(message: bytes, starts: list[int]) -> list[dns.name.Name]:
    return [dns.name.from_wire(message, at)[0] for at in starts]


def test_second_name_points_into_the_first() -> None:
    m = probe.Message(200)
    assert m.put(WWW)
    assert m.put(MAIL)
    assert m.put(EXAMPLE)
    assert m.put(WWW)
    assert bytes(m)[12:] == WWW + b"\4mail\xc0\x10" + b"\xc0\x10" + b"\xc0\x0c"


def test_spelling_is_kept() -> None:
    m = probe.Message(200)
    assert m.put(WWW)
    assert m.put(b"\3WWW\7example\3com\0")
    assert m.put(b"\3www\7Example\3com\0")
    assert bytes(m)[12 + 17 :] == b"\3WWW\xc0\x10" + b"\3www\7Example\xc0\x18"


def test_the_root_is_never_a_pointer() -> None:
    m = probe.Message(200)
    for _ in range(3):
        assert m.put(b"\0")
    assert bytes(m)[12:] == b"\0\0\0"
    assert m.known_at == []


def test_uncompressed_names_are_learned() -> None:
    m = probe.Message(200)
    assert m.put(WWW, compress=False)
    assert m.put(WWW, compress=False)
    assert m.put(WWW)
    assert bytes(m)[12:] == WWW + WWW + b"\xc0\x0c"


def test_learned_where_it_stands() -> None:
    m = probe.Message(200, b"\0" * 12 + WWW + b"\0\1\0\1")
    m.learn(12)
    assert m.known_at == [12, 16, 24]
    assert m.put(MAIL)
    assert bytes(m)[33:] == b"\4mail\xc0\x10"
    m.learn(12)
    assert m.known_at == [12, 16, 24, 33]


@pytest.mark.parametrize("octets", [b"\xc0\x0c", b"\3www", b"\x40abc", b""])
def test_what_is_no_name_teaches_nothing(octets: bytes) -> None:
    m = probe.Message(200)
    m.raw(octets)
    m.learn(12)
    m.learn(1000)
    assert m.known_at == []


@pytest.mark.parametrize("octets", [b"", b"\3www", b"\xc0\x0c", WWW + b"\0", b"\x40" + b"a" * 64 + b"\0", bytes(256)])
def test_a_malformed_name_is_not_written(octets: bytes) -> None:
    m = probe.Message(600)
    assert not m.put(octets)
    assert bytes(m) == bytes(12)
    assert m.known_at == []


def test_forgetting() -> None:
    m = probe.Message(200)
    m.put(WWW)
    cut = len(bytes(m))
    m.put(b"\3ftp\3org\0")
    m.put(MAIL)
    m.cut(cut)
    assert m.known_at == [12, 16, 24]
    assert m.put(b"\3ftp\3org\0")
    assert bytes(m)[cut:] == b"\3ftp\3org\0"


def test_no_pointer_beyond_16383() -> None:
    m = probe.Message(40000, bytes(0x3FFB))
    assert m.put(WWW)
    assert m.known_at == [0x3FFB, 0x3FFF]
    assert m.put(b"\1x\3com\0")
    assert bytes(m)[0x3FFB + len(WWW) :] == b"\1x\3com\0"


def test_what_does_not_fit_leaves_no_trace() -> None:
    m = probe.Message(12 + len(WWW) + 6)
    assert m.put(WWW)
    assert not m.put(MAIL)
    assert len(bytes(m)) == 12 + len(WWW)
    assert m.known_at == [12, 16, 24]
    assert m.put(b"\3ftp\7example\3com\0")


def test_a_full_table_still_writes_right_names() -> None:
    m = probe.Message(20000)
    starts = []
    for i in range(100):
        starts.append(len(bytes(m)))
        assert m.put(b"\4n%03d\4m%03d\0" % (i, i))
    assert len(m.known_at) == 64
    got = [n.to_text() for n in names_at(bytes(m), starts)]
    assert got == [f"n{i:03d}.m{i:03d}." for i in range(100)]


label = st.one_of(st.sampled_from([b"a", b"A", b"b", b"aa", b"ab", b"ba", b"aba", b"abba", b"\0", b"\xc0\x0c"]))
name = st.lists(label, max_size=6).map(lambda x: b"".join(bytes([len(y)]) + y for y in x) + b"\0")


@given(st.lists(st.tuples(name, st.booleans(), st.booleans()), max_size=60), st.integers(12, 0x4010))
def test_every_name_can_be_read_back(names: list[tuple[bytes, bool, bool]], start: int) -> None:
    m = probe.Message(20000, bytes(start))
    kept: list[tuple[int, bytes]] = []
    for octets, compress, cut in names:
        at = len(bytes(m))
        assert m.put(octets, compress)
        if cut:
            m.cut(at)
        else:
            kept.append((at, octets))
    message = bytes(m)
    for at, octets in kept:
        assert dns.name.from_wire(message, at)[0].to_wire() == octets
