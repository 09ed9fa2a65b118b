"""RFC 4035 3.1: what a name server does with signed zones: which records go along, DS at cuts, AD and CD bits."""

import pytest

from tests.conformance.rfc4035.zones import EXAMPLE, SOA
from tests.helpers.ask import Server
from tests.helpers.signed import sign_nsec

CHILD = sign_nsec("""
$ORIGIN a.example.
$TTL 60
@ SOA ns1 host 1 2 3 4 60
@ NS ns1
@ NS ns2
ns1 A 192.0.2.5
ns2 A 192.0.2.6
""")

INSECURE_CHILD = """
$ORIGIN b.example.
$TTL 60
@ SOA ns1 host 1 2 3 4 60
@ NS ns1
ns1 A 192.0.2.7
"""


@pytest.fixture(scope="module")
def server() -> Server:
    return Server(EXAMPLE)


@pytest.fixture(scope="module")
def both() -> Server:
    return Server(EXAMPLE, CHILD, INSECURE_CHILD)


DS = "a.example. 3600 DS 57855 5 1 B6DCD485719ADCA18E5F3D48A2331627FDD3636B\na.example. 3600 RRSIG DS"


def test_3_1_1_signatures_of_an_alias_and_its_target() -> None:
    zone = sign_nsec("$ORIGIN x.\n$TTL 60\n@ SOA ns h 1 2 3 4 60\n@ NS ns\nns A 192.0.2.1\nc CNAME ns\n")
    Server(zone).ask("c.x", do=True).gives("""
        NOERROR aa
        ANSWER
        c.x. 60 CNAME ns.x.
        c.x. 60 RRSIG CNAME
        ns.x. 60 A 192.0.2.1
        ns.x. 60 RRSIG A
        """)


def test_3_1_1_signed_dname_and_unsigned_alias() -> None:
    """The synthesised CNAME has no signature: RFC 6672 5.3.1."""
    zone = sign_nsec(
        "$ORIGIN x.\n$TTL 60\n@ SOA ns h 1 2 3 4 60\n@ NS ns\nns A 192.0.2.1\nd DNAME e\nw.e A 192.0.2.2\n"
    )
    Server(zone).ask("w.d.x", do=True).gives("""
        NOERROR aa
        ANSWER
        d.x. 60 DNAME e.x.
        d.x. 60 RRSIG DNAME
        w.d.x. 60 CNAME w.e.x.
        w.e.x. 60 A 192.0.2.2
        w.e.x. 60 RRSIG A
        """)


def test_3_1_2_dnskey_is_not_added(server: Server) -> None:
    answer = server.ask("example", "NS", do=True)
    assert not [
        record
        for name in ("ANSWER", "AUTHORITY", "ADDITIONAL")
        for record in answer.section(name)
        if record[2] == "DNSKEY"
    ]
    assert {record[2] for record in server.ask("example", "DNSKEY", do=True).section("ANSWER")} == {"DNSKEY", "RRSIG"}


def test_3_1_3_one_nsec_is_given_once_when_it_proves_two_things(server: Server) -> None:
    """Neither 0.example nor *.example: the apex's NSEC covers both."""
    server.ask("0.example", do=True).gives(f"""
        NXDOMAIN aa
        AUTHORITY
        {SOA}
        example. 3600 NSEC a.example. NS SOA MX RRSIG NSEC DNSKEY
        example. 3600 RRSIG NSEC
        """)


def test_3_1_3_empty_non_terminal(server: Server) -> None:
    server.ask("y.w.example", do=True).gives(f"""
        NOERROR aa
        AUTHORITY
        {SOA}
        x.w.example. 3600 NSEC x.y.w.example. MX RRSIG NSEC
        x.w.example. 3600 RRSIG NSEC
        """)


def test_3_1_3_alias_to_a_name_that_does_not_exist() -> None:
    zone = sign_nsec("$ORIGIN x.\n$TTL 3600\n@ SOA ns h 1 2 3 4 3600\n@ NS ns\nns A 192.0.2.1\nc CNAME m\n")
    Server(zone).ask("c.x", do=True).gives("""
        NXDOMAIN aa
        ANSWER
        c.x. 3600 CNAME m.x.
        c.x. 3600 RRSIG CNAME
        AUTHORITY
        x. 3600 SOA ns.x. h.x. 1 2 3 4 3600
        x. 3600 RRSIG SOA
        c.x. 3600 NSEC ns.x. CNAME RRSIG NSEC
        c.x. 3600 RRSIG NSEC
        x. 3600 NSEC c.x. NS SOA RRSIG NSEC DNSKEY
        x. 3600 RRSIG NSEC
        """)


def test_3_1_3_3_wildcard_alias_brings_its_proof() -> None:
    zone = sign_nsec("$ORIGIN x.\n$TTL 3600\n@ SOA ns h 1 2 3 4 3600\n@ NS ns\nns A 192.0.2.1\n*.c CNAME ns\n")
    Server(zone).ask("q.c.x", do=True).gives("""
        NOERROR aa
        ANSWER
        q.c.x. 3600 CNAME ns.x.
        q.c.x. 3600 RRSIG CNAME
        ns.x. 3600 A 192.0.2.1
        ns.x. 3600 RRSIG A
        AUTHORITY
        *.c.x. 3600 NSEC ns.x. CNAME RRSIG NSEC
        *.c.x. 3600 RRSIG NSEC
        """)


def test_3_1_4_1_ds_is_the_parents(server: Server, both: Server) -> None:
    """Whether the child is served here or not."""
    for one in (server, both):
        one.ask("a.example", "DS", do=True).gives(f"NOERROR aa\nANSWER\n{DS}")


def test_3_1_4_1_no_ds_is_proved_by_the_parent(server: Server, both: Server) -> None:
    for one in (server, both):
        one.ask("b.example", "DS", do=True).gives(f"""
            NOERROR aa
            AUTHORITY
            {SOA}
            b.example. 3600 NSEC ns1.example. NS RRSIG NSEC
            b.example. 3600 RRSIG NSEC
            """)


def test_3_1_4_1_ds_below_a_cut_is_a_referral(server: Server) -> None:
    assert server.ask("x.a.example", "DS", do=True).head == "NOERROR"


def test_child_answers_all_other_types_at_its_apex(both: Server) -> None:
    assert both.ask("a.example", "NSEC").section("ANSWER")[0][3].startswith("ns1.a.example. NS SOA RRSIG NSEC DNSKEY")
    assert both.ask("a.example", "SOA", do=True).head == "NOERROR aa"


def test_3_1_5_nsec_at_a_cut_is_the_parents(server: Server) -> None:
    """Asked for by name it is authoritative data of the parent, yet only a referral can be given; it proves there."""
    answer = server.ask("b.example", "NSEC", do=True)
    assert ("b.example.", 3600, "NSEC", "ns1.example. NS RRSIG NSEC") in answer.section("ANSWER") + answer.section(
        "AUTHORITY"
    )


def test_3_1_6_ad_and_cd(server: Server) -> None:
    """An authoritative answer claims no verification and clears both, whatever the query says."""
    assert server.ask("x.w.example", "MX", do=True, flags="CD").flags == ["AA"]
    assert server.ask("x.w.example", "MX", do=True, flags="AD").flags == ["AA"]
    assert server.ask("x.w.example", "MX", flags="CD RD AD").flags == ["AA", "RD"]
