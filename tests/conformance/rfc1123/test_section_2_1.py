"""RFC 1123 2.1: a host name may begin with a digit, and be all digits."""

from tests.helpers.ask import Server

ZONE = """
$ORIGIN 3com.example.
$TTL 60
@ SOA 1ns host 1 2 3 4 5
@ NS 1ns
1ns A 192.0.2.1
42 A 192.0.2.42
"""


def test_names_of_digits() -> None:
    server = Server(ZONE)
    server.ask("42.3com.example").gives("NOERROR aa\nANSWER\n42.3com.example. 60 A 192.0.2.42")
    assert server.ask("1ns.3com.example").head == "NOERROR aa"
    assert server.ask("43.3com.example").head == "NXDOMAIN aa"
