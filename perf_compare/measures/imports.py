"""Taking in a zone file: nsblast's import command, to its end (durable, then served), beside the others' start on the same file."""

import shutil
import time
from typing import Any

from perf_compare.pieces import Piece
from perf_compare.servers.nsblast import Nsblast, import_zones
from perf_compare.stage import Stage, alone, say


def measure(stage: Stage, piece: Piece) -> dict[str, Any]:
    """Rounds of imports and loads."""
    stage.stop()
    work = stage.workload("uniform", piece.size)
    question = work.sample[0]
    choices = [choice for choice in stage.choices(piece.servers) if choice.server != "echo"]
    rounds: list[dict[str, Any]] = []
    for number in range(stage.options.rounds):
        rounds.append({})
        for choice in choices:
            with alone(stage, choice) as server:
                if isinstance(server, Nsblast):
                    began = time.monotonic()
                    import_zones(work, server.database, choice.cpus)
                    took = time.monotonic() - began
                    server.launch(question)
                    figures = {"served_seconds": took + server.start_seconds}
                    shutil.rmtree(server.database, ignore_errors=True)
                else:
                    server.prepare(work)
                    server.launch(question)
                    took, figures = server.start_seconds, {"served_seconds": server.start_seconds}
                rounds[-1][server.label] = {"seconds": took, "records_per_second": piece.size / took, **figures}
                say(f"  round {number + 1} {server.label}: {took:.2f} s, {piece.size / took:,.0f} records/s")
    return {"rounds": rounds, "servers": {choice.label: {} for choice in choices}}
