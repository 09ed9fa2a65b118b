"""RFC 5155 appendix B: each example response of the RFC, from the zone of its appendix A."""

import pytest

from tests.conformance.rfc5155 import zones
from tests.conformance.rfc5155.zones import EXAMPLE, SOA
from tests.helpers.ask import Server


@pytest.fixture(scope="module")
def server() -> Server:
    return Server(EXAMPLE)


def test_b_1_name_error(server: Server) -> None:
    """Closest encloser x.w, next closer name c.x.w, wildcard *.x.w."""
    server.ask("a.c.x.w.example", "A", do=True).gives(f"NXDOMAIN aa\nAUTHORITY\n{SOA}{zones.APEX}{zones.XW}{zones.A}")


def test_b_2_no_data(server: Server) -> None:
    server.ask("ns1.example", "MX", do=True).gives(f"NOERROR aa\nAUTHORITY\n{SOA}{zones.NS1}")


def test_b_2_1_no_data_empty_non_terminal(server: Server) -> None:
    server.ask("y.w.example", "A", do=True).gives(f"NOERROR aa\nAUTHORITY\n{SOA}{zones.YW}")


def test_b_3_referral_to_an_opt_out_unsigned_zone(server: Server) -> None:
    """No NSEC3 matches c.example: the closest provable encloser is the apex, and one covers c.example."""
    server.ask("mc.c.example", "MX", do=True).gives(f"""
        NOERROR
        AUTHORITY
        c.example. 3600 NS ns1.c.example.
        c.example. 3600 NS ns2.c.example.
        {zones.A}
        {zones.APEX}
        ADDITIONAL
        ns1.c.example. 3600 A 192.0.2.7
        ns2.c.example. 3600 A 192.0.2.8
        """)


def test_b_4_wildcard_expansion(server: Server) -> None:
    server.ask("a.z.w.example", "MX", do=True).gives(f"""
        NOERROR aa
        ANSWER
        a.z.w.example. 3600 MX 1 ai.example.
        a.z.w.example. 3600 RRSIG MX
        AUTHORITY
        {zones.NS2}
        ADDITIONAL
        ai.example. 3600 A 192.0.2.9
        ai.example. 3600 RRSIG A
        ai.example. 3600 AAAA 2001:db8::f00:baa9
        ai.example. 3600 RRSIG AAAA
        """)


def test_b_5_wildcard_no_data(server: Server) -> None:
    server.ask("a.z.w.example", "AAAA", do=True).gives(
        f"NOERROR aa\nAUTHORITY\n{SOA}{zones.W}{zones.NS2}{zones.STAR_W}"
    )


def test_b_6_ds_child_zone_no_data(server: Server) -> None:
    server.ask("example", "DS", do=True).gives(f"NOERROR aa\nAUTHORITY\n{SOA}{zones.APEX}")
