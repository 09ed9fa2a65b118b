"""RFC 7828 3: edns-tcp-keepalive is told over TCP to those who ask, never over UDP."""

import dns.edns
import pytest

from tests.helpers.ask import Answer, Server

ZONE = "$ORIGIN example.\n$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"
KEEPALIVE = 11


def option(data: bytes = b"") -> dns.edns.Option:
    return dns.edns.GenericOption(KEEPALIVE, data)


def told(answer: Answer) -> list[bytes]:
    return [bytes(given.to_wire()) for given in answer.message.options if given.otype == KEEPALIVE]


def test_3_3_2_told_over_tcp_when_asked() -> None:
    """In units of 100 milliseconds."""
    server = Server(ZONE, tcp_keepalive=300)
    assert told(server.ask("ns.example", options=[option()], tcp=True)) == [(300).to_bytes(2, "big")]
    assert told(server.ask("ns.example", edns=0, tcp=True)) == []


def test_3_2_1_ignored_over_udp() -> None:
    server = Server(ZONE, tcp_keepalive=300)
    answer = server.ask("ns.example", options=[option()], tcp=False)
    assert told(answer) == []
    assert answer.head == "NOERROR aa"


def test_switched_off() -> None:
    assert told(Server(ZONE).ask("ns.example", options=[option()], tcp=True)) == []


@pytest.mark.parametrize("data", [b"\x00\x00", b"\x01\x2c", b"\x00", b"\x00\x00\x00"])
def test_3_2_1_one_that_is_not_empty_is_no_request(data: bytes) -> None:
    """A client must leave it empty; one that does not is answered, without the option."""
    server = Server(ZONE, tcp_keepalive=300)
    answer = server.ask("ns.example", options=[option(data)], tcp=True)
    assert answer.head == "NOERROR aa"
    assert told(answer) == []
