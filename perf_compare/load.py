"""Runs a load client against one server and accounts for what the server spent.

Loads: udp (blast.c; four clients), udp-many (blast.c; each query from another address), dnsperf (UDP), tcp (stream.c: persistent connections, pipelined), tcp-each (stream.c: a connection each).
"""

import json
import re
import resource
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from perf_compare.build import compiled
from perf_compare.servers.common import ADDRESS, Server, ServerError

SOCKETS = 4
WINDOW = 60  # four of them fit the default receive buffer of 208 KiB, which Knot and NSD keep: more would measure loss
CONNECTIONS = 64
DEPTH = 32
DNSPERF_WINDOW = 1000
CPU = "1"


@dataclass(frozen=True)
class Figures:
    """One run: answers a second, share lost, CPU microseconds of the whole process tree per answer, latencies."""

    rate: float
    loss: float
    cpu_us: float
    answered: int
    client: float
    """Share of its processor that the load client used: near 1 it may be the limit itself."""
    latency_us: dict[str, float] = field(default_factory=dict)
    rcodes: dict[str, int] = field(default_factory=dict)
    histogram_us: tuple[tuple[float, int], ...] = ()
    """Latencies and how many had each: what several runs are put together from."""


@dataclass(frozen=True)
class Probe:
    """A second, slow stream of queries beside an open loop: the latencies are its."""

    questions: Path
    rate: float


def _client_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _run(server: Server, command: list[str], seconds: float, cpu: str) -> tuple[str, float, float]:
    """(what it printed, CPU seconds of the server, share of a processor the client used)."""
    server_before, client_before, began = server.cpu_seconds(), _client_seconds(), time.monotonic()
    done = subprocess.run(
        ["taskset", "-c", cpu, *command], capture_output=True, text=True, timeout=seconds * 3 + 60, check=False
    )
    if done.returncode:
        raise ServerError(f"{command[0]} against {server.label}: {done.stderr.strip()[-400:]}")
    took = time.monotonic() - began
    return done.stdout, server.cpu_seconds() - server_before, (_client_seconds() - client_before) / took


def _figures(said: dict[str, object], spent: float, client: float, label: str) -> Figures:
    sent, answered, lost, rate = (float(str(said[key])) for key in ("sent", "answered", "lost", "rate"))
    if not answered:
        raise ServerError(f"{label} answered nothing of {sent:.0f} queries")
    latency, rcodes = said.get("latency_us", {}), said.get("rcodes", {})
    assert isinstance(latency, dict)
    assert isinstance(rcodes, dict)
    histogram = said.get("histogram_us", [])
    assert isinstance(histogram, list)
    return Figures(
        rate,
        lost / max(1.0, sent),
        spent / answered * 1e6,
        int(answered),
        client,
        latency,
        rcodes,
        tuple((float(us), int(many)) for us, many in histogram),
    )


def run(
    server: Server,
    questions: Path,
    seconds: float,
    *,
    rate: float = 0.0,
    start: int = 0,
    probe: Probe | None = None,
    cpu: str = CPU,
    many: bool = False,
) -> Figures:
    """UDP: as fast as the server answers, or at a fixed rate (queries a second) with latencies; many: from 65 536 addresses."""
    command = [
        str(compiled("blast")),
        *(["-a"] if many else []),
        ADDRESS,
        str(server.port),
        str(questions),
        str(seconds),
        str(SOCKETS),
    ]
    command += [str(WINDOW), str(rate), str(start)]
    command += [str(probe.questions), str(probe.rate)] if probe else []
    output, spent, client = _run(server, command, seconds, cpu)
    return _figures(json.loads(output), spent, client, server.label)


def run_stream(
    server: Server, questions: Path, seconds: float, *, each: bool, start: int = 0, rate: float = 0.0, cpu: str = CPU
) -> Figures:
    """TCP: persistent connections with so many queries under way each, or a connection for each query."""
    command = [str(compiled("stream")), ADDRESS, str(server.port), str(questions), str(seconds), str(CONNECTIONS)]
    command += ["1" if each else str(DEPTH), str(rate), str(start)] + (["each"] if each else [])
    output, spent, client = _run(server, command, seconds, cpu)
    return _figures(json.loads(output), spent, client, server.label)


def parse_dnsperf(output: str) -> dict[str, object]:
    """Its statistics by the names of _figures. ValueError when they are not there."""

    def number(what: str) -> float:
        found = re.search(rf"{what}:\s+([\d.]+)", output)
        if found is None:
            raise ValueError(f"dnsperf told no {what!r}")
        return float(found[1])

    return {
        "sent": number("Queries sent"),
        "answered": number("Queries completed"),
        "lost": number("Queries lost"),
        "rate": number("Queries per second"),
        "latency_us": {"average": number(r"Average Latency \(s\)") * 1e6},
        "rcodes": {code: int(count) for code, count in re.findall(r"([A-Z]+) (\d+) \([\d.]+%\)", output)},
    }


def run_dnsperf(server: Server, questions: Path, seconds: float, *, dnssec: bool = False, cpu: str = CPU) -> Figures:
    """UDP by the client that everybody knows; one thread of it is the limit above some 110 000 answers/s."""
    length = max(1, round(seconds))  # it takes whole seconds only
    command = ["dnsperf", "-s", ADDRESS, "-p", str(server.port), "-d", str(questions.with_suffix(".txt"))]
    command += [
        "-l",
        str(length),
        "-c",
        "4",
        "-T",
        "1",
        "-q",
        str(DNSPERF_WINDOW),
        "-t",
        "1",
        "-b",
        "4096",
    ]
    command += ["-D"] if dnssec else []
    output, spent, client = _run(server, command, length, cpu)
    return _figures(parse_dnsperf(output), spent, client, server.label)
