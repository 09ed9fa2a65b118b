"""Answers a second and CPU per answer of each workload, in rounds that go through the servers in turn; latency at half the rate."""

import random
from dataclasses import asdict
from typing import Any

from perf_compare import checks, load, zones
from perf_compare.pieces import Piece
from perf_compare.servers.common import Choice, Server
from perf_compare.stage import Stage, say
from perf_compare.statistics import middle
from perf_compare.workloads import Workload

ENTRY_OCTETS = 128
"""What a host with one A record takes in nsblast's cache, place in the table included: measured as used memory / entries."""
FILTER_BITS = 12
BESIDE_HOT = ("uniform", "nxdomain", "cold", "zipf")
"""Workloads on one_zone: nsblast is asked the hot names too in each of their rounds, so that the ratio is one of one round."""


def tenth(size: int) -> str:
    """A --cache-size that holds a tenth of the names, and the filter of all of them."""
    octets = size * ENTRY_OCTETS // 10 + size * FILTER_BITS // 8 * 2
    return f"{max(8, -(-octets // 2**20))}MiB"


def choices_of(stage: Stage, piece: Piece) -> list[Choice]:
    """The servers of the piece; only nsblast has a cache that can be small."""
    return stage.choices(piece.servers, cache=tenth(piece.size) if piece.name == "cold" else "")


def one_run(server: Server, work: Workload, kind: str, seconds: float, start: int, rate: float = 0.0) -> load.Figures:
    """One run of the load that the piece names."""
    if kind == "dnsperf":
        return load.run_dnsperf(server, work.questions, seconds, dnssec=work.sample[0].dnssec)
    if kind in ("udp", "udp-many"):
        return load.run(server, work.questions, seconds, rate=rate, start=start, many=kind == "udp-many")
    return load.run_stream(server, work.questions, seconds, each=kind == "tcp-each", rate=rate, start=start)


def measure(stage: Stage, piece: Piece) -> dict[str, Any]:
    """All servers on one workload."""
    options = stage.options
    work = stage.workload(piece.name, piece.size)
    servers = stage.servers(work, choices_of(stage, piece))
    if piece.load in ("tcp", "tcp-each"):
        servers = [server for server in servers if server.name != "echo"]
    checks.agree(servers, work.sample[:100], tcp=piece.load.startswith("tcp"))
    hot = stage.workload("hot", piece.size) if piece.name in BESIDE_HOT and piece.load == "udp" else None
    rng = random.Random(zones.SEED)
    for server in servers:
        one_run(server, work, piece.load, options.warm, 0)
    rounds: list[dict[str, Any]] = []
    for number in range(options.rounds):
        figures_of: dict[str, Any] = {}
        rounds.append(figures_of)
        start = rng.randrange(1 << 30)
        for server in servers:
            figures = one_run(server, work, piece.load, options.seconds, start)
            figures_of[server.label] = asdict(figures)
            if hot is not None and server.name == "nsblast":
                beside = load.run(server, hot.questions, options.seconds, start=start)
                figures_of[server.label] |= {"hot_rate": beside.rate, "hot_cpu_us": beside.cpu_us}
            say(
                f"  round {number + 1} {server.label}: {figures.rate:,.0f}/s, {figures.cpu_us:.2f} us, client {figures.client:.0%}"
            )
    summary: dict[str, Any] = {}
    for server in servers:
        half = middle([one[server.label]["rate"] for one in rounds]) / 2
        latency: dict[str, float] = {}
        if options.latency and piece.load != "dnsperf":
            latency = one_run(server, work, piece.load, options.seconds, rng.randrange(1 << 30), half).latency_us
        summary[server.label] = {
            "latency_us": latency,
            "memory": server.memory(),
            "load_seconds": server.load_seconds,
            "start_seconds": server.start_seconds,
        }
    return {"rounds": rounds, "servers": summary}
