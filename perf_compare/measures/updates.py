"""Dynamic updates: 32 clients over TCP, each waiting for its answer, every update signed, durable and visible before it is answered.

In a zone of the piece's size and in a small one: what depends on the zone shows. Clients and server share both processors.
"""

import base64
import json
import subprocess
import sys
from typing import Any

from perf_compare.pieces import Piece
from perf_compare.results import ROOT
from perf_compare.servers.common import Choice, ServerError
from perf_compare.servers.nsblast import Nsblast
from perf_compare.stage import Stage, alone, say
from perf_compare.updaters import KEY, SECRET

CLIENTS = 32
SMALL_ZONE = 1000


def _run(command: list[str], given: str = "") -> str:
    done = subprocess.run([sys.executable, "-m", *command], input=given, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise ServerError(f"{command[0]}: {done.stderr.strip()[-400:]}")
    return done.stdout


def _rounds(stage: Stage, size: int) -> list[dict[str, float]]:
    seconds = max(1.0, stage.options.seconds)
    with alone(stage, Choice("nsblast", 1, "0,1", stage.options.cache)) as server:
        assert isinstance(server, Nsblast)
        server.start(stage.workload("uniform", size))
        where = ["--update", "--secret-file", "-", "-d", str(server.database)]
        _run(["nsblast", "key", "add", KEY, *where], base64.b64encode(SECRET).decode())
        command = ["perf_compare.updaters", str(server.port)]
        _run([*command, str(max(0.2, stage.options.warm)), str(CLIENTS)])
        return [json.loads(_run([*command, str(seconds), str(CLIENTS)])) for _ in range(stage.options.rounds)]


def measure(stage: Stage, piece: Piece) -> dict[str, Any]:
    """Rounds in the large zone, each beside one of the small."""
    stage.stop()
    large, small = (_rounds(stage, size) for size in (piece.size, min(SMALL_ZONE, piece.size)))
    rounds: list[dict[str, Any]] = []
    for one, other in zip(large, small, strict=True):
        figures = {
            **one,
            "small_zone_updates_per_second": other["updates_per_second"],
            "large_to_small": one["updates_per_second"] / other["updates_per_second"],
        }
        rounds.append({"nsblast": figures})
        say(f"  {figures['updates_per_second']:,.0f} updates/s, {figures['large_to_small']:.2f} × a small zone's")
    return {"rounds": rounds, "servers": {"nsblast": {}}}
