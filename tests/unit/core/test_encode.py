"""A plan becomes octets: by rule, then against the slow twin and dnspython."""

import struct
from collections.abc import Callable

import dns.flags
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.native import probe
from tests.reference.encode import ADDITIONAL, ANSWER, AUTHORITY, CAPPED, MUST, SYNTH, Item, encode

ZONE = b"\7example\3com\0"
WWW = b"\3www" + ZONE
A, NS, CNAME, SOA, MX, TXT, AAAA, SRV, DNAME, RRSIG = 1, 2, 5, 6, 15, 16, 28, 33, 39, 46


def query(
    qname: bytes = WWW, qtype: int = A, *, flags: int = 0x0100, edns: bytes | None = None, size: int = 1232
) -> bytes:
    packet = struct.pack("!6H", 0x1234, flags, 1, 0, 0, 0 if edns is None else 1) + qname + struct.pack("!HH", qtype, 1)
    return packet if edns is None else packet + b"\0" + struct.pack("!HHIH", 41, size, 0, len(edns)) + edns


def wire(text: str) -> bytes:
    return dns.name.from_text(text).to_wire()


def soa() -> bytes:
    return wire("ns1.example.com") + wire("hostmaster.example.com") + struct.pack("!5I", 7, 1, 2, 3, 4)


def sig(covered: int) -> bytes:
    return struct.pack("!HBBIIIH", covered, 8, 2, 300, 0, 0, 1) + ZONE + b"s" * 64


class Asked:
    """One packet with its plan."""

    def __init__(self, packet: bytes, **more: object) -> None:
        self.packet = packet
        self.p = probe.Packet(packet, **more)
        self.items: list[Item] = []
        self.rcode, self.aa = 0, True

    def add(self, *fields: object, **more: object) -> "Asked":
        self.items.append(Item(*fields, **more))
        return self

    def answer(self) -> bytes:
        """The encoder's octets, which must be the slow twin's."""
        for item in self.items:
            self.p.add(
                item.section, item.owner, item.rrtype, item.ttl, item.rdatas,
                flags=item.flags, owner_at=item.owner_at, cap=item.cap,
            )  # fmt: skip
        self.p.set(rcode=self.rcode, aa=self.aa)
        told = self.p.told()
        status, answer = self.p.encode()
        assert status == "OK"
        assert len(answer) <= told["limit"]
        opt = b""
        if told["edns"]["present"]:
            opt = b"\0" + struct.pack("!HHIH", 41, 1232, (self.rcode >> 4) << 24, 0)
            if told["edns"]["cookie"]:
                opt = opt[:-2] + struct.pack("!HHH", 28, 10, 24) + told["edns"]["cookie_out"]
        expected, _ = encode(
            self.packet, told["question_end"], self.items, limit=told["limit"], opt=opt, rcode=self.rcode, aa=self.aa
        )
        assert answer == expected
        return answer

    def message(self) -> dns.message.Message:
        return dns.message.from_wire(self.answer())


def texts(section: list) -> list[str]:
    return [str(rrset) for rrset in section]


def test_one_address() -> None:
    answer = Asked(query()).add(ANSWER, WWW, A, 300, [b"\1\2\3\4"], owner_at=12).answer()
    assert answer == (
        struct.pack("!6H", 0x1234, 0x8500, 1, 1, 0, 0) + query()[12:]
        + b"\xc0\x0c" + struct.pack("!HHIH", A, 1, 300, 4) + b"\1\2\3\4"
    )  # fmt: skip


def test_header_bits() -> None:
    for given_, expected in ((0x0000, 0x8400), (0x0110, 0x8500), (0x00F0, 0x8400), (0x0720, 0x8500)):
        assert Asked(query(flags=given_)).answer()[2:4] == struct.pack("!H", expected)
    asked = Asked(query(edns=b""))
    asked.aa, asked.rcode = False, 0x17
    m = asked.message()
    assert m.rcode() == 0x17
    assert not m.flags & dns.flags.AA


def test_every_section() -> None:
    ns = [wire("ns1.example.com"), wire("NS2.example.com"), wire("ns.example.org")]
    m = (
        Asked(query())
        .add(ANSWER, WWW, MX, 300, [b"\0\5" + wire("mail.example.com")], owner_at=12)
        .add(AUTHORITY, ZONE, NS, 300, ns)
        .add(ADDITIONAL, wire("mail.example.com"), A, 300, [b"\1\2\3\4", b"\5\6\7\x08"])
        .add(ADDITIONAL, wire("NS2.example.com"), AAAA, 300, [bytes(16)])
        .message()
    )
    assert texts(m.answer) == ["www.example.com. 300 IN MX 5 mail.example.com."]
    assert texts(m.authority)[0].splitlines() == [
        f"example.com. 300 IN NS {n}" for n in ("ns1.example.com.", "NS2.example.com.", "ns.example.org.")
    ]
    assert [rrset.name.to_text() for rrset in m.additional] == ["mail.example.com.", "NS2.example.com."]


def test_names_in_rdata_are_compressed_where_they_may_be() -> None:
    for rrtype, rdata, length in [
        (NS, wire("ns1.example.com"), 6),
        (CNAME, WWW, 2),
        (MX, b"\0\1" + ZONE, 4),
        (SOA, soa(), 6 + 13 + 20),
        (SRV, bytes(6) + WWW, 6 + len(WWW)),  # RFC 2782
        (DNAME, ZONE, len(ZONE)),  # RFC 6672 2.5
        (65280, WWW, len(WWW)),  # RFC 3597 4
    ]:
        answer = Asked(query()).add(ANSWER, WWW, rrtype, 300, [rdata], owner_at=12).answer()
        assert len(answer) == len(query()) + 12 + length, rrtype
        found = dns.message.from_wire(answer).answer[0]
        assert found[0].to_wire() == rdata


def test_addresses_point_to_the_target_of_an_srv() -> None:
    target = wire("sip.example.org")
    answer = (
        Asked(query())
        .add(ANSWER, WWW, SRV, 300, [bytes(6) + target], owner_at=12)
        .add(ADDITIONAL, target, A, 300, [b"\1\2\3\4"])
        .answer()
    )
    assert len(answer) == len(query()) + 12 + 6 + len(target) + 12 + 4


def test_spelling_of_owner_and_target_is_kept() -> None:
    owner = b"\3WwW\7Example\3com\0"
    m = Asked(query()).add(ANSWER, owner, CNAME, 300, [b"\3WWW" + ZONE]).message()
    assert m.answer[0].name.to_wire() == owner
    assert m.answer[0][0].target.to_wire() == b"\3WWW" + ZONE
    assert m.question[0].name.to_wire() == WWW


def test_the_root_as_owner() -> None:
    m = Asked(query(b"\0", NS)).add(ANSWER, b"\0", NS, 300, [wire("a.root."), wire("b.root.")], owner_at=12).message()
    assert m.answer[0].name == dns.name.root
    assert len(m.answer[0]) == 2


def test_ttl_is_capped() -> None:
    asked = Asked(query()).add(AUTHORITY, ZONE, SOA, 3600, [soa()], flags=CAPPED, cap=60)
    assert asked.message().authority[0].ttl == 60
    asked = Asked(query()).add(AUTHORITY, ZONE, SOA, 30, [soa()], flags=CAPPED, cap=60)
    assert asked.message().authority[0].ttl == 30


def test_a_synthesised_cname() -> None:
    m = Asked(query()).add(ANSWER, WWW, CNAME, 9, [wire("www.example.org")], flags=SYNTH, owner_at=12).message()
    assert texts(m.answer) == ["www.example.com. 9 IN CNAME www.example.org."]


# -- what does not fit --


def addresses(n: int) -> list[bytes]:
    return [struct.pack("!I", i) for i in range(n)]


def test_an_rrset_stands_whole_or_not_at_all() -> None:
    full = (512 - len(query())) // 16
    m = Asked(query()).add(ANSWER, WWW, A, 300, addresses(full), owner_at=12).message()
    assert (len(m.answer[0]), bool(m.flags & dns.flags.TC)) == (full, False)
    m = Asked(query()).add(ANSWER, WWW, A, 300, addresses(full + 1), owner_at=12).message()
    assert (len(m.answer), bool(m.flags & dns.flags.TC)) == (0, True)
    m = Asked(query(), tcp=True).add(ANSWER, WWW, A, 300, addresses(4000), owner_at=12).message()
    assert (len(m.answer[0]), bool(m.flags & dns.flags.TC)) == (4000, False)


def test_nothing_follows_what_did_not_fit() -> None:
    m = (
        Asked(query())
        .add(ANSWER, WWW, CNAME, 300, [wire("a.example.com")], owner_at=12)
        .add(ANSWER, wire("a.example.com"), A, 300, addresses(40))
        .add(AUTHORITY, ZONE, NS, 300, [wire("ns1.example.com")])
        .add(ADDITIONAL, wire("ns1.example.com"), A, 300, addresses(1))
        .message()
    )
    assert m.flags & dns.flags.TC
    assert [len(section) for section in m.sections] == [1, 1, 0, 0]


def test_additional_data_is_left_out_without_tc() -> None:
    one, two, three = (wire(f"ns{i}.example.com") for i in (1, 2, 3))
    asked = Asked(query()).add(AUTHORITY, ZONE, NS, 300, [one, two, three])
    asked.add(ADDITIONAL, one, A, 300, addresses(25)).add(ADDITIONAL, one, RRSIG, 300, [sig(A)])
    asked.add(ADDITIONAL, two, A, 300, addresses(40)).add(ADDITIONAL, two, RRSIG, 300, [sig(A)])
    asked.add(ADDITIONAL, three, A, 300, addresses(1))
    m = asked.message()
    assert not m.flags & dns.flags.TC
    # The first RRset without its signature (RFC 4035 3.1.1), no signature without its RRset, and the third, which fits.
    assert [(r.name.labels[0], r.rdtype) for r in m.additional] == [(b"ns1", A), (b"ns3", A)]


def test_glue_that_must_be_there_sets_tc() -> None:
    one, two = (wire(f"ns{i}.example.com") for i in (1, 2))
    asked = Asked(query()).add(AUTHORITY, ZONE, NS, 300, [one, two])
    asked.add(ADDITIONAL, one, A, 300, addresses(40), flags=MUST).add(ADDITIONAL, two, A, 300, addresses(2), flags=MUST)
    m = asked.message()
    assert m.flags & dns.flags.TC
    assert [r.name.labels[0] for r in m.additional] == [b"ns2"]  # RFC 9471: as much as fits


def test_a_signature_alone_sets_no_tc() -> None:
    one = wire("ns1.example.com")
    asked = Asked(query()).add(ADDITIONAL, one, A, 300, addresses(26), flags=MUST)
    asked.add(ADDITIONAL, one, RRSIG, 300, [sig(A)], flags=MUST)
    m = asked.message()
    assert not m.flags & dns.flags.TC
    assert [r.rdtype for r in m.additional] == [A]


def test_room_for_opt_is_kept() -> None:
    n = (512 - len(query()) - 11 - 28) // 16
    for extra, tc in ((0, False), (1, True)):
        asked = Asked(query(edns=struct.pack("!HH", 10, 8) + b"12345678", size=512))
        m = asked.add(ANSWER, WWW, A, 300, addresses(n + extra), owner_at=12).message()
        assert bool(m.flags & dns.flags.TC) == tc
        assert m.edns == 0
        assert len(m.options[0].to_wire()) == 24


# -- corrupt entries --


@pytest.mark.parametrize(
    ("rrtype", "count", "blob"),
    [
        (A, 1, b""),
        (A, 1, b"\0"),
        (A, 1, b"\0\4abc"),
        (A, 2, b"\0\4abcd"),
        (A, 0, b"\0\4abcd"),
        (A, 65535, b"\0\4abcd" * 3),
        (A, 1, b"\xff\xffabcd"),
        (NS, 1, b"\0\0"),
        (NS, 1, b"\0\4\3www"),
        (NS, 1, b"\0\2\xc0\x0c"),
        (MX, 1, b"\0\1x"),
        (SOA, 1, b"\0\4\1a\0\7"),
    ],
)
def test_a_corrupt_rrset_is_noticed(rrtype: int, count: int, blob: bytes) -> None:
    p = probe.Packet(query(), tcp=True)
    p.add(ANSWER, WWW, rrtype, 300, [], owner_at=12, count=count, blob=blob)
    status, _ = p.encode()
    assert status == "CORRUPT"
    p.set(rcode=2)
    m = dns.message.from_wire(p.bare())
    assert (m.rcode(), m.answer) == (2, [])


@given(st.binary(max_size=60), st.integers(0, 5), st.sampled_from([A, NS, MX, SOA, SRV, TXT]), st.integers(0, 3))
def test_any_blob_is_an_rrset_or_corrupt(blob: bytes, count: int, rrtype: int, section: int) -> None:
    p = probe.Packet(query(edns=b""))
    p.add(section, WWW, rrtype, 300, [], count=count, blob=blob)
    status, answer = p.encode()
    assert status in {"OK", "CORRUPT"}
    if status == "OK":
        dns.message.from_wire(answer, ignore_trailing=False, continue_on_error=True)


@pytest.mark.parametrize("owner", [b"\3www", b"\xc0\x0c", b"\x40", WWW + b"x"])
def test_a_corrupt_owner_is_never_written(owner: bytes) -> None:
    p = probe.Packet(query())
    p.add(ANSWER, owner, A, 300, [b"1234"])
    _, answer = p.encode()
    m = dns.message.from_wire(answer)
    assert (m.answer, bool(m.flags & dns.flags.TC)) == ([], True)


# -- bare and chaos --


def test_bare() -> None:
    p = probe.Packet(query(edns=b"", flags=0x2110))
    p.set(rcode=4, ede=21)
    m = dns.message.from_wire(p.bare())
    assert (m.id, m.opcode(), m.rcode(), len(m.question)) == (0x1234, 4, 4, 1)
    assert not m.flags & dns.flags.CD  # RFC 4035 3.1.6
    assert m.extended_errors()[0].code == 21


@pytest.mark.parametrize("packet", [query()[:20], query()[:12], struct.pack("!6H", 1, 0, 2, 0, 0, 0)])
def test_bare_without_a_question(packet: bytes) -> None:
    p = probe.Packet(packet)
    p.set(rcode=1)
    answer = p.bare()
    assert answer == packet[:2] + struct.pack("!5H", 0x8001 | packet[2] & 1 << 8 | (packet[2] & 1) << 8, 0, 0, 0, 0)


@pytest.mark.parametrize("room", range(60))
def test_bare_in_any_room(room: int) -> None:
    p = probe.Packet(query(edns=b""), room=room)
    answer = p.bare()
    assert len(answer) <= room
    if room < 12:
        assert answer == b""
    else:
        dns.message.from_wire(answer)
    _, answer = p.encode()
    assert len(answer) <= room


@pytest.mark.parametrize("qname", [b"\7version\4bind\0", b"\0"])
def test_chaos(qname: bytes) -> None:
    packet = query(qname, TXT)[:-2] + b"\0\3"
    p = probe.Packet(packet)
    assert p.status == "CHAOS"
    p.set(aa=True)
    m = dns.message.from_wire(p.chaos(b'nsblast "1"'))
    (rrset,) = m.answer
    assert (rrset.name.to_wire(), rrset.rdclass, rrset.ttl) == (qname, dns.rdataclass.CH, 0)
    assert rrset[0].strings == (b'nsblast "1"',)
    m = dns.message.from_wire(probe.Packet(packet, room=40).chaos(b"x" * 100))
    assert (m.answer, bool(m.flags & dns.flags.TC)) == ([], True)


# -- against the slow twin --

label = st.sampled_from([b"a", b"b", b"www", b"WWW", b"ns1", b"example", b"com", b"x" * 30])
name = st.lists(label, max_size=5).map(lambda x: b"".join(bytes([len(y)]) + y for y in x) + b"\0")
RDATA: dict[int, st.SearchStrategy[bytes]] = {
    A: st.binary(min_size=4, max_size=4),
    AAAA: st.binary(min_size=16, max_size=16),
    NS: name,
    MX: name.map(lambda n: b"\0\1" + n),
    SOA: st.tuples(name, name).map(lambda n: n[0] + n[1] + bytes(20)),
    TXT: st.binary(max_size=200).map(lambda t: bytes([len(t)]) + t),
    SRV: name.map(lambda n: bytes(6) + n),
    RRSIG: name.map(lambda n: sig(A)[:18] + n + b"s" * 64),
    DNAME: name,
    17: st.tuples(name, name).map(lambda n: n[0] + n[1]),
    65280: st.binary(max_size=40),
}


@st.composite
def plans(draw: Callable) -> list[Item]:
    owners = draw(st.lists(name, min_size=1, max_size=4))
    items = []
    for section in (ANSWER, AUTHORITY, ADDITIONAL):
        for _ in range(draw(st.integers(0, 4))):
            rrtype = draw(st.sampled_from(sorted(RDATA)))
            rdatas = draw(st.lists(RDATA[rrtype], min_size=1, max_size=draw(st.sampled_from([1, 3, 12])), unique=True))
            owner = draw(st.sampled_from(owners))
            flags = draw(st.sampled_from([0, 0, 0, MUST, CAPPED])) if section else 0
            items.append(Item(section, owner, rrtype, draw(st.integers(0, 2**31 - 1)), rdatas, flags))
            items[-1].cap = draw(st.integers(0, 1000)) if flags == CAPPED else -1
    return items


@settings(max_examples=300)
@given(plans(), name, st.booleans(), st.sampled_from([None, 512, 700, 1232]))
def test_twin_agrees_and_a_client_library_reads_it(
    items: list[Item], qname: bytes, tcp: bool, size: int | None
) -> None:
    packet = query(qname) if size is None else query(qname, edns=b"", size=size)
    asked = Asked(packet, tcp=tcp)
    for item in items:
        if item.owner == qname and len(qname) > 1:
            item.owner_at = 12
        asked.items.append(item)
    answer = asked.answer()
    message = dns.message.from_wire(answer, one_rr_per_rrset=True)
    if message.flags & dns.flags.TC:
        return
    read = [
        (rrset.name.to_wire(), rrset.rdtype, rrset[0].to_wire())
        for section in message.sections[1:3]
        for rrset in section
    ]
    planned = [
        (item.owner, item.rrtype, rdata) for item in items if item.section != ADDITIONAL for rdata in item.rdatas
    ]
    assert read == planned


def test_every_octet_of_a_large_answer_beyond_the_reach_of_pointers() -> None:
    asked = Asked(query(), tcp=True)
    for i in range(60):
        asked.add(ANSWER, wire(f"n{i}.example.com"), TXT, 300, [bytes([200]) + b"t" * 200, bytes([199]) + b"u" * 199])
    for i in range(60):
        asked.add(ANSWER, wire(f"m{i}.example.org"), NS, 300, [wire(f"n{i}.example.com"), wire(f"q{i}.example.net")])
    m = asked.message()
    assert len(m.answer) == 120
    assert m.answer[119].name.to_text() == "m59.example.org."
