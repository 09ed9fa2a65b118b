"""Asks all servers the same questions and keeps their views; the servers' answers to one question lie side by side.

Never: decides who is right; compare.py does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from nsblast._core.engine import Engine
from tests.interop.asking import ask_tcp, ask_udp
from tests.interop.queries import Question
from tests.interop.views import View, view_of
from tests.reference.lookup import resolve
from tests.reference.model import World
from tests.reference.store import answer

CHUNK = 4000
Sent = bytes | View | None  # what a server sent; the twin gives its view at once
Asker = Callable[[Sequence[Question]], Sequence[Sent]]


@dataclass(slots=True)
class Asked:
    """One question with what each server sent."""

    question: Question
    wires: dict[str, Sent]
    views: dict[str, View]


def over_network(address: tuple[str, int]) -> Asker:
    """An asker for a server at an address."""

    def ask(questions: Sequence[Question]) -> list[bytes | None]:
        answers: list[bytes | None] = [None] * len(questions)
        groups: tuple[list[int], list[int], list[int]] = ([], [], [])
        for number, question in enumerate(questions):
            groups[2 if question.odd else int(question.way.tcp)].append(number)
        for number, got in zip(groups[0], ask_udp(address, [questions[n].wire for n in groups[0]]), strict=True):
            answers[number] = got
        for number, got in zip(groups[1], ask_tcp(address, [questions[n].wire for n in groups[1]]), strict=True):
            answers[number] = got
        odd_udp = [n for n in groups[2] if not questions[n].way.tcp]
        for number, got in zip(
            odd_udp, ask_udp(address, [questions[n].wire for n in odd_udp], tries=2, seconds=0.5), strict=True
        ):
            answers[number] = got
        for number in groups[2]:
            if questions[number].way.tcp:  # each on its own connection: an odd one may end it
                answers[number] = ask_tcp(address, [questions[number].wire], seconds=1.0)[0]
        return answers

    return ask


def of_twin(world: World) -> Asker:
    """The slow twin as a server; it has nothing to say about odd headers and meta types."""

    def ask(questions: Sequence[Question]) -> list[Sent]:
        return [twin_view(world, question) for question in questions]

    return ask


def twin_view(world: World, question: Question) -> View:
    """The aspects of an answer that the twin works out."""
    if question.odd or question.kind == "meta":
        return {}
    reply = resolve(world, question.name, question.rdtype, question.way.do)
    view: View = {
        "rcode": reply.rcode,
        "aa": reply.aa,
        "answer": frozenset(reply.answer),
        "authority": frozenset(reply.authority),
        "glue": frozenset(reply.glue),
    }
    return view


def of_core(world: World, engine: Engine) -> Asker:
    """The compiled core without sockets and store, as a server."""

    def ask(questions: Sequence[Question]) -> list[Sent]:
        return [answer(engine, world, question.wire, tcp=question.way.tcp) or None for question in questions]

    return ask


def ask_all(askers: dict[str, Asker], questions: Sequence[Question]) -> Iterator[Asked]:
    """Asks in chunks, one server after the other."""
    for start in range(0, len(questions), CHUNK):
        part = questions[start : start + CHUNK]
        answers = {name: ask(part) for name, ask in askers.items()}
        for number, question in enumerate(part):
            wires = {name: answers[name][number] for name in askers}
            yield Asked(
                question,
                wires,
                {name: wire if isinstance(wire, dict) else view_of(wire, question) for name, wire in wires.items()},
            )
