"""Majority, differences, rules: who differs from the majority of the peers, where, and which RFC allows it.

A difference is (server, aspect, question). It is explained when a rule of differences.toml fits. Aspects are judged
one by one; an aspect has a majority when three of the four peers agree on it.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.interop import conditions
from tests.interop.harness import Asked
from tests.interop.views import ASPECTS, show
from tests.reference.model import World

RULES = Path(__file__).parent / "differences.toml"


@dataclass(frozen=True)
class Rule:
    """One lawful difference. `when` names a function of conditions.py that decides for one case."""

    name: str
    when: str
    aspects: tuple[str, ...]
    rfc: str
    why: str


@dataclass(frozen=True)
class Difference:
    """One aspect of one answer that is not as expected."""

    asked: Asked
    server: str
    aspect: str
    expected: object
    votes: int
    got: object
    world: World

    def text(self) -> str:
        """For reports."""
        return (
            f"{self.asked.question.text()}\n    {self.aspect}: {self.server} {show(self.got)}\n"
            f"    {'majority' if self.votes else 'reference'}: {show(self.expected)}"
        )


@dataclass
class Report:
    """What one comparison found."""

    questions: int = 0
    unexplained: list[Difference] = field(default_factory=list)
    explained: Counter[str] = field(default_factory=Counter)
    peers: Counter[tuple[str, str]] = field(default_factory=Counter)  # (peer, aspect) against the majority
    peer_examples: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    undecided: Counter[str] = field(default_factory=Counter)  # aspect -> questions without a majority
    undecided_examples: dict[str, list[str]] = field(default_factory=dict)

    def summary(self) -> str:
        """A page for people."""
        lines = [f"{self.questions} questions; {len(self.unexplained)} unexplained differences"]
        lines += [f"  explained by {name}: {count}" for name, count in self.explained.most_common()]
        lines += [
            f"  {peer} against the majority in {aspect}: {count}"
            for (peer, aspect), count in sorted(self.peers.items())
        ]
        lines += [f"  no majority in {aspect}: {count}" for aspect, count in sorted(self.undecided.items())]
        return "\n".join(lines)


def read_rules(path: Path = RULES) -> list[Rule]:
    """The checked-in list; every `when` must exist."""
    rules = []
    for name, entry in tomllib.loads(path.read_text("utf-8")).items():
        rule = Rule(name, entry["when"], tuple(entry["aspects"]), entry["rfc"], entry["why"])
        if not callable(getattr(conditions, rule.when, None)) or not set(rule.aspects) <= set(ASPECTS):
            raise ValueError(f"{path}: rule {name}: unknown condition or aspect")
        rules.append(rule)
    return rules


def majority(asked: Asked, aspect: str, peers: Iterable[str]) -> tuple[object, int]:
    """The value that most peers give and how many do; a truncated or missing answer has no vote on the sections."""
    votes: Counter[object] = Counter()
    for peer in peers:
        view = asked.views[peer]
        if aspect in view:
            votes[view[aspect]] += 1
    if not votes:
        return None, 0
    return votes.most_common(1)[0]


def explain(difference: Difference, rules: list[Rule]) -> str | None:
    """The name of the first rule that fits."""
    for rule in rules:
        if difference.aspect in rule.aspects and getattr(conditions, rule.when)(difference):
            return rule.name
    return None


def compare(
    stream: Iterable[Asked],
    peers: list[str],
    subjects: list[str],
    rules: list[Rule],
    world: World,
    *,
    reference: str = "twin",
) -> Report:
    """Judges each subject against the peers' majority, and against the reference where the peers have none."""
    report = Report()
    need = len(peers) // 2 + 1
    for asked in stream:
        report.questions += 1
        for aspect in ASPECTS:
            expected, votes = majority(asked, aspect, peers)
            if votes < need:
                if any(aspect in asked.views[peer] for peer in peers):
                    report.undecided[aspect] += 1
                    example(report.undecided_examples, aspect, asked, aspect)
                if aspect not in asked.views[reference]:
                    continue
                expected, votes = asked.views[reference][aspect], 0
            else:
                for peer in peers:
                    if aspect in asked.views[peer] and asked.views[peer][aspect] != expected:
                        report.peers[peer, aspect] += 1
                        example(report.peer_examples, (peer, aspect), asked, aspect)
            for subject in subjects:
                view = asked.views[subject]
                if aspect not in view or view[aspect] == expected:
                    continue
                difference = Difference(asked, subject, aspect, expected, votes, view[aspect], world)
                name = explain(difference, rules)
                if name is None:
                    report.unexplained.append(difference)
                else:
                    report.explained[f"{subject}: {name}"] += 1
    return report


def example(kept: dict[Any, list[str]], key: object, asked: Asked, aspect: str) -> None:
    """Keeps some cases for the reader."""
    texts = kept.setdefault(key, [])
    if len(texts) < 400:
        lines = [asked.question.text()]
        lines += [f"    {server}: {show(view.get(aspect, '-'))}" for server, view in asked.views.items()]
        texts.append("\n".join(lines))
