"""Asks all servers the same questions and keeps their views; the servers' answers to one question lie side by side.

Never: decides who is right; compare.py does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tests.interop.asking import ask_tcp, ask_udp
from tests.interop.queries import Question
from tests.interop.views import View, view_of

CHUNK = 4000
Asker = Callable[[Sequence[Question]], list[bytes | None]]


@dataclass(slots=True)
class Asked:
    """One question with what each server sent."""

    question: Question
    wires: dict[str, bytes | None]
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


def ask_all(askers: dict[str, Asker], questions: Sequence[Question]) -> Iterator[Asked]:
    """Asks in chunks, one server after the other."""
    for start in range(0, len(questions), CHUNK):
        part = questions[start : start + CHUNK]
        answers = {name: ask(part) for name, ask in askers.items()}
        for number, question in enumerate(part):
            wires = {name: answers[name][number] for name in askers}
            yield Asked(question, wires, {name: view_of(wire, question) for name, wire in wires.items()})
