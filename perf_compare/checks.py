"""Before any clock starts, every server must give the same answers to a sample, and the right ones where they are known."""

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from perf_compare.questions import Question
from perf_compare.servers.common import Server


class Disagreement(Exception):
    """Servers answer differently, or wrongly: a comparison of their speed would mean nothing."""


Essence = tuple[str, bool, bool, frozenset[str], frozenset[str]]


def essence(answer: dns.message.Message) -> Essence:
    """What must agree: rcode, AA, TC, answer section, and the authority section of an answer without answer."""

    def lines(section: list[dns.rrset.RRset]) -> frozenset[str]:
        return frozenset(line.lower() for rrset in section for line in rrset.to_text().splitlines())

    authority = [] if answer.answer else answer.authority
    flags = answer.flags
    return (
        dns.rcode.to_text(answer.rcode()),
        bool(flags & dns.flags.AA),
        bool(flags & dns.flags.TC),
        lines(answer.answer),
        lines(authority),
    )


def agree(servers: list[Server], sample: list[Question], *, tcp: bool = False) -> None:
    """Raise Disagreement for the first question two servers answer differently, one wrongly, or one not at all."""
    for question in sample:
        first: tuple[str, Essence] | None = None
        for server in servers:
            if server.name == "echo":
                continue
            answer = server.ask(question, tcp=tcp)
            if answer is None:
                raise Disagreement(f"{server.label} does not answer {question}")
            if not server.right(question, answer):
                raise Disagreement(f"{question}: {server.label} answers wrongly: {essence(answer)}")
            if first is None:
                first = (server.label, essence(answer))
            elif essence(answer) != first[1]:
                raise Disagreement(f"{question}: {first[0]} says {first[1]}, {server.label} says {essence(answer)}")
