"""RFC 5936 2: AXFR is recognised and handed to Python, which refuses while nobody serves it (2.2.1); never over UDP (4.2)."""

import dns.message
import dns.rcode
import pytest

from nsblast._core.engine import HAND_OVER
from nsblast.serve.handover import default_answer
from tests.helpers.ask import Server, query_for

ZONE = "$ORIGIN example.\n$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"


@pytest.mark.parametrize("tcp", [False, True])
def test_handed_over(tcp: bool) -> None:
    assert Server(ZONE).send(query_for("example", "AXFR").to_wire(), tcp=tcp) == HAND_OVER


def test_2_2_1_refused_without_a_handler() -> None:
    packet = query_for("example", "AXFR").to_wire()
    reply = dns.message.from_wire(default_answer(packet))
    assert reply.rcode() == dns.rcode.REFUSED
    assert reply.id == int.from_bytes(packet[:2], "big")
    assert reply.answer == []
