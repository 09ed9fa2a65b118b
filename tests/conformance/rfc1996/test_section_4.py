"""RFC 1996 4.7: NOTIFY is recognised and handed to Python; without a handler the opcode is not implemented."""

import dns.message
import dns.opcode
import dns.rcode

from nsblast._core.engine import HAND_OVER
from nsblast.serve.handover import default_answer
from tests.helpers.ask import Server, query_for

ZONE = "$ORIGIN example.\n$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"


def notify() -> bytes:
    message = query_for("example", "SOA")
    message.set_opcode(dns.opcode.NOTIFY)
    return message.to_wire()


def test_handed_over() -> None:
    assert Server(ZONE).send(notify()) == HAND_OVER


def test_not_implemented_without_a_handler() -> None:
    reply = dns.message.from_wire(default_answer(notify()))
    assert reply.rcode() == dns.rcode.NOTIMP
    assert reply.opcode() == dns.opcode.NOTIFY


def test_response_to_a_notify_gets_silence() -> None:
    packet = bytearray(notify())
    packet[2] |= 0x80
    assert Server(ZONE).send(bytes(packet)) == b""
