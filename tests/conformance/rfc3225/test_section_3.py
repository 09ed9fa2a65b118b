"""RFC 3225 3: security records are sent when the DO bit is set, and only then; the bit is copied."""

import pytest

from tests.helpers.ask import Server
from tests.helpers.signed import sign_nsec

ZONE = sign_nsec("$ORIGIN example.\n$TTL 60\n@ SOA ns host 1 2 3 4 60\n@ NS ns\nns A 192.0.2.1\nsub NS ns.other.\n")


@pytest.fixture(scope="module")
def server() -> Server:
    return Server(ZONE)


@pytest.mark.parametrize("qname", ["ns.example", "nothing.example", "x.sub.example"])
def test_without_do_no_security_records(server: Server, qname: str) -> None:
    for answer in (server.ask(qname), server.ask(qname, edns=0)):
        assert not {"RRSIG", "NSEC", "DS"} & {
            record[2] for name in ("ANSWER", "AUTHORITY") for record in answer.section(name)
        }


def test_asked_for_by_type_they_are_sent_without_do(server: Server) -> None:
    assert [record[2] for record in server.ask("ns.example", "NSEC").section("ANSWER")] == ["NSEC"]
    assert {record[2] for record in server.ask("ns.example", "RRSIG").section("ANSWER")} == {"RRSIG"}


def test_the_bit_is_copied(server: Server) -> None:
    assert server.ask("ns.example", do=True).message.ednsflags & 0x8000
    assert not server.ask("ns.example", edns=0).message.ednsflags & 0x8000
