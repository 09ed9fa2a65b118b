"""Hot names beside a flood of names that do not exist: the latency of a slow probe, and what the flood asks of the store.

The probe's p99 is compared beside the same number of queries a second: of hot names, and of random names. Both in each round, in
turns; a round's percentiles are of all its turns together, since in one turn a dozen late answers decide, and one stall of the machine makes them.
Then nsblast once more with a cache of a tenth of the names, where a name that is not cached may exist: store reads per answer.
"""

import random
from typing import Any

from perf_compare import load, zones
from perf_compare.load import Probe
from perf_compare.measures.rate import tenth
from perf_compare.pieces import Piece
from perf_compare.servers.common import Choice, Server
from perf_compare.servers.nsblast import Nsblast
from perf_compare.stage import Stage, alone, say
from perf_compare.statistics import pooled
from perf_compare.workloads import Workload

PROBE_RATE = 2000.0
TURNS = 8
"""Of each kind in a round, each half as long as a run."""
SHARES = {"p50": 0.5, "p99": 0.99}
SMALL = "small cache"
Histogram = tuple[tuple[float, int], ...]


def store_reads(stage: Stage, piece: Piece) -> dict[str, float]:
    """Of a flood against nsblast with a cache of a tenth of the names."""
    flood = stage.workload("nxdomain", piece.size)
    with alone(stage, Choice("nsblast", cache=tenth(piece.size), note=SMALL)) as server:
        assert isinstance(server, Nsblast)
        server.start(flood)
        load.run(server, flood.questions, stage.options.warm)
        before = server.counters()
        figures = load.run(server, flood.questions, max(1.0, stage.options.seconds), start=1 << 20)
        after = server.counters()
    asked = max(1, after["answers"] - before["answers"])
    found = {
        "rate": figures.rate,
        "cpu_us": figures.cpu_us,
        "store_reads_per_answer": (after["cache_misses"] - before["cache_misses"]) / asked,
        "filtered_per_answer": (after["filter_hits"] - before["filter_hits"]) / asked,
    }
    say(f"  small cache: {found['store_reads_per_answer']:.5f} store reads an answer, {figures.rate:,.0f}/s")
    return found


def _turns(
    server: Server, works: dict[str, Workload], hot: Workload, rate: float, seconds: float, rng: random.Random
) -> dict[str, list[Histogram]]:
    """The probe's latencies in each turn, by what else was asked; the order changes with each turn."""
    late: dict[str, list[Histogram]] = {what: [] for what in works}
    for turn in range(TURNS):
        for what in sorted(works, reverse=bool(turn % 2)):
            probe = Probe(hot.questions, PROBE_RATE)
            start = rng.randrange(1 << 30)
            found = load.run(server, works[what].questions, seconds, rate=rate, start=start, probe=probe)
            late[what].append(found.histogram_us)
    return late


def measure(stage: Stage, piece: Piece) -> dict[str, Any]:
    """Rounds of probes, then the count."""
    options = stage.options
    hot, flood = (stage.workload(name, piece.size) for name in ("hot", "nxdomain"))
    choices = [choice for choice in stage.choices(piece.servers) if choice.server != "echo"]
    servers = stage.servers(flood, choices)
    rng = random.Random(zones.SEED)
    rates = {}
    for server in servers:
        load.run(server, hot.questions, options.warm)
        rates[server.label] = load.run(server, flood.questions, options.seconds).rate / 2
    rounds: list[dict[str, Any]] = []
    for number in range(options.rounds):
        rounds.append({})
        for server in servers:
            figures: dict[str, float] = {"flood_rate": rates[server.label]}
            late = _turns(server, {"hot": hot, "flood": flood}, hot, rates[server.label], options.seconds / 2, rng)
            for what, histograms in late.items():
                figures |= {f"{name}_us_beside_{what}": pooled(histograms, share) for name, share in SHARES.items()}
            figures["p99_flood_to_hot"] = figures["p99_us_beside_flood"] / max(1.0, figures["p99_us_beside_hot"])
            rounds[-1][server.label] = figures
            say(f"  round {number + 1} {server.label}: p99 beside flood ÷ beside hot {figures['p99_flood_to_hot']:.2f}")
    summary: dict[str, Any] = {server.label: {} for server in servers}
    if any(server.name == "nsblast" for server in servers):
        summary[f"nsblast {SMALL}"] = store_reads(stage, piece)
    return {"rounds": rounds, "servers": summary}
