"""RFC 1035 2.3.3 and 2.3.4: letters match in any case; labels of 63, names of 255 octets."""

from tests.helpers.ask import Server

L63 = "a" * 63
LONGEST = f"{L63}.{L63}.{L63}.{'b' * 53}"  # with "example" 255 octets in wire form

ZONE = f"""
$ORIGIN example.
$TTL 60
@ SOA ns host 1 2 3 4 5
@ NS ns
ns A 192.0.2.1
{L63} A 192.0.2.2
{LONGEST} A 192.0.2.3
"""


def test_case_does_not_matter() -> None:
    server = Server(ZONE)
    for spelling in ("ns.example", "NS.EXAMPLE", "Ns.eXaMpLe"):
        assert server.ask(spelling).section("ANSWER")[0][3] == "192.0.2.1"


def test_longest_label_and_longest_name() -> None:
    server = Server(ZONE)
    server.ask(f"{L63}.example").gives(f"NOERROR aa\nANSWER\n{L63}.example. 60 A 192.0.2.2")
    server.ask(f"{LONGEST}.example").gives(f"NOERROR aa\nANSWER\n{LONGEST}.example. 60 A 192.0.2.3")
