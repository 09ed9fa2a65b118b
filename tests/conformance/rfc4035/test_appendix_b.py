"""RFC 4035 appendix B: each example response of the RFC, from the zone of its appendix A."""

import pytest

from tests.conformance.rfc4035.zones import EXAMPLE, SOA
from tests.helpers.ask import Server


@pytest.fixture(scope="module")
def server() -> Server:
    return Server(EXAMPLE)


def test_b_1_answer(server: Server) -> None:
    """The RFC's also has the zone's NS set in the authority section, which nobody needs: RFC 9471 and common practice."""
    server.ask("x.w.example", "MX", do=True).gives("""
        NOERROR aa
        ANSWER
        x.w.example. 3600 MX 1 xx.example.
        x.w.example. 3600 RRSIG MX
        ADDITIONAL
        xx.example. 3600 A 192.0.2.10
        xx.example. 3600 RRSIG A
        xx.example. 3600 AAAA 2001:db8::f00:baaa
        xx.example. 3600 RRSIG AAAA
        """)


def test_b_2_name_error(server: Server) -> None:
    server.ask("ml.example", "A", do=True).gives(f"""
        NXDOMAIN aa
        AUTHORITY
        {SOA}
        b.example. 3600 NSEC ns1.example. NS RRSIG NSEC
        b.example. 3600 RRSIG NSEC
        example. 3600 NSEC a.example. NS SOA MX RRSIG NSEC DNSKEY
        example. 3600 RRSIG NSEC
        """)


def test_b_3_no_data(server: Server) -> None:
    server.ask("ns1.example", "MX", do=True).gives(f"""
        NOERROR aa
        AUTHORITY
        {SOA}
        ns1.example. 3600 NSEC ns2.example. A RRSIG NSEC
        ns1.example. 3600 RRSIG NSEC
        """)


def test_b_4_referral_to_a_signed_zone(server: Server) -> None:
    server.ask("mc.a.example", "MX", do=True).gives("""
        NOERROR
        AUTHORITY
        a.example. 3600 NS ns1.a.example.
        a.example. 3600 NS ns2.a.example.
        a.example. 3600 DS 57855 5 1 B6DCD485719ADCA18E5F3D48A2331627FDD3636B
        a.example. 3600 RRSIG DS
        ADDITIONAL
        ns1.a.example. 3600 A 192.0.2.5
        ns2.a.example. 3600 A 192.0.2.6
        """)


def test_b_5_referral_to_an_unsigned_zone(server: Server) -> None:
    server.ask("mc.b.example", "MX", do=True).gives("""
        NOERROR
        AUTHORITY
        b.example. 3600 NS ns1.b.example.
        b.example. 3600 NS ns2.b.example.
        b.example. 3600 NSEC ns1.example. NS RRSIG NSEC
        b.example. 3600 RRSIG NSEC
        ADDITIONAL
        ns1.b.example. 3600 A 192.0.2.7
        ns2.b.example. 3600 A 192.0.2.8
        """)


def test_b_6_wildcard_expansion(server: Server) -> None:
    server.ask("a.z.w.example", "MX", do=True).gives("""
        NOERROR aa
        ANSWER
        a.z.w.example. 3600 MX 1 ai.example.
        a.z.w.example. 3600 RRSIG MX
        AUTHORITY
        x.y.w.example. 3600 NSEC xx.example. MX RRSIG NSEC
        x.y.w.example. 3600 RRSIG NSEC
        ADDITIONAL
        ai.example. 3600 A 192.0.2.9
        ai.example. 3600 RRSIG A
        ai.example. 3600 AAAA 2001:db8::f00:baa9
        ai.example. 3600 RRSIG AAAA
        """)


def test_b_7_wildcard_no_data(server: Server) -> None:
    server.ask("a.z.w.example", "AAAA", do=True).gives(f"""
        NOERROR aa
        AUTHORITY
        {SOA}
        x.y.w.example. 3600 NSEC xx.example. MX RRSIG NSEC
        x.y.w.example. 3600 RRSIG NSEC
        *.w.example. 3600 NSEC x.w.example. MX RRSIG NSEC
        *.w.example. 3600 RRSIG NSEC
        """)


def test_b_8_ds_of_the_child_asked_at_the_child(server: Server) -> None:
    """Whoever serves only the zone itself says that there is no DS, from the child's side."""
    server.ask("example", "DS", do=True).gives(f"""
        NOERROR aa
        AUTHORITY
        {SOA}
        example. 3600 NSEC a.example. NS SOA MX RRSIG NSEC DNSKEY
        example. 3600 RRSIG NSEC
        """)
