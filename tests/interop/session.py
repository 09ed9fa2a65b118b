"""One comparison from zones to report: start the peers, ask everybody, judge, look at each answer of ours by itself."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from nsblast._core.engine import Engine
from tests.interop import queries, selfcheck
from tests.interop.compare import Report, compare, read_rules
from tests.interop.harness import Asked, Asker, ask_all, of_core, of_twin, over_network
from tests.interop.peers import PEERS, Nsblast
from tests.interop.portable import load
from tests.interop.queries import TCP, TCP_DO, Question
from tests.interop.wireform import query
from tests.interop.zonegen import ZoneSet, make_main, make_root
from tests.reference.model import World

SETS = {"main": make_main, "root": make_root}
OURS = ("core", "nsblast")


@dataclass
class Outcome:
    """The report and what was wrong with single answers of ours."""

    report: Report
    faults: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Is nothing left to explain?"""
        return not self.report.unexplained and not self.faults

    def complaint(self, most: int = 40) -> str:
        """What is wrong, for a failing test."""
        lines = [difference.text() for difference in self.report.unexplained[:most]]
        return "\n".join([self.report.summary(), *lines, *self.faults[:most]])


def missing_programs() -> list[str]:
    """Peers that are not installed."""
    return [peer.name for peer in PEERS if not peer.available()]


def run(which: str, *, everything: bool = False, size: int = 8000, core: bool = True, server: bool = True) -> Outcome:
    """Compares on one set of zones; `core` = the compiled core without sockets, `server` = a running nsblast."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="interop-")))
        made = SETS[which](folder / "zones")
        parsed = [load(zone.path, zone.origin) for zone in made.zones]
        world = World(parsed)
        questions = queries.plan(parsed, everything=everything, size=size)
        askers = start(made, folder, stack, server=server)
        peers = [peer.name for peer in PEERS]
        askers["twin"] = of_twin(world)
        if core:
            askers["core"] = of_core(world, Engine(-1))
        ours = [name for name in OURS if name in askers]
        outcome = Outcome(Report())
        short: list[tuple[str, Question, bytes]] = []
        stream = watch(ask_all(askers, questions), ours, world, outcome, short)
        outcome.report = compare(stream, peers, ["twin", *ours], read_rules(), world)
        outcome.faults += truncation(short, askers)
        return outcome


def start(made: ZoneSet, folder: Path, stack: ExitStack, *, server: bool) -> dict[str, Asker]:
    """Starts the peers, and nsblast when wanted."""
    askers: dict[str, Asker] = {}
    for kind in (*PEERS, *((Nsblast,) if server else ())):
        peer = kind(folder)
        stack.callback(peer.stop)
        askers[peer.name] = over_network(peer.start(made.zones))
    return askers


def watch(
    stream: Iterable[Asked],
    ours: Sequence[str],
    world: World,
    outcome: Outcome,
    short: list[tuple[str, Question, bytes]],
) -> Iterator[Asked]:
    """Lets the stream pass and looks at each answer of ours."""
    for asked in stream:
        for name in ours:
            wire = asked.wires[name]
            assert wire is None or isinstance(wire, bytes)
            for fault in selfcheck.faults(asked.question, wire, world):
                outcome.faults.append(f"{name}: {asked.question.text()}: {fault}")
            if wire and len(wire) > 2 and wire[2] & 2 and not asked.question.odd and not asked.question.way.tcp:
                short.append((name, asked.question, wire))
        yield asked


def truncation(short: Sequence[tuple[str, Question, bytes]], askers: dict[str, Asker]) -> list[str]:
    """Asks again over TCP what came truncated: it must be larger than what the client takes."""
    found = []
    for name in {name for name, _, _ in short}:
        mine = [(question, wire) for owner, question, wire in short if owner == name]
        again = [over_tcp(question) for question, _ in mine]
        for (question, wire), whole in zip(mine, askers[name](again), strict=True):
            assert isinstance(whole, bytes), f"{name}: no answer over TCP to {question.text()}"
            found += [
                f"{name}: {question.text()}: {fault}" for fault in selfcheck.needless_truncation(wire, whole, question)
            ]
    return found


def over_tcp(question: Question) -> Question:
    """The same question over TCP, with the same EDNS."""
    way = replace(TCP_DO if question.way.do else TCP, edns=question.way.edns)
    return replace(question, way=way, wire=query(question.name, question.rdtype, opt=question.way.opt()))
