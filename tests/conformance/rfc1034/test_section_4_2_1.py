"""RFC 1034 4.2.1: cuts in zones, glue below them, and zones side by side."""

import pytest

from tests.helpers.ask import Server

ZONE = """
$ORIGIN corp.example.
$TTL 7200
@ SOA ns.dmz host 3 7200 3600 1209600 60
@ NS ns.dmz
ns.dmz A 192.0.2.1
lab NS ns1.lab
lab NS ns2.lab
lab NS ns.shop
lab NS ns.dmz
ns1.lab A 192.0.2.11
ns1.lab AAAA 2001:db8::11
ns2.lab AAAA 2001:db8::12
shop NS ns.shop
ns.shop A 192.0.2.21
deeper.lab NS ns.deeper.lab
ns.deeper.lab A 192.0.2.31
"""


@pytest.fixture(scope="module")
def server() -> Server:
    return Server(ZONE)


@pytest.mark.parametrize("qname", ["lab.corp.example", "x.lab.corp.example", "www.deeper.lab.corp.example"])
def test_topmost_cut_refers_with_all_glue(server: Server, qname: str) -> None:
    """Glue is given for names below this cut, below a sibling cut, and for the zone's own hosts."""
    server.ask(qname).gives("""
        NOERROR
        AUTHORITY
        lab.corp.example. 7200 NS ns1.lab.corp.example.
        lab.corp.example. 7200 NS ns2.lab.corp.example.
        lab.corp.example. 7200 NS ns.shop.corp.example.
        lab.corp.example. 7200 NS ns.dmz.corp.example.
        ADDITIONAL
        ns1.lab.corp.example. 7200 A 192.0.2.11
        ns1.lab.corp.example. 7200 AAAA 2001:db8::11
        ns2.lab.corp.example. 7200 AAAA 2001:db8::12
        ns.shop.corp.example. 7200 A 192.0.2.21
        ns.dmz.corp.example. 7200 A 192.0.2.1
        """)


def test_name_error_is_never_said_below_a_cut(server: Server) -> None:
    assert server.ask("no.such.name.shop.corp.example").rcode == "NOERROR"
