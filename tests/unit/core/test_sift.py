"""nsblast._core.sift: records of one message into others, but for some names; read_rrs reads them back."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nsblast._core.keys import owner_key
from nsblast._core.pack import Packer
from nsblast._core.sift import DONE, FULL, STOP, Sift
from nsblast._core.unpack import read_rrs
from nsblast.types import Rr

APEX = b"\7example\0"
HEAD = b"\x12\x34\x84\0\0\1\0\0\0\0\0\0" + APEX + b"\0\xfc\0\1"
SOA = APEX + b"\4host" + APEX + struct.pack("!5I", 1, 2, 3, 4, 5)
ROOM = 65535

label = st.sampled_from([b"a", b"b", b"Ab", b"c", b"*", b"x\0y", b"long-label-of-a-host"])
name = st.lists(label, min_size=1, max_size=4).map(lambda parts: b"".join(bytes((len(p),)) + p for p in parts) + APEX)
target = st.one_of(name, st.just(APEX), st.just(b"\2ns\4test\0"))
data = st.one_of(
    st.tuples(st.just(1), st.binary(min_size=4, max_size=4)),
    st.tuples(st.sampled_from((2, 5, 12)), target),
    st.tuples(st.just(15), target.map(lambda host: b"\0\5" + host)),
    st.tuples(st.just(33), target.map(lambda host: b"\0\1\0\2\0\3" + host)),
    st.tuples(st.just(16), st.binary(max_size=60).map(lambda text: bytes((len(text),)) + text)),
)
sets = st.dictionaries(name, st.lists(data, min_size=1, max_size=4), max_size=25)


def rest(owner: bytes) -> bytes:
    return owner_key(owner, 1)[len(owner_key(APEX, 1)) :]


def ordered(zone: dict[bytes, list[tuple[int, bytes]]]) -> list[Rr]:
    return [(owner, kind, 60, rdata) for owner in sorted(zone, key=rest) for kind, rdata in zone[owner]]


def read(messages: list[bytes]) -> list[Rr]:
    found = []
    for message in messages:
        rrs, _, end = read_rrs(message, len(HEAD), int.from_bytes(message[6:8], "big"))
        assert end == len(message)
        found += rrs
    return found


def message_of(rrs: list[Rr]) -> bytes:
    packer = Packer(HEAD, ROOM)
    assert packer.put(APEX, 6, 60, SOA)
    assert packer.put_rrs(rrs) == len(rrs)
    assert packer.put(APEX, 6, 60, SOA)
    return packer.take()


@settings(max_examples=120, deadline=None)
@given(sets, sets, st.sampled_from((120, 300, 1232, 65535)), st.data())
def test_what_goes_over_and_what_comes_between(
    zone: dict[bytes, list[tuple[int, bytes]]],
    new: dict[bytes, list[tuple[int, bytes]]],
    limit: int,
    choose: st.DataObject,
) -> None:
    zone = {owner: sets for owner, sets in zone.items() if rest(owner) not in {rest(o) for o in zone if o < owner}}
    new = {owner: sets for owner, sets in new.items() if rest(owner) not in {rest(o) for o in new if o < owner}}
    gone = choose.draw(st.lists(st.sampled_from(sorted(zone)), unique=True)) if zone else []
    changed = {rest(owner): owner for owner in new} | {
        rest(owner): owner for owner in gone if rest(owner) not in map(rest, new)
    }
    keys = sorted(changed)
    packer = Packer(HEAD, limit)
    messages = []
    sift = Sift(message_of(ordered(zone)), len(HEAD), 1, ends=True)
    while keys or sift.key is not None:
        state = sift.into(packer, keys[0] if keys else None)
        if state == FULL:
            assert sift.key is not None
            messages.append(packer.take())
            continue
        if state == DONE and not keys:
            break
        key = keys.pop(0)
        if state == STOP:
            assert sift.key is not None
            assert sift.key >= key
            sift.skip(key)
        rrs = [(changed[key], kind, 60, rdata) for kind, rdata in new.get(changed[key], [])]
        at = 0
        while (at := packer.put_rrs(rrs, at)) < len(rrs):
            messages.append(packer.take())
    messages.append(packer.take())
    stays = {owner: sets for owner, sets in zone.items() if rest(owner) not in changed}
    assert read(messages) == ordered({**stays, **new})
    for message in messages:
        assert len(message) <= limit or int.from_bytes(message[6:8], "big") == 1


def test_a_second_time_costs_no_octet() -> None:
    """What goes over as it stands is as short as what was packed."""
    zone = {
        b"\4host" + bytes((5,)) + b"%05d" % n + APEX: [(1, b"\1\2\3\4"), (15, b"\0\5\4mail" + APEX)] for n in range(400)
    }
    message = message_of(ordered(zone))
    packer = Packer(HEAD, ROOM)
    packer.put(APEX, 6, 60, SOA)
    assert Sift(message, len(HEAD), 1).into(packer) == DONE
    packer.put(APEX, 6, 60, SOA)
    again = packer.take()
    assert read([again]) == read([message])
    assert len(again) <= len(message) + 16


def test_keys_of_the_next_and_the_last() -> None:
    zone = {b"\1a" + APEX: [(1, bytes(4))], b"\1b" + APEX: [(1, bytes(4))], b"\1c" + APEX: [(1, bytes(4))]}
    sift = Sift(message_of(ordered(zone)), len(HEAD), 1)
    packer = Packer(HEAD, ROOM)
    assert sift.last is None
    assert sift.key == b""
    assert sift.into(packer, b"b\0") == STOP
    assert (sift.last, sift.key) == (b"a\0", b"b\0")
    sift.skip(b"b\0")
    assert sift.into(packer) == DONE
    assert (sift.last, sift.key) == (b"c\0", None)
    assert [rr[0] for rr in read([packer.take()])] == [b"\1a" + APEX, b"\1c" + APEX]


@settings(max_examples=120, deadline=None)
@given(sets, st.data())
def test_damage_is_an_error_or_harmless(zone: dict[bytes, list[tuple[int, bytes]]], choose: st.DataObject) -> None:
    message = bytearray(message_of(ordered(zone)))
    for _ in range(choose.draw(st.integers(1, 4))):
        message[choose.draw(st.integers(6, len(message) - 1))] = choose.draw(st.integers(0, 255))
    cut = bytes(message[: choose.draw(st.integers(len(HEAD), len(message)))])
    packer = Packer(HEAD, 1232)
    stop = choose.draw(st.sampled_from([None, b"a\0", b"b\0a\0"]))
    try:
        sift = Sift(
            cut, len(HEAD), 1, passed=choose.draw(st.sampled_from([None, b"a\0"])), ends=choose.draw(st.booleans())
        )
        while sift.into(packer, stop) == FULL:
            assert len(packer.take()) <= 65535
        assert sift.last is None or isinstance(sift.last, bytes)
    except ValueError:
        pass
    assert len(packer.take()) <= 65535


@pytest.mark.parametrize("message", [b"", HEAD[:11]])
def test_no_message(message: bytes) -> None:
    with pytest.raises(ValueError, match="no message"):
        Sift(message, len(HEAD), 1)
