"""RFC 4592 4: wildcards that own NS (4.2), CNAME (4.3), DNAME (4.4), SRV (4.5)."""

import pytest

from tests.helpers.ask import Server

ZONE = """
$ORIGIN example.
$TTL 3600
@ SOA ns root 1 7200 3600 1209600 600
@ NS ns
ns A 192.0.2.1
*.c CNAME target
*.loop CNAME again.loop
target A 192.0.2.7
*.s SRV 0 0 80 ns
"""


@pytest.fixture(scope="module")
def server() -> Server:
    return Server(ZONE)


def test_4_3_alias_is_synthesised_and_followed(server: Server) -> None:
    server.ask("x.c.example").gives("""
        NOERROR aa
        ANSWER
        x.c.example. 3600 CNAME target.example.
        target.example. 3600 A 192.0.2.7
        """)


def test_4_3_alias_of_a_wildcard_into_itself_ends(server: Server) -> None:
    answer = server.ask("x.loop.example")
    assert answer.head == "NOERROR aa"
    assert answer.section("ANSWER")[:2] == [
        ("x.loop.example.", 3600, "CNAME", "again.loop.example."),
        ("again.loop.example.", 3600, "CNAME", "again.loop.example."),
    ]
    assert len(answer.section("ANSWER")) == 2


def test_4_5_srv_brings_its_target(server: Server) -> None:
    server.ask("_http._tcp.s.example", "SRV").gives("""
        NOERROR aa
        ANSWER
        _http._tcp.s.example. 3600 SRV 0 0 80 ns.example.
        ADDITIONAL
        ns.example. 3600 A 192.0.2.1
        """)
