"""RFC 4592 2.2.1: every response the RFC spells out for its example zone."""

import pytest

from tests.conformance.rfc4592.zones import EXAMPLE, SOA
from tests.helpers.ask import Server


@pytest.fixture(scope="module")
def server() -> Server:
    return Server(EXAMPLE)


def test_host3_mx_is_synthesised(server: Server) -> None:
    server.ask("host3.example", "MX").gives("""
        NOERROR aa
        ANSWER
        host3.example. 3600 MX 10 host1.example.
        ADDITIONAL
        host1.example. 3600 A 192.0.2.1
        """)


def test_host3_a_is_no_data(server: Server) -> None:
    """The wildcard holds no A."""
    server.ask("host3.example", "A").gives(f"NOERROR aa\nAUTHORITY\n{SOA}")


def test_foo_bar_txt_is_synthesised_though_two_labels_away(server: Server) -> None:
    server.ask("foo.bar.example", "TXT").gives('NOERROR aa\nANSWER\nfoo.bar.example. 3600 TXT "this is a wildcard"')


def test_host1_mx_exists_without_the_type(server: Server) -> None:
    server.ask("host1.example", "MX").gives(f"NOERROR aa\nAUTHORITY\n{SOA}")


def test_sub_star_mx_exists_without_the_type(server: Server) -> None:
    server.ask("sub.*.example", "MX").gives(f"NOERROR aa\nAUTHORITY\n{SOA}")


def test_telnet_of_host1_has_another_closest_encloser(server: Server) -> None:
    """_tcp.host1.example exists, and no wildcard lies below it."""
    server.ask("_telnet._tcp.host1.example", "SRV").gives(f"NXDOMAIN aa\nAUTHORITY\n{SOA}")


def test_below_a_delegation_is_a_referral(server: Server) -> None:
    server.ask("host.subdel.example", "A").gives("""
        NOERROR
        AUTHORITY
        subdel.example. 3600 NS ns.example.com.
        subdel.example. 3600 NS ns.example.net.
        """)


def test_ghost_star_mx_is_not_synthesised(server: Server) -> None:
    """The closest encloser is *.example, and *.*.example does not exist."""
    server.ask("ghost.*.example", "MX").gives(f"NXDOMAIN aa\nAUTHORITY\n{SOA}")
