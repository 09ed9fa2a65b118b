"""RFC 4592 2: what is a wildcard (2.1), empty non-terminals (2.2.2), asking for the asterisk itself (2.3, 3.3)."""

import pytest

from tests.conformance.rfc4592.zones import EXAMPLE, SOA
from tests.helpers.ask import Server


@pytest.fixture(scope="module")
def server() -> Server:
    return Server(EXAMPLE)


def test_2_1_3_asterisk_asked_for_is_an_ordinary_name(server: Server) -> None:
    server.ask("*.example", "TXT").gives('NOERROR aa\nANSWER\n*.example. 3600 TXT "this is a wildcard"')
    server.ask("sub.*.example", "TXT").gives('NOERROR aa\nANSWER\nsub.*.example. 3600 TXT "this is not a wildcard"')


@pytest.mark.parametrize("qname", ["_tcp.host1.example", "_tcp.host2.example", "host2.example"])
def test_2_2_2_empty_non_terminals_exist(server: Server, qname: str) -> None:
    """So the wildcard does not apply to them, nor below them."""
    server.ask(qname, "TXT").gives(f"NOERROR aa\nAUTHORITY\n{SOA}")
    server.ask(f"x.{qname}", "TXT").gives(f"NXDOMAIN aa\nAUTHORITY\n{SOA}")


def test_2_1_1_asterisk_inside_a_label_means_nothing() -> None:
    """Neither "**" nor "*a" is a wildcard, nor is an asterisk further up a name."""
    server = Server("$ORIGIN x.\n$TTL 60\n@ SOA . . 1 2 3 4 5\n@ NS .\n** TXT stars\n*a TXT begins\na.*.b TXT inside\n")
    assert server.ask("q.x", "TXT").rcode == "NXDOMAIN"
    assert server.ask("za.x", "TXT").rcode == "NXDOMAIN"
    assert server.ask("a.q.b.x", "TXT").head == "NOERROR aa", "*.b.x is an empty non-terminal, and a wildcard"
    assert server.ask("a.q.b.x", "TXT").section("ANSWER") == []


def test_2_2_2_empty_wildcard_makes_no_data() -> None:
    """A wildcard that is itself empty still stands in for names: no error, no data."""
    server = Server("$ORIGIN x.\n$TTL 60\n@ SOA . . 1 2 3 4 5\n@ NS .\nsub.* TXT deep\n")
    server.ask("any.x", "TXT").gives("NOERROR aa\nAUTHORITY\nx. 5 SOA . . 1 2 3 4 5")
    server.ask("sub.any.x", "TXT").gives("NOERROR aa\nAUTHORITY\nx. 5 SOA . . 1 2 3 4 5")
