"""nsblast.transfer.update_message: what dnspython writes is read as it was meant, and what is cut or bent is FORMERR."""

import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.update
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nsblast.transfer.update_message import ANY, HEADER, IN, NONE, Refused, Update, answer, read, read_zone

TEXTS = {
    "A": "192.0.2.1",
    "AAAA": "2001:db8::1",
    "MX": "10 Mail.example.",
    "SRV": "1 2 3 www.example.",
    "TXT": '"a b" "c"',
    "CAA": '0 issue "ca.example"',
    "SOA": "ns.example. host.example. 1 2 3 4 5",
    "TYPE65280": "\\# 3 010203",
    "NAPTR": '1 2 "s" "x" "" next.example.',
}


def parsed(message: dns.message.Message) -> Update:
    wire = message.to_wire()
    return read(wire, read_zone(wire))


def everything() -> dns.update.UpdateMessage:
    update = dns.update.UpdateMessage("Example.")
    update.present("used")
    update.absent("unused")
    update.present("set", "A")
    update.absent("set", "MX")
    update.present("exactly", "A", "192.0.2.9")
    for kind, text in TEXTS.items():
        update.add("WWW", 300, kind, text)
    update.delete("one", "MX", "10 Mail.example.")
    update.delete("set", "TXT")
    update.delete("all")
    return update


def test_all_forms() -> None:
    update = parsed(everything())
    names = [rr.name for rr in update.prerequisites]
    assert names == [
        bytes((len(n),)) + n.encode() + b"\7example\0" for n in ("used", "unused", "set", "set", "exactly")
    ]
    assert [(rr.rclass, rr.type) for rr in update.prerequisites] == [
        (ANY, 255),
        (NONE, 255),
        (ANY, 1),
        (NONE, 15),
        (IN, 1),
    ]
    added = update.updates[: len(TEXTS)]
    for rr, (kind, text) in zip(added, TEXTS.items(), strict=True):
        wanted = dns.rdata.from_text("IN", kind, text)
        assert (rr.type, rr.rclass, rr.ttl) == (wanted.rdtype, IN, 300)
        assert rr.rdata.lower() == (wanted.to_wire() or b"").lower()  # names were compressed against others' spelling
        assert rr.owner[1:4] == b"WWW"
        assert rr.name == b"\3www\7example\0"
    assert [(rr.rclass, rr.type, rr.rdata != b"") for rr in update.updates[len(TEXTS) :]] == [
        (NONE, 15, True),
        (ANY, 16, False),
        (ANY, 255, False),
    ]
    assert not update.edns


def test_the_zone_section() -> None:
    wire = everything().to_wire()
    zone = read_zone(wire)
    assert (zone.apex, zone.rclass) == (b"\7example\0", IN)
    for bent in (
        wire[:4] + b"\0\0" + wire[6:],
        wire[:4] + b"\0\2" + wire[6:],
        wire[: zone.end - 4] + b"\0\1" + wire[zone.end - 2 :],
        wire[: zone.end - 1],
    ):
        with pytest.raises(Refused) as refused:
            read_zone(bent)
        assert refused.value.rcode == dns.rcode.FORMERR


@pytest.mark.parametrize("cut", range(HEADER, len(everything().to_wire()) - 1, 3))
def test_cut_anywhere(cut: int) -> None:
    wire = everything().to_wire()[:cut]
    with pytest.raises(Refused) as refused:
        read(wire, read_zone(wire))
    assert refused.value.rcode == dns.rcode.FORMERR


def test_octets_behind_the_end() -> None:
    wire = everything().to_wire() + b"\0"
    with pytest.raises(Refused, match="end where the message does"):
        read(wire, read_zone(wire))


def test_pointers_lead_backwards_only() -> None:
    head = b"\0\1\x28\0\0\1\0\0\0\1\0\0\7example\0\0\6\0\1"
    rest = b"\0\1\0\1\0\0\0\0\0\4\1\2\3\4"
    for pointer in (b"\xc0\x19", b"\xc0\x1b", b"\xc0\x00", b"\xff\xff"):
        with pytest.raises(Refused):
            read(head + pointer + rest, read_zone(head))
    assert read(head + b"\xc0\x0c" + rest, read_zone(head)).updates[0].name == b"\7example\0"


@pytest.mark.parametrize(("hops", "right"), [(126, True), (127, False), (8000, False)])
def test_a_chain_of_pointers_has_an_end(hops: int, right: bool) -> None:
    """Thousands of names at the end of a chain of thousands would take seconds."""
    head = b"\0\1\x28\0\0\1\0\0\0\2\0\0\7example\0\0\6\0\1"
    begin = len(head) + 12
    chain = b"\xc0\x0c" + b"".join((0xC000 | begin + 2 * number).to_bytes(2, "big") for number in range(hops - 1))
    rest = (0xC000 | begin + 2 * (hops - 1)).to_bytes(2, "big") + b"\0\1\0\1\0\0\0\0\0\4\1\2\3\4"
    packet = head + b"\xc0\x0c\xff\0\0\1\0\0\0\0" + len(chain).to_bytes(2, "big") + chain + rest
    if right:
        assert read(packet, read_zone(head)).updates[1].name == b"\7example\0"
    else:
        with pytest.raises(Refused, match="too many"):
            read(packet, read_zone(head))


def test_a_ttl_with_its_highest_bit_is_none() -> None:
    head = b"\0\1\x28\0\0\1\0\0\0\1\0\0\7example\0\0\6\0\1"
    assert read(head + b"\xc0\x0c\0\1\0\1\xff\0\0\0\0\4\1\2\3\4", read_zone(head)).updates[0].ttl == 0


def test_answers_are_read_by_dnspython() -> None:
    wire = everything().to_wire()
    for rcode in (dns.rcode.NOERROR, dns.rcode.NXRRSET, dns.rcode.NOTZONE):
        for edns in (False, True):
            told = dns.message.from_wire(answer(wire, rcode, read_zone(wire).end, edns=edns))
            assert told.rcode() == rcode
            assert told.id == int.from_bytes(wire[:2], "big")
            assert (told.edns >= 0) is edns
            assert told.opcode() == 5


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_bent_messages_are_refused_or_read(data: st.DataObject) -> None:
    wire = bytearray(everything().to_wire())
    for _ in range(data.draw(st.integers(1, 4))):
        wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    packet = bytes(wire)
    try:
        update = read(packet, read_zone(packet))
    except Refused:
        return
    for rr in update.prerequisites + update.updates:
        assert rr.owner.lower() == rr.name
        assert dns.name.from_wire(rr.owner, 0)[1] == len(rr.owner)
