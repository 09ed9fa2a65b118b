"""RFC 9619 4: a query with more than one question is malformed; other opcodes keep their own rules."""

import struct

import dns.message
import dns.rcode
import pytest

from tests.helpers.ask import Server, query_for

ZONE = "$ORIGIN example.\n$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"


@pytest.mark.parametrize("count", [2, 3, 255])
def test_more_than_one_question(count: int) -> None:
    packet = bytearray(query_for("ns.example").to_wire())
    packet += packet[12:] * (count - 1)
    packet[4:6] = struct.pack("!H", count)
    answer = Server(ZONE).send(bytes(packet))
    assert isinstance(answer, bytes)
    assert answer[3] & 15 == dns.rcode.FORMERR
    assert answer[:2] == packet[:2]
    assert answer[6:8] == b"\x00\x00"


def test_no_question_at_all() -> None:
    """Only a cookie may be asked for without one: RFC 7873 5.4."""
    answer = Server(ZONE).send(struct.pack("!6H", 9, 0, 0, 0, 0, 0))
    assert isinstance(answer, bytes)
    assert dns.message.from_wire(answer).rcode() == dns.rcode.FORMERR
