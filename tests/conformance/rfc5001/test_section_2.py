"""RFC 5001: the server's identifier goes out in the NSID option when an empty one asked for it (2.1, 2.2, 2.3)."""

import dns.edns
import dns.message

from tests.helpers.ask import Answer, Server

ZONE = "$ORIGIN example.\n$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"
ASK = dns.edns.GenericOption(dns.edns.OptionType.NSID, b"")


def identifier(answer: Answer) -> list[bytes]:
    return [option.to_wire() for option in answer.message.options if option.otype == dns.edns.OptionType.NSID]


def test_2_2_given_when_asked() -> None:
    server = Server(ZONE, nsid=b"ns-7.example\x00\xff")
    assert identifier(server.ask("ns.example", options=[ASK])) == [b"ns-7.example\x00\xff"]
    assert identifier(server.ask("nothing.example", options=[ASK])) == [b"ns-7.example\x00\xff"]
    assert identifier(server.ask("other", options=[ASK])) == [b"ns-7.example\x00\xff"]


def test_2_1_not_given_unasked() -> None:
    assert identifier(Server(ZONE, nsid=b"ns-7").ask("ns.example", edns=0)) == []


def test_not_given_when_switched_off() -> None:
    assert identifier(Server(ZONE).ask("ns.example", options=[ASK])) == []


def test_contents_of_the_question_do_not_matter() -> None:
    """A resolver must send it empty; a server need not look."""
    given = dns.edns.GenericOption(dns.edns.OptionType.NSID, b"client")
    assert identifier(Server(ZONE, nsid=b"ns-7").ask("ns.example", options=[given])) == [b"ns-7"]
