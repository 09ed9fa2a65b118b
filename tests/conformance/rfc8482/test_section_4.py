"""RFC 8482 4.1: an ANY query is answered with one RRset of those at the name; switchable to all of them."""

import pytest

from tests.helpers.ask import Server
from tests.helpers.signed import sign_nsec

ZONE = """
$ORIGIN example.
$TTL 60
@ SOA ns host 1 2 3 4 5
@ NS ns
ns A 192.0.2.1
ns AAAA 2001:db8::1
ns TXT "text"
alias CNAME ns
*.w A 192.0.2.2
*.w TXT "wild"
"""


@pytest.mark.parametrize("qname", ["ns.example", "example", "x.w.example"])
def test_4_1_one_rrset(qname: str) -> None:
    answer = Server(ZONE).ask(qname, "ANY")
    assert answer.head == "NOERROR aa"
    assert len({record[2] for record in answer.section("ANSWER")}) == 1
    assert answer.section("ADDITIONAL") == []


def test_4_1_one_rrset_and_its_signature() -> None:
    answer = Server(sign_nsec(ZONE)).ask("ns.example", "ANY", do=True)
    assert [record[2] for record in answer.section("ANSWER")] == ["A", "RRSIG"]


def test_alias_is_given_and_not_followed() -> None:
    Server(ZONE).ask("alias.example", "ANY").gives("NOERROR aa\nANSWER\nalias.example. 60 CNAME ns.example.")


def test_all_of_them_when_switched() -> None:
    answer = Server(ZONE, any_full=True).ask("ns.example", "ANY")
    assert {record[2] for record in answer.section("ANSWER")} == {"A", "AAAA", "TXT"}


def test_negative_answers_as_for_any_other_type() -> None:
    assert Server(ZONE).ask("nothing.example", "ANY").head == "NXDOMAIN aa"
    answer = Server(ZONE).ask("w.example", "ANY")
    assert answer.head == "NOERROR aa"
    assert [record[2] for record in answer.section("AUTHORITY")] == ["SOA"]
