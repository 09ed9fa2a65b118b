"""Record changes while serving: durable changes a second of 32 writers, when each worker shows them, what answers wait meanwhile.

Each round has three parts: 32 writers as fast as they go, with one more that asks every worker after each of its changes;
answers at a fixed rate on a quiet server; the same beside changes at the target's rate.
"""

import json
import subprocess
import sys
from typing import Any

from perf_compare import load
from perf_compare.pieces import Piece
from perf_compare.results import ROOT
from perf_compare.servers.common import Choice, Server, ServerError
from perf_compare.servers.nsblast import Nsblast
from perf_compare.stage import Stage, alone, say

WRITERS = 32
SOCKETS = 16
"""With two workers, one of 32 768 sets of sockets misses one of them."""
PACE = 5000
ANSWER_RATE = 10_000.0


def _writers(server: Nsblast, seconds: float, names: int, *more: str, count: int = WRITERS) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "perf_compare.writers", str(server.database), str(server.port)]
    command += [str(seconds), str(count), str(names), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def _told(process: subprocess.Popen[str]) -> dict[str, float]:
    output, errors = process.communicate(timeout=300)
    if process.returncode:
        raise ServerError(f"writers: {errors.strip()[-400:]}")
    told: dict[str, float] = json.loads(output)
    return told


def _nsblast(server: Server) -> Nsblast:
    if not isinstance(server, Nsblast):
        raise ServerError(f"{server.name} has no control socket that this harness speaks")
    return server


def measure(stage: Stage, piece: Piece) -> dict[str, Any]:
    """Rounds of the three parts, two workers."""
    options = stage.options
    stage.stop()
    work = stage.workload("uniform", piece.size)
    seconds = max(1.0, options.seconds)
    rounds: list[dict[str, Any]] = []
    with alone(stage, Choice("nsblast", 2, "0,1", options.cache)) as started:
        server = _nsblast(started)
        server.start(work)
        _told(_writers(server, options.warm, piece.size))
        for number in range(options.rounds):
            asker = _writers(server, seconds, piece.size, "--ask", str(SOCKETS), count=1)
            peak = _told(_writers(server, seconds, piece.size))
            visible = _told(asker)
            idle = load.run(server, work.questions, seconds, rate=ANSWER_RATE, start=number << 16)
            paced = _writers(server, seconds + 0.5, piece.size, "--rate", str(PACE))
            during = load.run(server, work.questions, seconds, rate=ANSWER_RATE, start=number << 17)
            pace = _told(paced)
            figures = {
                "changes_per_second": peak["rate"] + visible["changes"] / seconds,
                "call_p50_ms": peak["call_p50_ms"],
                "call_p99_ms": peak["call_p99_ms"],
                "visible_p99_ms": visible["visible_p99_ms"],
                "stale_answers": visible["stale_answers"],
                "answers_p99_us_idle": idle.latency_us["p99"],
                "answers_p99_us_during": during.latency_us["p99"],
                "answers_p99_during_to_idle": during.latency_us["p99"] / max(1.0, idle.latency_us["p99"]),
                "changes_per_second_during": pace["rate"],
                "loss_during": during.loss,
            }
            rounds.append({server.label: figures})
            say(
                f"  round {number + 1}: {figures['changes_per_second']:,.0f} changes/s, visible p99 {figures['visible_p99_ms']:.1f} ms"
            )
    return {"rounds": rounds, "servers": {server.label: {}}}


SMALL_ZONE = 1000
CHANGES_SECONDS = 1.0


def measure_one(stage: Stage, piece: Piece) -> dict[str, Any]:
    """One writer, one record at a time, in a zone of this size and in a small one: what depends on the zone shows."""
    options = stage.options
    stage.stop()
    figures_of: dict[str, list[dict[str, float]]] = {}
    for what, size in (("large", piece.size), ("small", min(SMALL_ZONE, piece.size))):
        work = stage.workload("uniform", size)
        with alone(stage, Choice("nsblast", 1, "0,1", options.cache)) as started:
            server = _nsblast(started)
            server.start(work)
            _told(_writers(server, options.warm, size, count=1))
            figures_of[what] = [
                _told(_writers(server, CHANGES_SECONDS, size, "--ask", "4", count=1)) for _ in range(options.rounds)
            ]
    rounds: list[dict[str, Any]] = []
    for large, small in zip(figures_of["large"], figures_of["small"], strict=True):
        figures = {name: large[name] for name in ("call_p50_ms", "call_p99_ms", "visible_p50_ms", "visible_p99_ms")}
        figures["small_zone_call_p50_ms"] = small["call_p50_ms"]
        figures["large_to_small"] = large["call_p50_ms"] / max(1e-3, small["call_p50_ms"])
        rounds.append({"nsblast": figures})
        say(
            f"  one change: p50 {figures['call_p50_ms']:.2f} ms, {figures['large_to_small']:.2f} × that in a small zone"
        )
    return {"rounds": rounds, "servers": {"nsblast": {}}}
