"""RFC 9018 4 and appendix A: server cookies that all servers make alike; the RFC's test vectors."""

from ipaddress import ip_address

import dns.edns
import dns.message
import dns.rcode

from tests.helpers.ask import Server, query_for

ZONE = "$ORIGIN example.com.\n$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n@ A 192.0.2.34\n"
SECRET = bytes.fromhex("e5e973e5a6b2a43f48e7dc849e37bfcf")
A1 = "2464c4abcf10c957010000005cf79f111f8130c3eee29480"


def cookie_of(server: Server, cookie: str, client: str, now: int) -> tuple[str, str]:
    """(rcode, cookie) of an answer, in hexadecimal digits."""
    option = dns.edns.GenericOption(dns.edns.OptionType.COOKIE, bytes.fromhex(cookie))
    packet = query_for("example.com", options=[option]).to_wire()
    wire = server.send(packet, client=ip_address(client).packed, now=now)
    assert isinstance(wire, bytes)
    message = dns.message.from_wire(wire)
    given = [option for option in message.options if option.otype == dns.edns.OptionType.COOKIE]
    return dns.rcode.to_text(message.rcode()), given[0].to_wire().hex()


def test_a_1_learning_a_new_server_cookie() -> None:
    server = Server(ZONE, cookie_secret=SECRET, cookies_required=True)
    assert cookie_of(server, "2464c4abcf10c957", "198.51.100.100", 1559731985) == ("BADCOOKIE", A1)


def test_a_2_the_same_client_learns_a_renewed_one() -> None:
    """40 minutes later the cookie is still good, and old enough to be renewed."""
    server = Server(ZONE, cookie_secret=SECRET, cookies_required=True)
    renewed = "2464c4abcf10c957010000005cf7a871d4a564a1442aca77"
    assert cookie_of(server, A1, "198.51.100.100", 1559734385) == ("NOERROR", renewed)


def test_a_3_reserved_octets_and_a_renewed_cookie() -> None:
    """Reserved octets that are not zero are part of what was hashed; those of the new cookie are zero.

    In the vector the old cookie is nearly two hours old, so it counts for nothing by then: see 4.3.
    """
    server = Server(ZONE, cookie_secret=SECRET, cookies_required=True)
    old = "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5"
    new = "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e"
    assert cookie_of(server, old, "203.0.113.203", 1559734700) == ("BADCOOKIE", new)
    assert cookie_of(server, old, "203.0.113.203", 0x5CF78F71 + 60)[0] == "NOERROR"


def test_a_4_ipv6_and_a_changed_secret() -> None:
    """The secret before is still accepted; the new cookie is made with the one in use."""
    server = Server(
        ZONE,
        cookie_secret=bytes.fromhex("445536bcd2513298075a5d379663c962"),
        cookie_secret_old=bytes.fromhex("dd3bdf9344b678b185a6f5cb60fca715"),
        cookies_required=True,
    )
    old = "22681ab97d52c298010000005cf7c57926556bd0934c72f8"
    new = "22681ab97d52c298010000005cf7c609a6bb79d16625507a"
    assert cookie_of(server, old, "2001:db8:220:1:59de:d0f4:8769:82b8", 1559741961) == ("NOERROR", new)


def test_4_3_cookies_grow_old() -> None:
    """An hour back and five minutes ahead are good; beyond that a cookie counts for nothing."""
    server = Server(ZONE, cookie_secret=SECRET, cookies_required=True)
    made = 1559731985
    for offset, rcode in [
        (0, "NOERROR"),
        (3590, "NOERROR"),
        (3700, "BADCOOKIE"),
        (-290, "NOERROR"),
        (-310, "BADCOOKIE"),
    ]:
        assert cookie_of(server, A1, "198.51.100.100", made + offset)[0] == rcode, offset


def test_4_3_young_cookies_are_given_back() -> None:
    server = Server(ZONE, cookie_secret=SECRET)
    assert cookie_of(server, A1, "198.51.100.100", 1559731985 + 60) == ("NOERROR", A1)
