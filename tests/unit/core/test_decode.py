"""What a packet says and what it deserves: rule by rule, then against the slow twin."""

import struct
from collections.abc import Callable

import dns.message
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.native import probe
from tests.reference.decode import Config, decode

WWW = b"\3wWw\7example\3com\0"
A = struct.pack("!HH", 1, 1)
OPT = b"\0" + struct.pack("!HHIH", 41, 4096, 0x8000, 0)


def head(flags: int = 0x0100, qd: int = 1, an: int = 0, ns: int = 0, ar: int = 0) -> bytes:
    return struct.pack("!6H", 0x1234, flags, qd, an, ns, ar)


def rr(owner: bytes, rrtype: int, rdata: bytes = b"", rrclass: int = 1, ttl: int = 0) -> bytes:
    return owner + struct.pack("!HHIH", rrtype, rrclass, ttl, len(rdata)) + rdata


def opt(rdata: bytes = b"", size: int = 4096, ttl: int = 0) -> bytes:
    return rr(b"\0", 41, rdata, size, ttl)


def cookie(data: bytes) -> bytes:
    return struct.pack("!HH", 10, len(data)) + data


TSIG = rr(b"\3key\0", 250, b"\0" * 20, 255)
QUERY = head() + WWW + A


def told(packet: bytes, **more: object) -> dict:
    return probe.Packet(packet, **more).told()


def test_a_plain_query() -> None:
    t = told(QUERY)
    assert (t["status"], t["id"], t["flags"], t["opcode"]) == ("OK", 0x1234, 0x0100, 0)
    assert (t["qname"], t["qtype"], t["qclass"]) == (WWW.lower(), 1, 1)
    assert (t["has_question"], t["question_end"], t["limit"], t["tsig_at"]) == (True, len(QUERY), 512, 0)
    assert not t["edns"]["present"]


@pytest.mark.parametrize("length", range(12))
def test_too_short_is_silence(length: int) -> None:
    assert told(QUERY[:length])["status"] == "SILENT"


def test_a_response_is_silence() -> None:
    assert told(head(0x8100) + WWW + A)["status"] == "SILENT"


@pytest.mark.parametrize("length", range(12, len(QUERY)))
def test_cut_short_is_formerr(length: int) -> None:
    t = told(QUERY[:length])
    assert (t["status"], t["id"], t["has_question"], t["question_end"]) == ("FORMERR", 0x1234, False, 12)


@pytest.mark.parametrize("opcode", range(16))
def test_opcodes(opcode: int) -> None:
    expected = {0: "OK", 4: "HAND_OVER", 5: "HAND_OVER"}.get(opcode, "NOTIMP")
    t = told(head(opcode << 11) + WWW + A)
    assert (t["status"], t["opcode"]) == (expected, opcode)
    # A packet of an opcode we do not have may look any way: RFC 8906 8.1.4 asks with a header alone.
    assert told(head(opcode << 11, 0))["status"] == ("FORMERR" if opcode in (0, 4, 5) else "NOTIMP")


@pytest.mark.parametrize(
    "packet",
    [
        head(qd=2) + WWW + A + WWW + A,  # RFC 9619
        head(qd=0),
        head(qd=0, ar=1) + opt(),
        head() + b"\3www\xc0\x0c" + A,  # pointer in the question
        head() + b"\xc0\x0c" + A,
        head() + b"\x41" + b"a" * 65 + b"\0" + A,  # label of 65 octets
        head() + (b"\x3f" + b"a" * 63) * 4 + b"\0" + A,  # 257 octets
        QUERY + b"\0",  # octets left over
        head(ar=1) + WWW + A,  # counts promise more
        head(ar=2) + WWW + A + OPT + OPT,  # RFC 6891 6.1.1
        head(ar=1) + WWW + A + rr(b"\1a\0", 41),
        head(ar=1) + WWW + A + rr(b"\xc0\x14", 41),
        head(an=1) + WWW + A + OPT,
        head(ns=1) + WWW + A + OPT,
        head(ar=1) + WWW + A + OPT[:-1],
        head(ar=1) + WWW + A + OPT[:-1] + b"\1",  # rdlength too long
        head(ar=1) + WWW + A + opt(b"\0\3\0"),  # option cut short
        head(ar=1) + WWW + A + opt(cookie(b"123456789")),  # RFC 7873 5.2.2
        head(ar=2) + WWW + A + TSIG + OPT,  # RFC 8945 5.1: not last
        head(an=1) + WWW + A + TSIG,
        head(ar=2) + WWW + A + TSIG + TSIG,
        head() + WWW + struct.pack("!HH", 41, 1),  # OPT asked for
        head() + WWW + struct.pack("!HH", 250, 1),
        head(an=1) + WWW + A + rr(b"\x80a\0", 1),  # a label type nobody has
        head(0x2800, 2) + WWW + A + WWW + A,  # UPDATE of two zones: RFC 2136 3.1.1
    ],
)
def test_formerr(packet: bytes) -> None:
    assert told(packet)["status"] == "FORMERR"
    assert decode(packet).status == "FORMERR"


def test_formerr_after_the_opt_still_answers_with_one() -> None:
    t = told(head(ar=1) + WWW + A + OPT + b"x")
    assert (t["status"], t["edns"]["present"], t["has_question"]) == ("FORMERR", True, True)
    assert told(head(ar=1) + WWW + A + opt(b"\0"))["edns"]["present"]


@pytest.mark.parametrize(
    ("qtype", "status"),
    [
        *((qtype, "OK") for qtype in (0, 1, 46, 127, 255, 256, 65535)),
        *((qtype, "HAND_OVER") for qtype in (251, 252)),
        *((qtype, "NOTIMP") for qtype in (128, 248, 249, 253, 254)),
    ],
)
def test_query_types(qtype: int, status: str) -> None:
    assert told(head() + WWW + struct.pack("!HH", qtype, 1))["status"] == status


@pytest.mark.parametrize(
    ("qclass", "status"),
    [(1, "OK"), (3, "CHAOS"), (0, "NO_ZONE"), (4, "NO_ZONE"), (254, "NO_ZONE"), (255, "OK"), (7, "NO_ZONE")],
)
def test_classes(qclass: int, status: str) -> None:
    assert told(head() + WWW + struct.pack("!HH", 16, qclass))["status"] == status


def test_tsig_is_handed_over() -> None:
    t = told(head(ar=2) + WWW + A + OPT + TSIG)
    assert (t["status"], t["tsig_at"]) == ("HAND_OVER", len(QUERY) + len(OPT))


def test_badvers() -> None:
    t = told(head(ar=1) + WWW + A + opt(b"\0", ttl=0x00010000))
    assert (t["status"], t["edns"]["present"], t["has_question"]) == ("BADVERS", True, True)


def test_records_before_the_opt_are_passed_over() -> None:
    packet = head(an=1, ns=1, ar=3) + WWW + A + rr(b"\xc0\x0c", 1, b"1234") + rr(b"\0", 6, b"x" * 30)
    t = told(packet + rr(b"\1a\xc0\x0c", 1) + OPT + rr(WWW, 16, b"\1a"))
    assert (t["status"], t["edns"]["present"], t["edns"]["do"]) == ("OK", True, True)


@pytest.mark.parametrize(
    ("asked", "udp_max", "tcp", "room", "limit"),
    [
        (None, 1232, False, 65535, 512),
        (0, 1232, False, 65535, 512),
        (1000, 1232, False, 65535, 1000),
        (4096, 1232, False, 65535, 1232),
        (4096, 100, False, 65535, 512),
        (4096, 1232, False, 600, 600),
        (None, 1232, True, 65535, 65535),
        (600, 1232, True, 65535, 65535),
        (600, 1232, True, 70000, 65535),
        (None, 1232, True, 100, 100),
    ],
)
def test_limit(asked: int | None, udp_max: int, tcp: bool, room: int, limit: int) -> None:
    packet = QUERY if asked is None else head(ar=1) + WWW + A + opt(size=asked)
    assert told(packet, udp_max=udp_max, tcp=tcp, room=room)["limit"] == limit


def test_cookie_without_a_question() -> None:
    packet = head(qd=0, ar=1) + opt(cookie(b"12345678"))
    assert told(packet)["status"] == "COOKIE_ONLY"
    assert told(packet, cookies=False)["status"] == "FORMERR"
    assert told(packet, cookies_required=True)["status"] == "COOKIE_ONLY"
    bad = head(qd=0, ar=1) + opt(cookie(b"12345678" * 3))
    assert told(bad)["status"] == "COOKIE_ONLY"
    assert told(bad, cookies_required=True)["status"] == "BADCOOKIE"
    assert told(head(0x2000, qd=0, ar=1) + opt(cookie(b"12345678")))["status"] == "FORMERR"


def test_cookies_required() -> None:
    def ask(data: bytes, **more: object) -> dict:
        return told(head(ar=1) + WWW + A + opt(cookie(data)), now=1000, cookies_required=True, **more)

    first = ask(b"12345678")
    assert first["status"] == "BADCOOKIE"
    assert ask(first["edns"]["cookie_out"])["status"] == "OK"
    assert ask(b"12345678" * 3)["status"] == "BADCOOKIE"
    assert ask(b"12345678" * 3, tcp=True)["status"] == "OK"
    assert told(QUERY, cookies_required=True)["status"] == "OK"


# -- against the slow twin --


def compare(packet: bytes, tcp: bool, required: bool) -> None:
    fast = probe.Packet(packet, tcp=tcp, cookies_required=required, udp_max=1400).told()
    edns = fast.pop("edns")
    slow = decode(packet, tcp=tcp, config=Config(1400, True, required), cookie_good=edns["cookie"] == 3)
    assert fast == {key: getattr(slow, key) for key in fast}
    for key in ("present", "udp_size", "version", "do"):
        assert edns[key] == getattr(slow.opt, key), key
    if fast["status"] not in {"FORMERR", "NOTIMP"}:  # after an error the options may be half read
        for key in ("nsid", "keepalive", "expire", "zoneversion"):
            assert edns[key] == getattr(slow.opt, key), key
        assert (edns["cookie"] != 0) == bool(slow.opt.cookie)


small = st.integers(0, 3)
labels = st.lists(st.binary(min_size=1, max_size=8), max_size=4)
plain = labels.map(lambda x: b"".join(bytes([len(y)]) + y for y in x) + b"\0")
owners = st.one_of(plain, plain.map(lambda x: x[:-1] + b"\xc0\x0c"), st.just(b"\0"))
options = st.lists(
    st.tuples(
        st.sampled_from([3, 8, 9, 10, 11, 15, 19]),
        st.one_of(st.just(b""), st.binary(max_size=41), st.just(b"12345678")),
    ),
    max_size=4,
).map(lambda x: b"".join(struct.pack("!HH", code, len(data)) + data for code, data in x))
opts = st.builds(opt, options, st.integers(0, 65535), st.sampled_from([0, 0x8000, 0x10000, 0xFF000000]))
records = st.one_of(
    opts, st.just(TSIG), st.builds(rr, owners, st.sampled_from([1, 6, 41, 46, 250]), st.binary(max_size=20))
)
types = st.one_of(st.sampled_from([1, 2, 41, 128, 249, 250, 251, 252, 254, 255, 257]), st.integers(0, 65535))


@st.composite
def packets(draw: Callable) -> bytes:
    """Packets that are mostly in order."""
    flags = draw(st.one_of(st.just(0x0100), st.integers(0, 0x7FFF), st.integers(0, 0xFFFF)))
    questions = draw(st.sampled_from([1, 1, 1, 1, 0, 2]))
    sections = [draw(st.lists(records, max_size=n)) for n in draw(st.sampled_from([(0, 0, 1), (0, 0, 2), (1, 1, 2)]))]
    counts = [draw(st.one_of(st.just(len(s)), st.just(len(s)), small)) for s in sections]
    packet = head(flags, questions, *counts)
    for _ in range(questions):
        packet += draw(plain) + struct.pack("!HH", draw(types), draw(st.sampled_from([1, 1, 1, 3, 255])))
    packet += b"".join(record for section in sections for record in section)
    return packet + draw(st.sampled_from([b"", b"", b"", b"x"]))


@given(packets(), st.booleans(), st.booleans())
def test_twin_agrees_on_packets(packet: bytes, tcp: bool, required: bool) -> None:
    compare(packet, tcp, required)


@given(packets())
def test_twin_agrees_on_every_prefix(packet: bytes) -> None:
    for length in range(len(packet)):
        compare(packet[:length], False, False)


@given(packets(), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=4))
def test_twin_agrees_on_mutations(packet: bytes, changes: list[tuple[int, int]]) -> None:
    mutated = bytearray(packet)
    for at, octet in changes:
        mutated[at % len(mutated)] = octet
    compare(bytes(mutated), False, True)


@given(st.binary(max_size=120))
@example(bytes(12))
@example(b"\0" * 4 + b"\xff" * 8)
def test_twin_agrees_on_any_octets(packet: bytes) -> None:
    compare(packet, False, False)


@given(st.sampled_from(["A", "SOA", "TXT", "ANY"]), st.sampled_from([-1, 0]), st.booleans())
def test_twin_agrees_on_what_a_client_library_makes(rrtype: str, edns: int, dnssec: bool) -> None:
    query = dns.message.make_query("a.example.", rrtype, use_edns=edns, want_dnssec=dnssec)
    compare(query.to_wire(), False, False)
