"""RFC 4343: letters match in any case and no other octet does (3); output keeps the case of the zone (4.1)."""

import dns.name
import pytest

from tests.helpers.ask import Server

ZONE = """
$ORIGIN CaSe.Example.
$TTL 60
@ SOA NS host 1 2 3 4 5
@ NS NS
NS A 192.0.2.1
MiXeD A 192.0.2.2
alias CNAME MIXED
\\195\\132pfel A 192.0.2.3
[square] A 192.0.2.4
*.Wild A 192.0.2.5
"""


@pytest.fixture(scope="module")
def server() -> Server:
    return Server(ZONE)


def test_4_1_stored_spelling_is_kept(server: Server) -> None:
    for asked in ("mixed.case.example", "MIXED.CASE.EXAMPLE", "MiXeD.CaSe.Example", "mIxEd.cAsE.eXAMPLE"):
        server.ask(asked).gives("NOERROR aa\nANSWER\nMiXeD.CaSe.Example. 60 A 192.0.2.2")


def test_4_1_spelling_inside_rdata_is_kept(server: Server) -> None:
    server.ask("ALIAS.case.example", "CNAME").gives(
        "NOERROR aa\nANSWER\nalias.CaSe.Example. 60 CNAME MIXED.CaSe.Example."
    )


def test_4_1_spelling_in_the_authority_section(server: Server) -> None:
    record = server.ask("nothing.case.example").section("AUTHORITY")[0]
    assert record[0] == "CaSe.Example."
    assert record[3].startswith("NS.CaSe.Example. host.CaSe.Example.")


def test_wildcard_answers_under_the_spelling_asked(server: Server) -> None:
    server.ask("AnY.wIlD.case.example").gives("NOERROR aa\nANSWER\nAnY.wIlD.case.example. 60 A 192.0.2.5")


def test_3_1_only_ascii_letters_fold(server: Server) -> None:
    """0xC4 and 0xE4 differ by the bit that tells A from a, and are not letters here; so do '[' and '{'."""
    tail = (b"case", b"example", b"")
    assert server.ask(dns.name.Name((b"\xc3\x84PFEL", *tail))).rcode == "NOERROR"
    assert server.ask(dns.name.Name((b"\xc3\xa4pfel", *tail))).rcode == "NXDOMAIN"
    assert server.ask(dns.name.Name((b"[SQUARE]", *tail))).rcode == "NOERROR"
    assert server.ask(dns.name.Name((b"{square}", *tail))).rcode == "NXDOMAIN"
    assert server.ask(dns.name.Name((b";square=", *tail))).rcode == "NXDOMAIN"
