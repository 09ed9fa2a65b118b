"""From the start of the process to the first right answer, each server in turn, data on disk and in the page cache.

first: one question; all: fifty questions spread over what is served. nsblast's import is no part of it (measures/imports.py).
"""

import time
from typing import Any

from perf_compare.pieces import Piece
from perf_compare.stage import Stage, alone, say

SPREAD = 50
KINDS = {"start-names": "uniform", "start-zones": "hosting"}


def measure(stage: Stage, piece: Piece) -> dict[str, Any]:
    """Rounds of starts."""
    stage.stop()
    work = stage.workload(KINDS[piece.name], piece.size)
    known = [one for one in work.sample if one.address][:SPREAD]
    question = known[0]
    choices = [choice for choice in stage.choices(piece.servers) if choice.server != "echo"]
    rounds: list[dict[str, Any]] = []
    for number in range(stage.options.rounds):
        rounds.append({})
        for choice in choices:
            with alone(stage, choice) as server:
                server.prepare(work)
                began = time.monotonic()
                server.launch(question)
                server.wait_right(known)
                everything = time.monotonic() - began
                rounds[-1][server.label] = {"first_seconds": server.start_seconds, "all_seconds": everything}
                say(f"  round {number + 1} {server.label}: {server.start_seconds:.2f} s, all {everything:.2f} s")
    return {"rounds": rounds, "servers": {choice.label: {} for choice in choices}}
