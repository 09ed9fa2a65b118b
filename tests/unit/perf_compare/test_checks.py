"""The checks before the clock: a server that answers wrongly, differently or not at all is refused."""

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from perf_compare.checks import Disagreement, agree
from perf_compare.questions import Question
from perf_compare.servers.common import Server

RIGHT = Question("h1.one.example", address="10.0.0.1")
UNKNOWN = Question("h1.one.example")


class Scripted(Server):
    """Answers what it is told to, without a process."""

    def __init__(self, name: str, address: str | None, *, rcode: int = 0, aa: bool = True, authority: str = "") -> None:
        self.name = self.label = name
        self.address, self.code, self.aa, self.authority = address, rcode, aa, authority

    def ask(self, question: Question, timeout: float = 2.0, *, tcp: bool = False) -> dns.message.Message | None:
        if self.address is None:
            return None
        answer = dns.message.make_response(dns.message.make_query(question.name, question.rrtype))
        answer.set_rcode(dns.rcode.Rcode(self.code))
        if self.aa:
            answer.flags |= dns.flags.AA
        if self.address:
            answer.answer.append(dns.rrset.from_text(question.name, 300, "IN", "A", self.address))
        if self.authority:
            answer.authority.append(dns.rrset.from_text("one.example.", 300, "IN", "NS", self.authority))
        return answer


GOOD = Scripted("good", "10.0.0.1")


def test_servers_that_agree_pass() -> None:
    agree([GOOD, Scripted("other", "10.0.0.1")], [RIGHT, UNKNOWN])


def test_one_wrong_server_is_refused_even_alone() -> None:
    with pytest.raises(Disagreement, match="bad answers wrongly"):
        agree([Scripted("bad", "10.0.0.2")], [RIGHT])


def test_an_answer_that_is_late_for_ever_is_refused() -> None:
    with pytest.raises(Disagreement, match="silent does not answer"):
        agree([GOOD, Scripted("silent", None)], [UNKNOWN])


@pytest.mark.parametrize(
    "other",
    [
        Scripted("other", "10.0.0.9"),
        Scripted("other", "10.0.0.1", aa=False),
        Scripted("other", "10.0.0.1", rcode=3),
        Scripted("other", ""),
    ],
    ids=["answer", "AA", "rcode", "nothing"],
)
def test_a_difference_is_refused(other: Scripted) -> None:
    with pytest.raises(Disagreement, match="good says"):
        agree([GOOD, other], [UNKNOWN])


def test_authority_counts_where_there_is_no_answer() -> None:
    one, other = (Scripted(name, "", authority=name + ".example.") for name in ("a", "b"))
    with pytest.raises(Disagreement):
        agree([one, other], [UNKNOWN])


@pytest.mark.parametrize("rcode", [2, 5], ids=["SERVFAIL", "REFUSED"])
def test_failures_are_never_right(rcode: int) -> None:
    with pytest.raises(Disagreement, match="wrongly"):
        agree([Scripted("bad", "", rcode=rcode)], [UNKNOWN])


def test_the_floor_is_not_asked() -> None:
    agree([GOOD, Scripted("echo", None)], [RIGHT])
