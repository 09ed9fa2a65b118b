"""Hot names beside a flood of names that do not exist: the latency of a slow probe, and what the flood asks of the store.

The probe's p99 is compared beside the same number of queries a second: of hot names, and of random names. Both in each round.
Then nsblast once more with a cache of a tenth of the names, where a name that is not cached may exist: store reads per answer.
"""

import random
from typing import Any

from perf_compare import load, zones
from perf_compare.load import Probe
from perf_compare.measures.rate import tenth
from perf_compare.pieces import Piece
from perf_compare.servers.common import Choice
from perf_compare.servers.nsblast import Nsblast
from perf_compare.stage import Stage, alone, say

PROBE_RATE = 2000.0
SMALL = "small cache"


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
            for what, work in (("hot", hot), ("flood", flood)):
                late = load.run(
                    server,
                    work.questions,
                    options.seconds,
                    rate=rates[server.label],
                    start=rng.randrange(1 << 30),
                    probe=Probe(hot.questions, PROBE_RATE),
                ).latency_us
                figures |= {f"p50_us_beside_{what}": late["p50"], f"p99_us_beside_{what}": late["p99"]}
            figures["p99_flood_to_hot"] = figures["p99_us_beside_flood"] / max(1.0, figures["p99_us_beside_hot"])
            rounds[-1][server.label] = figures
            say(f"  round {number + 1} {server.label}: p99 beside flood ÷ beside hot {figures['p99_flood_to_hot']:.2f}")
    summary: dict[str, Any] = {server.label: {} for server in servers}
    if any(server.name == "nsblast" for server in servers):
        summary[f"nsblast {SMALL}"] = store_reads(stage, piece)
    return {"rounds": rounds, "servers": summary}
