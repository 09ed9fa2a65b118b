"""SOA records kept as encoded change no octet of an answer: what was asked before must not show.

An Engine that has answered many questions is held against one that has answered none: that one encodes each anew.
"""

import os

import dns.flags
import dns.message
import dns.rcode
from hypothesis import given, settings
from hypothesis import strategies as st

from nsblast._core.engine import Engine
from nsblast._core.rrset import IS_APEX, pack_entry
from nsblast._core.segment import Segment

A, SOA, TXT = 1, 6, 16

# Few labels, some alike but for case, so that names of a SOA, apexes and questions often share some.
LABELS = st.sampled_from([b"a", b"A", b"ns", b"NS", b"example", b"eXample", b"x" * 30])
NAMES = st.lists(LABELS, max_size=4)


def wire(labels: list[bytes]) -> bytes:
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def soa(primary: list[bytes], mailbox: list[bytes], serial: int, minimum: int) -> bytes:
    numbers = (serial, 2, 3, 4, minimum)
    return wire(primary) + wire(mailbox) + b"".join(number.to_bytes(4, "big") for number in numbers)


@st.composite
def names_near(draw: st.DrawFn, apex: list[bytes]) -> list[bytes]:
    """In the zone, in its spelling or another, above it, or elsewhere."""
    below = draw(NAMES)
    end = draw(st.sampled_from([apex, apex, apex, [label.swapcase() for label in apex], apex[1:], []]))
    return below + end


@st.composite
def zones(draw: st.DrawFn) -> tuple[list[bytes], list[tuple[bytes, int]]]:
    """An apex as spelled, and some SOAs it has in turn, with their TTLs."""
    apex = draw(st.lists(LABELS, min_size=1, max_size=3))
    soas = [
        (
            soa(
                draw(names_near(apex)), draw(names_near(apex)), draw(st.integers(1, 3)), draw(st.sampled_from([5, 900]))
            ),
            draw(st.sampled_from([60, 3600])),
        )
        for _ in range(draw(st.integers(1, 2)))
    ]
    return apex, soas


def query(name: bytes, qtype: int, edns: bytes) -> bytes:
    return b"\0\1\0\0\0\1\0\0\0\0\0" + bytes([edns != b""]) + name + qtype.to_bytes(2, "big") + b"\0\1" + edns


PLAIN, DO, SMALL = (b"", b"\0\0\x29\x10\0\0\0\x80\0\0\0", b"\0\0\x29\2\0\0\0\0\0\0\0")


@settings(max_examples=60, deadline=None)
@given(
    zone=zones(),
    asked=st.lists(
        st.tuples(NAMES, st.booleans(), st.sampled_from([A, TXT]), st.sampled_from([PLAIN, DO, SMALL]), st.booleans()),
        min_size=4,
        max_size=14,
    ),
)
def test_answers_do_not_tell_what_was_asked_before(
    zone: tuple[list[bytes], list[tuple[bytes, int]]], asked: list[tuple[list[bytes], bool, int, bytes, bool]]
) -> None:
    apex, soas = zone
    folded = wire([label.lower() for label in apex])
    fd = Segment.create(4 << 20, 1)
    segment = Segment(fd, writer=True)
    segment.set_seed(1, 2)
    segment.filter_start(100)
    segment.filter_add([folded])
    segment.filter_add_apex(folded)
    segment.filter_switch()
    veteran = Engine(fd)
    for number, (rdata, ttl) in enumerate(soas, 1):
        blob = pack_entry([(SOA, ttl, [rdata])], apex_labels=len(apex), flags=IS_APEX, spelling=wire(apex))
        segment.begin(number, [folded])
        assert segment.put(folded, blob)
        assert segment.finish()
        for below, swapped, qtype, edns, tcp in asked * 2:
            name = wire(below + ([label.swapcase() for label in apex] if swapped else apex))
            packet = query(name, qtype, edns)
            answer = veteran.answer(packet, tcp=tcp)
            assert isinstance(answer, bytes)
            assert answer == Engine(fd).answer(packet, tcp=tcp)
            message = dns.message.from_wire(answer)
            assert message.rcode() == (dns.rcode.NXDOMAIN if below else dns.rcode.NOERROR)
            assert message.flags & dns.flags.AA
            [shown] = message.authority
            assert shown.ttl == min(ttl, int.from_bytes(rdata[-4:], "big"))
            assert shown.name.to_wire().lower() == folded
            assert shown[0].to_wire() == rdata  # spelling included (RFC 4343)
    os.close(fd)


def test_question_too_long_or_soa_too_large_is_encoded_each_time() -> None:
    apex = [b"z" * 60, b"example"]
    long = [b"m" * 63, b"m" * 63]
    fd = Segment.create(4 << 20, 1)
    segment = Segment(fd, writer=True)
    segment.set_seed(1, 2)
    segment.begin(1, [wire(apex)])
    blob = pack_entry([(SOA, 60, [soa([*long, *apex], long, 1, 60)])], apex_labels=2, flags=IS_APEX)
    assert segment.put(wire(apex), blob)
    assert segment.finish()
    segment.filter_start(10)
    segment.filter_add([wire(apex)])
    segment.filter_add_apex(wire(apex))
    segment.filter_switch()
    veteran = Engine(fd)
    for number in range(4):
        for name in ([b"q%d" % number, *apex], [b"l"] * 40 + apex):
            packet = query(wire(name), A, PLAIN)
            assert veteran.answer(packet) == Engine(fd).answer(packet)
    os.close(fd)
