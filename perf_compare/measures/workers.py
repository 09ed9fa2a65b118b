"""One worker beside two, as far as two processors can show it: the same servers with one and two workers, in each round.

The load client shares the processors with two workers, so the rate says little; CPU per answer at a fixed rate says what a
second worker costs the first (lines that both write, one store, one segment).
"""

from typing import Any

from perf_compare import load
from perf_compare.pieces import Piece
from perf_compare.servers.common import Choice
from perf_compare.stage import Stage, say

SHARE = 0.4
"""Of the rate of one worker: leaves room for the client."""


def measure(stage: Stage, piece: Piece) -> dict[str, Any]:
    """Rounds over all combinations."""
    options = stage.options
    stage.stop()
    work = stage.workload("uniform", piece.size)
    names = [choice.server for choice in stage.choices(piece.servers) if choice.server != "echo"]
    choices = [
        Choice(name, count, "0,1", options.cache, f"{count} worker{'s' if count > 1 else ''}")
        for name in names
        for count in (1, 2)
    ]
    servers = stage.servers(work, choices)
    rates: dict[str, float] = {}
    for server in servers:
        peak = load.run(server, work.questions, max(options.seconds, options.warm)).rate
        rates[server.name] = min(rates.get(server.name, peak), peak)
    rounds: list[dict[str, Any]] = []
    for number in range(options.rounds):
        rounds.append({})
        for server in servers:
            steady = load.run(
                server, work.questions, options.seconds, rate=rates[server.name] * SHARE, start=number << 18
            )
            peak = load.run(server, work.questions, options.seconds, start=number << 19).rate
            rounds[-1][server.label] = {"steady_cpu_us": steady.cpu_us, "peak_rate": peak}
            say(f"  round {number + 1} {server.label}: {steady.cpu_us:.2f} us at a fixed rate, peak {peak:,.0f}/s")
    return {"rounds": rounds, "servers": {server.label: {} for server in servers}}
