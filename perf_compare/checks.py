"""Before any clock starts, every server must give the same answers to a sample."""

import dns.message
import dns.rcode

from perf_compare.servers.common import Server
from perf_compare.zones import Question


class Disagreement(Exception):
    """Servers answer differently: a comparison of their speed would mean nothing."""


def essence(answer: dns.message.Message) -> tuple[str, bool, frozenset[str], frozenset[str]]:
    """What must agree: rcode, AA, answer section, and NS or SOA of the authority section."""

    def lines(section: list[dns.rrset.RRset]) -> frozenset[str]:
        return frozenset(line.lower() for rrset in section for line in rrset.to_text().splitlines())

    authority = [rrset for rrset in answer.authority if not answer.answer]
    return dns.rcode.to_text(answer.rcode()), bool(answer.flags & 0x0400), lines(answer.answer), lines(authority)


def agree(servers: list[Server], sample: list[Question]) -> None:
    """Raise Disagreement for the first question two servers answer differently, or one not at all."""
    for question in sample:
        first: tuple[str, object] | None = None
        for server in servers:
            if server.name == "echo":
                continue
            answer = server.ask(question)
            if answer is None:
                raise Disagreement(f"{server.name} does not answer {question}")
            if first is None:
                first = (server.name, essence(answer))
            elif essence(answer) != first[1]:
                raise Disagreement(f"{question}: {first[0]} says {first[1]}, {server.name} says {essence(answer)}")
