"""RFC 1183: AFSDB (1), RP (2), X25, ISDN and RT (3); the first brings the addresses of its host."""

import pytest

from tests.helpers.ask import Server

ZONE = """
$ORIGIN toaster.example.
$TTL 60
@ SOA bigbird host 1 2 3 4 5
@ NS bigbird
bigbird A 192.0.2.1
@ AFSDB 1 bigbird
@ AFSDB 2 nutmeg.elsewhere.
rp RP louie.toaster.example. ppr.people
ppr.people TXT "L. A. Mamakos"
x25 X25 "311061700956"
isdn ISDN "150862028003217" "004"
rt RT 10 bigbird
"""


@pytest.fixture(scope="module")
def server() -> Server:
    return Server(ZONE)


def test_section_1_afsdb(server: Server) -> None:
    server.ask("toaster.example", "AFSDB").gives("""
        NOERROR aa
        ANSWER
        toaster.example. 60 AFSDB 1 bigbird.toaster.example.
        toaster.example. 60 AFSDB 2 nutmeg.elsewhere.
        ADDITIONAL
        bigbird.toaster.example. 60 A 192.0.2.1
        """)


def test_section_2_rp(server: Server) -> None:
    server.ask("rp.toaster.example", "RP").gives("""
        NOERROR aa
        ANSWER
        rp.toaster.example. 60 RP louie.toaster.example. ppr.people.toaster.example.
        """)


def test_section_3_x25_isdn_rt(server: Server) -> None:
    server.ask("x25.toaster.example", "X25").gives('NOERROR aa\nANSWER\nx25.toaster.example. 60 X25 "311061700956"')
    server.ask("isdn.toaster.example", "ISDN").gives(
        'NOERROR aa\nANSWER\nisdn.toaster.example. 60 ISDN "150862028003217" "004"'
    )
    answer = server.ask("rt.toaster.example", "RT")
    assert answer.section("ANSWER") == [("rt.toaster.example.", 60, "RT", "10 bigbird.toaster.example.")]
