"""RFC 3596 2 and 3: AAAA records, reverse look-ups by nibbles, AAAA beside A in additional data."""

import pytest

from tests.helpers.ask import Server

REVERSE = "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa"

FORWARD = """
$ORIGIN example.
$TTL 60
@ SOA ns host 1 2 3 4 5
@ NS ns
@ MX 1 both
ns AAAA 2001:db8::53
both A 192.0.2.1
both AAAA 2001:db8::1
mapped AAAA ::ffff:192.0.2.1
"""

BACKWARD = f"""
$ORIGIN ip6.arpa.
$TTL 60
@ SOA ns.example. host.example. 1 2 3 4 5
@ NS ns.example.
{REVERSE}. PTR host.example.
"""


@pytest.fixture(scope="module")
def server() -> Server:
    return Server(FORWARD, BACKWARD)


def test_2_1_aaaa(server: Server) -> None:
    server.ask("both.example", "AAAA").gives("NOERROR aa\nANSWER\nboth.example. 60 AAAA 2001:db8::1")
    server.ask("mapped.example", "AAAA").gives("NOERROR aa\nANSWER\nmapped.example. 60 AAAA ::ffff:192.0.2.1")


def test_2_5_reverse(server: Server) -> None:
    server.ask(REVERSE, "PTR").gives(f"NOERROR aa\nANSWER\n{REVERSE}. 60 PTR host.example.")
    assert server.ask(REVERSE.split(".", 9)[9], "PTR").head == "NOERROR aa", "an empty non-terminal"


def test_3_both_kinds_of_address_are_additional(server: Server) -> None:
    server.ask("example", "MX").gives("""
        NOERROR aa
        ANSWER
        example. 60 MX 1 both.example.
        ADDITIONAL
        both.example. 60 A 192.0.2.1
        both.example. 60 AAAA 2001:db8::1
        """)
