"""RFC 7873 5.2 and 5.4: what a server does with the COOKIE option in each state, and with a query that asks for nothing else."""

import struct

import dns.edns
import dns.message
import dns.rcode
import pytest

from tests.helpers.ask import CLIENT, Server, query_for

ZONE = "$ORIGIN example.\n$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"
SECRET = bytes(range(16))
CLIENT_COOKIE = b"\x24\x64\xc4\xab\xcf\x10\xc9\x57"
NOW = 1_700_000_000


@pytest.fixture(scope="module")
def server() -> Server:
    return Server(ZONE, cookie_secret=SECRET)


def packet(cookie: bytes, qname: str = "ns.example") -> bytes:
    return query_for(qname, options=[dns.edns.GenericOption(dns.edns.OptionType.COOKIE, cookie)]).to_wire()


def ask(
    server: Server, query: bytes, *, client: bytes = CLIENT, now: int = NOW, tcp: bool = False
) -> tuple[dns.message.Message, bytes]:
    """The answer and the cookie in it, b"" when there is none."""
    wire = server.send(query, client=client, now=now, tcp=tcp)
    assert isinstance(wire, bytes)
    message = dns.message.from_wire(wire)
    cookies = [option for option in message.options if option.otype == dns.edns.OptionType.COOKIE]
    assert len(cookies) <= 1
    return message, cookies[0].to_wire() if cookies else b""


def test_5_2_1_no_cookie_no_cookie(server: Server) -> None:
    message, cookie = ask(server, query_for("ns.example", edns=0).to_wire())
    assert message.rcode() == dns.rcode.NOERROR
    assert cookie == b""


@pytest.mark.parametrize("length", [0, 1, 7, 9, 15, 41, 100])
def test_5_2_2_malformed(server: Server, length: int) -> None:
    message, _ = ask(server, packet(b"c" * length))
    assert message.rcode() == dns.rcode.FORMERR
    assert message.answer == []


def test_5_2_3_only_a_client_cookie(server: Server) -> None:
    """Answered, and a server cookie given."""
    message, cookie = ask(server, packet(CLIENT_COOKIE))
    assert message.rcode() == dns.rcode.NOERROR
    assert len(message.answer) == 1
    assert cookie[:8] == CLIENT_COOKIE
    assert len(cookie) == 24


def test_5_2_4_wrong_server_cookie(server: Server) -> None:
    """Answered when cookies are not demanded, with the right one given."""
    message, cookie = ask(server, packet(CLIENT_COOKIE + bytes(16)))
    assert message.rcode() == dns.rcode.NOERROR
    assert cookie[:8] == CLIENT_COOKIE
    assert cookie[8:] != bytes(16)


def test_5_2_5_right_server_cookie(server: Server) -> None:
    _, cookie = ask(server, packet(CLIENT_COOKIE))
    message, again = ask(server, packet(cookie), now=NOW + 5)
    assert message.rcode() == dns.rcode.NOERROR
    assert again[:8] == CLIENT_COOKIE


def test_5_2_3_and_4_when_cookies_are_demanded() -> None:
    """BADCOOKIE over UDP with a cookie to come back with; TCP needs none; a client without cookies is answered."""
    server = Server(ZONE, cookie_secret=SECRET, cookies_required=True)
    message, cookie = ask(server, packet(CLIENT_COOKIE))
    assert message.rcode() == dns.rcode.BADCOOKIE
    assert message.answer == []
    message, _ = ask(server, packet(cookie))
    assert message.rcode() == dns.rcode.NOERROR
    assert ask(server, packet(CLIENT_COOKIE + bytes(16)))[0].rcode() == dns.rcode.BADCOOKIE
    assert ask(server, packet(CLIENT_COOKIE), tcp=True)[0].rcode() == dns.rcode.NOERROR
    assert ask(server, query_for("ns.example").to_wire())[0].rcode() == dns.rcode.NOERROR


def test_cookie_holds_for_its_client_only() -> None:
    server = Server(ZONE, cookie_secret=SECRET, cookies_required=True)
    _, cookie = ask(server, packet(CLIENT_COOKIE))
    assert ask(server, packet(cookie), client=bytes([192, 0, 2, 54]))[0].rcode() == dns.rcode.BADCOOKIE
    other = b"\x00" * 8 + cookie[8:]
    assert ask(server, packet(other))[0].rcode() == dns.rcode.BADCOOKIE


def cookie_only(cookie: bytes) -> bytes:
    rdata = struct.pack("!HH", 10, len(cookie)) + cookie
    return struct.pack("!6H", 77, 0, 0, 0, 0, 1) + b"\x00" + struct.pack("!HHIH", 41, 1232, 0, len(rdata)) + rdata


def test_5_4_query_without_a_question(server: Server) -> None:
    message, cookie = ask(server, cookie_only(CLIENT_COOKIE))
    assert message.rcode() == dns.rcode.NOERROR
    assert message.question == []
    assert len(cookie) == 24
    message, again = ask(server, cookie_only(cookie))
    assert message.rcode() == dns.rcode.NOERROR
    assert again[:8] == CLIENT_COOKIE


def test_5_4_only_with_a_cookie(server: Server) -> None:
    bare = struct.pack("!6H", 77, 0, 0, 0, 0, 0)
    assert ask(server, bare)[0].rcode() == dns.rcode.FORMERR


def test_switched_off() -> None:
    message, cookie = ask(Server(ZONE, cookies=False), packet(CLIENT_COOKIE))
    assert message.rcode() == dns.rcode.NOERROR
    assert cookie == b""
