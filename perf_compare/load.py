"""Runs the load client against one server and accounts for what the server spent."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from perf_compare.build import compiled
from perf_compare.servers.common import ADDRESS, Server

SOCKETS = 4
WINDOW = 1000


@dataclass(frozen=True)
class Figures:
    """One run: answers a second, share lost, CPU microseconds of the whole process tree per answer, latencies."""

    rate: float
    loss: float
    cpu_us: float
    latency_us: dict[str, float]
    answered: int


def run(server: Server, questions: Path, seconds: float, *, rate: float = 0.0, cpu: int = 1) -> Figures:
    """As fast as the server answers, or at a fixed rate (queries a second) with latencies."""
    command = ["taskset", "-c", str(cpu), str(compiled("blast")), ADDRESS, str(server.port), str(questions)]
    command += [str(seconds), str(SOCKETS), str(WINDOW)] + ([str(rate)] if rate else [])
    before = server.cpu_seconds()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    spent = server.cpu_seconds() - before
    said = json.loads(done.stdout)
    answered = max(1, said["answered"])
    return Figures(
        rate=said["rate"],
        loss=said["lost"] / max(1, said["sent"]),
        cpu_us=spent / answered * 1e6,
        latency_us=said.get("latency_us", {}),
        answered=said["answered"],
    )
