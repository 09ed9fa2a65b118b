"""A whole zone given to another server (AXFR, TCP): records a second, what it costs, and what others wait meanwhile.

Each server gives its first transfer before the rounds; ours is slower, since it reads the store, and is told apart. A round is as many
transfers as fit the options' seconds, of which the fastest counts; the first one after a change of one name and the first after a change of
a thousand, spread over the zone, by dynamic update, where the server takes that; then hot names at a fixed rate alone and beside transfers.
"""

import json
import subprocess
from typing import Any

import dns.query
import dns.rcode
import dns.update

from perf_compare import load
from perf_compare.build import compiled
from perf_compare.pieces import Piece
from perf_compare.servers.common import ADDRESS, Server, ServerError
from perf_compare.stage import Stage, say
from perf_compare.workloads import Workload
from perf_compare.zones import address

HEAD_RECORDS = 6
"""Of zones.one_zone besides its hosts: SOA twice, two NS and their addresses."""
ANSWER_RATE = 10_000.0
CHANGED = (1, 1000)
CHANGED_TTL = 4000
"""Of a changed record; its address stays, which other pieces ask for."""


def _begin(server: Server, work: Workload, seconds: float = 0.0) -> subprocess.Popen[str]:
    origin, _ = work.zones[0]
    command = ["taskset", "-c", load.CPU, str(compiled("transfer")), ADDRESS, str(server.port), origin]
    command += [str(work.size + HEAD_RECORDS), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _told(process: subprocess.Popen[str], server: Server) -> dict[str, float]:
    output, errors = process.communicate(timeout=300)
    if process.returncode:
        raise ServerError(f"{server.label}: {errors.strip()[-400:]}")
    told: dict[str, float] = json.loads(output)
    return told


def _change(server: Server, work: Workload, names: int, turn: int) -> None:
    """Give so many names another TTL, all in one version. ServerError when the server does not do it."""
    update = dns.update.UpdateMessage(work.zones[0][0])
    for number in range(names):
        host = (number * 7919 + turn * 104729) % work.size if names > 1 else work.size // 2
        update.replace(f"h{host:07d}", CHANGED_TTL + turn, "A", address(host))
    answer = dns.query.tcp(update, ADDRESS, 60, server.port)
    if answer.rcode() != dns.rcode.NOERROR:
        raise ServerError(f"{server.label}: a change was answered with {dns.rcode.to_text(answer.rcode())}")


def _after_changes(server: Server, work: Workload, turn: int) -> dict[str, float]:
    """Records a second of the first transfer of a newer version."""
    found = {}
    for names in CHANGED if server.takes_updates else ():
        _change(server, work, names, turn)
        told = _told(_begin(server, work), server)
        found[f"after_{names}_records_per_second"] = told["records"] / told["seconds"]
    return found


def measure(stage: Stage, piece: Piece) -> dict[str, Any]:
    """Rounds of all servers."""
    options = stage.options
    work, hot = (stage.workload(name, piece.size) for name in ("uniform", "hot"))
    choices = [choice for choice in stage.choices(piece.servers) if choice.server != "echo"]
    servers = stage.servers(work, choices)
    summary: dict[str, dict[str, float]] = {}
    for server in servers:
        before = server.memory()["own"]
        first = _told(_begin(server, work), server)
        summary[server.label] = {
            "first_records_per_second": first["records"] / first["seconds"],
            "first_grown_mib": (server.memory()["own"] - before) / 2**20,
            "octets": first["octets"],
            "messages": first["messages"],
        }
    rounds: list[dict[str, Any]] = []
    for number in range(options.rounds):
        rounds.append({})
        for server in servers:
            spent, before = server.cpu_seconds(), server.memory()["own"]
            told = _told(_begin(server, work, options.seconds), server)
            spent, grown = server.cpu_seconds() - spent, server.memory()["own"] - before
            after = _after_changes(server, work, number)
            idle = load.run(server, hot.questions, options.seconds, rate=ANSWER_RATE, start=number << 16)
            beside = _begin(server, work, options.seconds + 0.5)
            during = load.run(server, hot.questions, options.seconds, rate=ANSWER_RATE, start=number << 17)
            _told(beside, server)
            figures = {
                "records_per_second": told["records"] / told["seconds"],
                "cpu_us_per_record": spent / told["transfers"] / told["records"] * 1e6,
                "first_message_ms": told["first_ms"],
                "grown_mib": grown / 2**20,
                **after,
                "answers_p99_us_idle": idle.latency_us["p99"],
                "answers_p99_us_during": during.latency_us["p99"],
                "loss_during": during.loss,
            }
            rounds[-1][server.label] = figures
            say(
                f"  round {number + 1} {server.label}: {figures['records_per_second']:,.0f} records/s,"
                + "".join(f" after {names}: {after[name]:,.0f}," for names, name in zip(CHANGED, after, strict=False))
                + f" p99 of others {figures['answers_p99_us_during']:,.0f} µs"
            )
    return {"rounds": rounds, "servers": summary}
