"""The targets of the project's speed, in one table, and whether a run's results reach them.

A target is a number got from each round of a piece, and a bound on the median. Nothing else in the harness knows a target.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from perf_compare.statistics import middle, ratios, spread, values

Result = dict[str, Any]
Number = Callable[[Result], list[float]]


def ratio(field: str, to: str, server: str = "nsblast") -> Number:
    """Our figure / another server's, of each round."""
    return lambda result: ratios(result["rounds"], field, server, to)


def to_own(field: str, other: str) -> Number:
    """One of our figures / another of ours, of each round."""
    return lambda result: ratios(result["rounds"], field, "nsblast", "nsblast", other)


def figure(field: str, server: str = "nsblast") -> Number:
    """A figure of ours, of each round."""
    return lambda result: values(result["rounds"], server, field)


def once(field: str, server: str) -> Number:
    """A figure that was measured once."""
    return lambda result: [result["servers"][server][field]] if field in result["servers"].get(server, {}) else []


def once_ratio(field: str, to: str, server: str = "nsblast") -> Number:
    """A figure of ours that was measured once / another server's."""

    def number(result: Result) -> list[float]:
        ours, theirs = (result["servers"].get(one, {}).get(field) for one in (server, to))
        return [ours / theirs] if ours and theirs else []

    return number


def crossed(field: str, to: str, to_field: str) -> Number:
    """Our figure / another figure of another server."""
    return lambda result: ratios(result["rounds"], field, "nsblast", to, to_field)


@dataclass(frozen=True)
class Target:
    """One bound."""

    work: str
    what: str
    pieces: tuple[str, ...]
    """NAME, NAME:SIZE or NAME/LOAD: the bound holds for every such piece that was measured."""
    number: Number
    at_least: float | None = None
    at_most: float | None = None
    unit: str = ""

    def bound(self) -> str:
        """In words."""
        sign, limit = ("≥", self.at_least) if self.at_least is not None else ("≤", self.at_most)
        return f"{self.what} {sign} {limit:,g}{self.unit}"

    def reached(self, measured: float) -> bool:
        """Whether a median satisfies it."""
        if self.at_least is not None:
            return measured >= self.at_least
        assert self.at_most is not None
        return measured <= self.at_most


RATE = "records_per_second"
HOT = "hot names, A, UDP, one worker"
UNIFORM = "uniform, cache large enough"
FLOOD = "NXDOMAIN flood"
HOSTING = "hosting, many small zones"
TCP = "TCP"
TRANSFER = "transfer of a whole zone (AXFR)"
UPDATES = "dynamic updates, signed, durable, 32 clients"
CHANGES = "record changes, durable, 32 writers"

TARGETS = (
    Target(HOT, "CPU per answer ÷ echo floor", ("hot",), ratio("cpu_us", "echo"), at_most=1.12),
    Target(HOT, "rate ÷ Knot", ("hot",), ratio("rate", "knot"), at_least=1.35),
    Target(HOT, "rate ÷ NSD", ("hot",), ratio("rate", "nsd"), at_least=1.5),
    Target(HOT, "rate ÷ BIND", ("hot",), ratio("rate", "bind"), at_least=2.5),
    Target(HOT, "rate ÷ PowerDNS", ("hot",), ratio("rate", "pdns"), at_least=2.5),
    Target(UNIFORM, "rate ÷ own hot rate", ("uniform",), to_own("rate", "hot_rate"), at_least=0.9),
    Target(UNIFORM, "rate ÷ Knot", ("uniform",), ratio("rate", "knot"), at_least=1.3),
    Target("uniform, cache = 10 % of the data", "rate ÷ BIND", ("cold",), ratio("rate", "bind"), at_least=1.0),
    Target(FLOOD, "rate ÷ own hot rate", ("nxdomain",), to_own("rate", "hot_rate"), at_least=0.9),
    Target(FLOOD, "rate ÷ Knot", ("nxdomain", "nxdomain-zones"), ratio("rate", "knot"), at_least=1.2),
    Target(
        FLOOD, "store reads per answer", ("flood",), once("store_reads_per_answer", "nsblast small cache"), at_most=0.02
    ),
    Target(FLOOD, "hot names' p99 ÷ without it", ("flood",), figure("p99_flood_to_hot"), at_most=1.1),
    Target("referrals", "rate ÷ Knot", ("referral",), ratio("rate", "knot"), at_least=1.25),
    Target(HOSTING, "rate ÷ Knot", ("hosting",), ratio("rate", "knot"), at_least=1.25),
    Target(HOSTING, "first right answer", ("start-zones",), figure("first_seconds"), at_most=1.0, unit=" s"),
    Target("start", "first right answer", ("start-names",), figure("first_seconds"), at_most=1.0, unit=" s"),
    Target("import", "rate ÷ Knot's load", ("import",), ratio("records_per_second", "knot"), at_least=1.0),
    Target(
        "memory, 2 workers", "own PSS ÷ Knot's RSS", ("memory",), crossed("own_mib", "knot", "rss_mib"), at_most=0.6
    ),
    Target(TCP, "pipelined, rate ÷ Knot", ("hot/tcp",), ratio("rate", "knot"), at_least=1.0),
    Target(TCP, "a connection each, rate ÷ Knot", ("hot/tcp-each",), ratio("rate", "knot"), at_least=1.0),
    Target(
        TRANSFER,
        "out of the store, rate ÷ Knot",
        ("transfer",),
        once_ratio("first_records_per_second", "knot"),
        at_least=1.0,
    ),
    Target(TRANSFER, "first after 1 change, ÷ Knot", ("transfer",), ratio(f"after_1_{RATE}", "knot"), at_least=1.0),
    Target(TRANSFER, "first after 1,000, ÷ Knot", ("transfer",), ratio(f"after_1000_{RATE}", "knot"), at_least=1.0),
    Target(TRANSFER, "sent before, rate ÷ Knot", ("transfer",), ratio(RATE, "knot"), at_least=1.0),
    Target(TRANSFER, "memory grown by", ("transfer",), figure("grown_mib"), at_most=4, unit=" MiB"),
    Target(CHANGES, "changes/s", ("changes",), figure("changes_per_second"), at_least=5000),
    Target(CHANGES, "visible in every worker, p99", ("changes",), figure("visible_p99_ms"), at_most=10, unit=" ms"),
    Target(CHANGES, "answers' p99 ÷ idle", ("changes",), figure("answers_p99_during_to_idle"), at_most=2.0),
    Target(UPDATES, "updates/s", ("updates",), figure("updates_per_second"), at_least=2000),
    Target(UPDATES, "rate ÷ small zone", ("updates",), figure("large_to_small"), at_least=0.9),
    Target(
        "one record of a large zone", "visible, p99", ("change-one",), figure("visible_p99_ms"), at_most=5, unit=" ms"
    ),
    Target("one record of a large zone", "time ÷ small zone", ("change-one",), figure("large_to_small"), at_most=1.5),
)


@dataclass(frozen=True)
class Verdict:
    """A target and what one piece says of it."""

    target: Target
    result: Result | None
    numbers: list[float]

    @property
    def reached(self) -> bool | None:
        """None: not measured."""
        return self.target.reached(middle(self.numbers)) if self.numbers else None


def fits(target: Target, result: Result) -> bool:
    """Whether the piece is one the target speaks of."""
    name, load = result["name"], result["load"]
    for wanted in target.pieces:
        head, _, wanted_load = wanted.partition("/")
        if head == name and (wanted_load or "udp") == load:
            return True
    return False


def verdicts(results: list[Result]) -> list[Verdict]:
    """Each target with each of its pieces; one that was not measured stands without."""
    found = []
    for target in TARGETS:
        of = [Verdict(target, result, target.number(result)) for result in results if fits(target, result)]
        found += [one for one in of if one.numbers] or [Verdict(target, None, [])]
    return found


def where(result: Result) -> str:
    """The piece's size, in words as short as can be."""
    size = int(result["size"])
    for unit, letter in ((10**6, "M"), (10**3, "k")):
        if size % unit == 0:
            return f"{size // unit} {letter}"
    return f"{size:,}"


def table(results: list[Result]) -> str:
    """target | measured | reached or not."""
    lines = ["| work | size | target | measured: median (least–greatest) | reached |", "|---|---|---|---|---|"]
    for one in verdicts(results):
        size = where(one.result) if one.result else "–"
        verdict = {True: "yes", False: "**no**", None: "not measured"}[one.reached]
        numbers = spread(one.numbers, "{:,.0f}" if middle(one.numbers) >= 100 else "{:.3g}")
        lines.append(f"| {one.target.work} | {size} | {one.target.bound()} | {numbers} | {verdict} |")
    return "\n".join(lines)
