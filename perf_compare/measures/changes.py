"""Record changes while serving: durable changes a second of 32 writers, when each worker shows them, what answers wait meanwhile.

Each round has two parts. First 32 writers as fast as they go, with one more that asks every worker after each of its changes.
Then answers at a fixed rate, in turns on a quiet server and beside changes at the target's rate, and the same turns with the floor
(`echo.c`, which knows of no changes) in the server's place: what the processors shared with the writers cost anybody. A round's
percentiles are of all its turns together: one of half a second has too few late answers, and a stall of the machine decides it.
"""

import json
import subprocess
import sys
from typing import Any

from perf_compare import load
from perf_compare.load import Figures
from perf_compare.pieces import Piece
from perf_compare.results import ROOT
from perf_compare.servers.common import Choice, Server, ServerError
from perf_compare.servers.nsblast import Nsblast
from perf_compare.stage import Stage, alone, say
from perf_compare.statistics import middle, pooled
from perf_compare.workloads import Workload

WRITERS = 32
SOCKETS = 16
"""With two workers, one of 32 768 sets of sockets misses one of them."""
PACE = 5000
ANSWER_RATE = 10_000.0
TURNS = 6
"""Of each kind in a round, each half as long as a run."""
PEAKS = 3
"""So many runs long the writers go as fast as they can: the one who asks makes a few hundred changes in each."""


def _writers(server: Nsblast, seconds: float, names: int, *more: str, count: int = WRITERS) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "perf_compare.writers", str(server.database), str(server.port)]
    command += [str(seconds), str(count), str(names), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def _told(process: subprocess.Popen[str]) -> dict[str, float]:
    output, errors = process.communicate(timeout=300)
    if process.returncode:
        raise ServerError(f"writers: {errors.strip()[-400:]}")
    told: dict[str, float] = json.loads(output.splitlines()[-1])
    return told


def _changing(server: Nsblast, seconds: float, names: int) -> subprocess.Popen[str]:
    """Writers at the target's rate, once the first change has ended."""
    process = _writers(server, seconds, names, "--rate", str(PACE), "--tell")
    assert process.stdout is not None
    process.stdout.readline()
    return process


def _turns(
    asked: list[Server], server: Nsblast, work: Workload, seconds: float, first: int
) -> tuple[dict[str, dict[str, list[Figures]]], list[float]]:
    """(figures by server's label and "idle" or "during", changes a second of each turn that had some)."""
    found: dict[str, dict[str, list[Figures]]] = {one.label: {"idle": [], "during": []} for one in asked}
    pace = []
    for turn in range(TURNS):
        start = first + turn << 16
        for one in asked:
            for what in ("idle", "during") if turn % 2 else ("during", "idle"):
                changing = _changing(server, seconds + 0.1, work.size) if what == "during" else None
                found[one.label][what].append(load.run(one, work.questions, seconds, rate=ANSWER_RATE, start=start))
                if changing is not None:
                    pace.append(_told(changing)["rate"])
    return found, pace


def _p99(figures: list[Figures]) -> float:
    return pooled((one.histogram_us for one in figures), 0.99)


def _nsblast(server: Server) -> Nsblast:
    if not isinstance(server, Nsblast):
        raise ServerError(f"{server.name} has no control socket that this harness speaks")
    return server


def measure(stage: Stage, piece: Piece) -> dict[str, Any]:
    """Rounds of both parts, two workers."""
    options = stage.options
    stage.stop()
    work = stage.workload("uniform", piece.size)
    seconds = max(1.0, options.seconds)
    rounds: list[dict[str, Any]] = []
    with (
        alone(stage, Choice("nsblast", 2, "0,1", options.cache)) as started,
        alone(stage, Choice("echo", 1, "0,1")) as floor,
    ):
        server = _nsblast(started)
        server.start(work)
        floor.start(work)
        _told(_writers(server, options.warm, piece.size))
        for number in range(options.rounds):
            asker = _writers(server, seconds * PEAKS, piece.size, "--ask", str(SOCKETS), count=1)
            peak = _told(_writers(server, seconds * PEAKS, piece.size))
            visible = _told(asker)
            found, pace = _turns([server, floor], server, work, seconds / 2, number * TURNS)
            idle, during = found[server.label]["idle"], found[server.label]["during"]
            floor_idle, floor_during = (_p99(found[floor.label][what]) for what in ("idle", "during"))
            figures = {
                "changes_per_second": peak["rate"] + visible["changes"] / (seconds * PEAKS),
                "call_p50_ms": peak["call_p50_ms"],
                "call_p99_ms": peak["call_p99_ms"],
                "visible_p50_ms": visible["visible_p50_ms"],
                "visible_p99_ms": visible["visible_p99_ms"],
                "stale_answers": visible["stale_answers"],
                "answers_p99_us_idle": _p99(idle),
                "answers_p99_us_during": _p99(during),
                "answers_p99_during_to_idle": _p99(during) / max(1.0, _p99(idle)),
                "answers_p50_us_during": pooled((one.histogram_us for one in during), 0.5),
                "floor_p99_us_idle": floor_idle,
                "floor_p99_us_during": floor_during,
                "floor_p99_during_to_idle": floor_during / max(1.0, floor_idle),
                "answers_to_floor_during": _p99(during) / max(1.0, floor_during),
                "changes_per_second_during": middle(pace),
                "loss_during": max(one.loss for one in during),
            }
            rounds.append({server.label: figures})
            say(
                f"  round {number + 1}: {figures['changes_per_second']:,.0f} changes/s, visible p99 {figures['visible_p99_ms']:.1f} ms; answers' p99"
                f" ÷ idle {figures['answers_p99_during_to_idle']:.2f} (floor {figures['floor_p99_during_to_idle']:.2f})"
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
