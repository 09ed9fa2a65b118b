"""Refusals made in Python: whatever comes, the answer is well formed, for the same id, and never to an answer."""

import time

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.update
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsblast.serve.handover import HandOver, Request, bare_answer, default_answer


@given(st.binary(max_size=200))
def test_any_bytes_get_silence_or_a_well_formed_refusal(packet: bytes) -> None:
    answer = default_answer(packet)
    if len(packet) < 12 or packet[2] & 0x80:
        assert answer == b""
        return
    assert answer[:2] == packet[:2]
    assert answer[2] & 0x80
    dns.message.from_wire(answer)


@pytest.mark.parametrize(("rdtype", "rcode"), [("AXFR", "REFUSED"), ("IXFR", "REFUSED")])
def test_transfers_are_refused(rdtype: str, rcode: str) -> None:
    query = dns.message.make_query("example.", rdtype, use_edns=0)
    answer = dns.message.from_wire(default_answer(query.to_wire()))
    assert dns.rcode.to_text(answer.rcode()) == rcode
    assert answer.question == query.question
    # RFC 6891 6.1.1: OPT is answered with OPT.
    assert answer.edns == 0


def test_update_is_not_implemented_and_keeps_its_opcode() -> None:
    update = dns.update.UpdateMessage("example.")
    update.add("www", 300, "A", "192.0.2.1")
    answer = dns.message.from_wire(default_answer(update.to_wire()))
    assert answer.opcode() == dns.opcode.UPDATE
    assert answer.rcode() == dns.rcode.NOTIMP


def test_signed_request_is_answered_without_its_key() -> None:
    update = dns.update.UpdateMessage("example.")
    update.add("www", 300, "A", "192.0.2.1")
    update.use_tsig({dns.name.from_text("key."): b"0123456789abcdef"}, algorithm=dns.tsig.HMAC_SHA256)
    answer = default_answer(update.to_wire())
    assert answer[:2] == update.to_wire()[:2]
    assert answer[3] & 15 in (dns.rcode.NOTIMP, dns.rcode.FORMERR)


def test_registry_finds_by_opcode_and_by_type() -> None:
    async def served(_: Request) -> bytes:
        return b""

    registry = HandOver()
    axfr = Request(dns.message.make_query("example.", "AXFR").to_wire(), b"\x7f\0\0\1", True)
    notify = dns.message.make_query("example.", "SOA")
    notify.set_opcode(dns.opcode.NOTIFY)
    assert registry.find(axfr) is None
    registry.on_type(dns.rdatatype.AXFR, served)
    assert registry.find(axfr) is served
    assert registry.find(Request(notify.to_wire(), b"", False)) is None
    registry.on_opcode(dns.opcode.NOTIFY, served)
    assert registry.find(Request(notify.to_wire(), b"", False)) is served
    assert registry.find(Request(b"short", b"", False)) is None
    assert registry.find(Request(axfr.packet[:14], b"", True)) is None


def test_bare_answer_has_no_recursion_available() -> None:
    query = dns.message.make_query("www.example.", "A")
    answer = dns.message.from_wire(bare_answer(query.to_wire(), dns.rcode.SERVFAIL))
    assert answer.flags & dns.flags.RD
    assert not answer.flags & dns.flags.RA
    assert not answer.flags & dns.flags.AA


LARGE = {
    "records": (33, 0),
    "octets": (1, 4096),
    "as large as there is": (4000, 4),
}


@pytest.mark.parametrize("case", LARGE)
@pytest.mark.parametrize("kind", ["AXFR", "SOA", "NOTIFY", "UPDATE"])
def test_what_is_larger_than_any_request_of_its_kind_is_not_read(kind: str, case: str) -> None:
    async def served(_: Request) -> bytes:
        return b""

    count, octets = LARGE[case]
    query = dns.message.make_query("example.", "AXFR" if kind == "AXFR" else "SOA")
    query.set_opcode({"NOTIFY": dns.opcode.NOTIFY, "UPDATE": dns.opcode.UPDATE}.get(kind, dns.opcode.QUERY))
    head = query.to_wire()
    record = b"\xc0\x0c\xff\x00\0\1\0\0\0\0" + octets.to_bytes(2, "big") + bytes(octets)
    packet = head[:8] + count.to_bytes(2, "big") + head[10:] + record * count
    registry = HandOver()
    registry.on_type(dns.rdatatype.AXFR, served)
    registry.on_other(served)
    for opcode in (dns.opcode.NOTIFY, dns.opcode.UPDATE):
        registry.on_opcode(opcode, served)
    found = registry.find(Request(packet, b"\x7f\0\0\1", True))
    began = time.thread_time()
    told = dns.message.from_wire(default_answer(packet))
    assert time.thread_time() - began < 0.05  # all of it would take half a second
    assert [str(one.name) for one in told.question] == ["example."]
    if kind == "UPDATE":
        assert (found, told.rcode()) == (served, dns.rcode.NOTIMP)
    else:
        assert (found, told.rcode()) == (None, dns.rcode.FORMERR)
    smaller = head[:8] + b"\0\x20" + head[10:] + record[:12] * 32 if octets == 0 else head
    assert registry.find(Request(smaller, b"\x7f\0\0\1", True)) is served
