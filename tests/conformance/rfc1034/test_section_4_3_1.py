"""RFC 1034 4.3.1: this server offers no recursion, and says so whatever is desired."""

from tests.helpers.ask import Server

ZONE = "$ORIGIN example.\n$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"


def test_recursion_desired_is_copied_and_not_available() -> None:
    server = Server(ZONE)
    server.ask("ns.example", flags="RD").gives("NOERROR aa rd\nANSWER\nns.example. 60 A 192.0.2.1")
    server.ask("ns.example").gives("NOERROR aa\nANSWER\nns.example. 60 A 192.0.2.1")
    server.ask("www.other", flags="RD").gives("REFUSED rd")
