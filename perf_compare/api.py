"""The admin API at size, and its writes beside those of PowerDNS's API, in one run.

    python -m perf_compare.api [--zones 1000000] [--tenants 10000] [--names 1000000] [--seconds 4] [--rounds 3] [--folder F]

Makes a database (kept in the folder for the next run), serves a copy of it, pages through all zones and through the large zone, adds
records to the large zone one by one, then has one and 32 keep-alive clients write single records, each write answered when it is
durable and visible in every worker; with pdns_server installed the same writes go to it in turn. Prints the figures
beside the targets, and with --json all of them.
"""

import argparse
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nsblast.control import Client
from perf_compare.api_data import BIG, database, tenant_id, zone_name
from perf_compare.api_load import BASIC, PASSWORD, Asker, request, saturate
from perf_compare.servers import pdns_api
from perf_compare.servers.common import ADDRESS, Choice, free_port
from perf_compare.servers.nsblast import copy_file
from perf_compare.statistics import middle, percentile
from perf_compare.zones import SEED

API = "/api/v1"
ZONE = "speed.test."
PAGE = 1000
CLIENTS = (1, 32)
_NAMES = 20_000
"""Names that are written to, each once in a run of some seconds."""


@contextmanager
def served(db: Path, workers: int) -> Iterator[tuple[int, int]]:
    """nsblast on this database; its HTTP port and the control process's id."""
    dns, http = free_port(), free_port()
    command = [sys.executable, "-m", "nsblast", "serve", "-d", str(db), "--dns-endpoint", ADDRESS]
    command += ["--dns-port", str(dns), "--http-endpoint", ADDRESS, "--http-port", str(http), "--workers", str(workers)]
    command += ["--log-level", "warning"]
    process = subprocess.Popen(command, env={**os.environ, "NSBLAST_ADMIN_PASSWORD": PASSWORD})
    try:
        wait = [sys.executable, "-m", "nsblast", "status", "--wait-ready", "60", "-d", str(db)]
        subprocess.run(wait, check=True, stdout=subprocess.DEVNULL)
        with Client(db, 10) as client:
            status = client.call("status")
        yield http, next(one["pid"] for one in status["processes"] if one["name"] == "control")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def answers(port: int) -> None:
    """Wait until somebody listens there; OSError when nobody does for ten seconds."""
    end = time.monotonic() + 10
    while True:
        try:
            socket.create_connection((ADDRESS, port), 1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


@contextmanager
def rival(folder: Path) -> Iterator[int]:
    """PowerDNS with an empty database; its HTTP port."""
    server = pdns_api.PowerDnsApi(folder, Choice("pdns"))
    server.prepare()
    with (server.folder / "output").open("ab") as output:
        process = subprocess.Popen(server.command(), stdout=output, stderr=output)
    try:
        answers(server.http_port)
        yield server.http_port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def resident(pid: int) -> float:
    """MiB of a process's own memory."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("Pss_Anon:"))) / 1024


def times(found: list[float]) -> dict[str, float]:
    """Of a list of milliseconds."""
    return {f"p{name}_ms": round(percentile(found, share), 3) for name, share in (("50", 0.5), ("99", 0.99))}


def pages(port: int, pid: int, zones: int, tenants: int, names: int, count: int) -> dict[str, Any]:
    """Lists in pages of a thousand: the first, any, all one after another."""
    with Asker(port, BASIC) as asker:
        return _pages(asker, pid, zones, tenants, names, count)


def _pages(asker: Asker, pid: int, zones: int, tenants: int, names: int, count: int) -> dict[str, Any]:
    rng = random.Random(SEED)
    big = BIG.rstrip(".")

    def page(path: str, start: str, more: str = "") -> float:
        return asker.ask("GET", f"{API}{path}?limit={PAGE}&from={start}{more}")[1]

    page("/zone", "", "&tenant=*")
    everywhere = [zone_name(rng.randrange(zones)) for _ in range(count)]
    found = {
        "zones_first": times([page("/zone", "", "&tenant=*") for _ in range(count)]),
        "zones_any": times([page("/zone", start, "&tenant=*") for start in everywhere]),
        "tenant_first": times(
            [page("/zone", "", f"&tenant={tenant_id(rng.randrange(tenants))}") for _ in range(count)]
        ),
        "names_first": times([page(f"/zone/{big}", "") for _ in range(count)]),
        "names_any": times([page(f"/zone/{big}", f"h{rng.randrange(names):07d}.{big}") for _ in range(count)]),
    }
    walked: list[float] = []
    memory = [resident(pid)]
    start, more, items = "", True, 0
    while more:
        answer, took = asker.ask("GET", f"{API}/zone?limit={PAGE}&tenant=*&kind=brief&from={start}")
        walked.append(took)
        items += len(answer["value"])
        start, more = answer["klast"], answer["more"]
        if len(walked) % 50 == 0:
            memory.append(resident(pid))
    if items < zones:
        raise RuntimeError(f"{items} zones were listed, {zones} are there")
    memory.append(resident(pid))
    return {**found, "walk": {**times(walked), "pages": len(walked), "mib": [round(one, 1) for one in memory]}}


def additions(port: int, count: int) -> dict[str, float]:
    """New names in the large zone, one after another."""
    big = BIG.rstrip(".")
    body = {"ttl": 300, "a": ["192.0.2.1"]}
    with Asker(port, BASIC) as asker:
        return times([asker.ask("POST", f"{API}/rr/new{n}.{big}", body)[1] for n in range(count)])


def ours(method: str, rng: random.Random) -> Iterator[bytes]:
    """Writes to single names of one zone. Made anew for each run: a write of what is there already is no commit."""
    for n in range(_NAMES):
        body = b'{"ttl":300,"a":["10.%d.%d.%d"]}' % tuple(rng.randbytes(3))
        yield request(method, f"{API}/rr/n{n}.{ZONE.rstrip('.')}", body, BASIC)


def theirs(_: str, rng: random.Random) -> Iterator[bytes]:
    """The same for PowerDNS, which knows PATCH only."""
    for n in range(_NAMES):
        content = {"content": ".".join(map(str, (10, *rng.randbytes(3)))), "disabled": False}
        sets = [{"name": f"n{n}.{ZONE}", "type": "A", "ttl": 300, "changetype": "REPLACE", "records": [content]}]
        body = json.dumps({"rrsets": sets}).encode()
        yield request("PATCH", f"{pdns_api.PATH}/{ZONE}", body, {"x-api-key": pdns_api.KEY})


def processor(pid: int) -> float:
    """Seconds of processor time a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def serial(port: int) -> int:
    """Of the zone that is written to: each write that changes something makes it one more."""
    with Asker(port, BASIC) as asker:
        told = asker.ask("GET", f"{API}/rr/{ZONE.rstrip('.')}")[0]
    return int(told["value"]["soa"]["serial"])


def writes(
    folder: Path, port: int, pid: int, other: int | None, seconds: float, rounds: int
) -> dict[str, list[dict[str, float]]]:
    """Rounds in turn: who, how many clients → a figure a round. pid: of our control process."""
    with Asker(port, BASIC) as asker:
        asker.ask("POST", f"{API}/zone/{ZONE.rstrip('.')}", {"ns": ["ns.example.net"]})
    rng = random.Random(SEED)
    plan: list[tuple[str, int, Callable[[str, random.Random], Iterator[bytes]]]]
    plan = [("nsblast PATCH", port, ours), ("nsblast PUT", port, ours)]
    if other is not None:
        making = {"name": ZONE, "kind": "Native", "nameservers": ["ns.example.net."]}
        with Asker(other, {"x-api-key": pdns_api.KEY}) as asker:
            asker.ask("POST", pdns_api.PATH, making)
        plan.append(("pdns PATCH", other, theirs))
    found: dict[str, list[dict[str, float]]] = {}
    for _ in range(rounds):
        for who, where, made in plan:
            for clients in CLIENTS:
                requests = list(made(who.rpartition(" ")[2], rng))
                before, spent = serial(port), processor(pid)
                told = saturate(folder, where, requests, seconds, clients)
                if where == port:
                    told["cpu_us"] = round((processor(pid) - spent) / told["answers"] * 1e6, 1)
                    told["changed"] = serial(port) - before
                found.setdefault(f"{who} {clients}", []).append(told)
    return found


def report(results: dict[str, Any]) -> str:
    """Lines for people, each with its target."""
    found = results["pages"]
    lines = [
        f"page of {PAGE} zones: first {found['zones_first']}, any {found['zones_any']} (p99 < 50 ms)",
        f"page of a tenant's zones: {found['tenant_first']}",
        f"page of {PAGE} names of the large zone: first {found['names_first']}, any {found['names_any']}",
        f"all zones in {found['walk']['pages']} pages: {found['walk']} (memory flat)",
        f"one record added to the large zone: {results['additions']} (p99 < 20 ms)",
    ]
    rates = {who: middle([one["rate"] for one in told]) for who, told in results["writes"].items()}
    for who, told in results["writes"].items():
        refused, broken = (sum(one[what] for one in told) for what in ("refused", "broken"))
        p99 = middle([one["p99_ms"] for one in told])
        line = f"{who} clients: {rates[who]:.0f}/s, p99 {p99:.1f} ms, {refused} refused, {broken} of them 5xx"
        if "cpu_us" in told[0]:
            same = sum(one["answers"] - one["changed"] for one in told)
            line += (
                f", {middle([one['cpu_us'] for one in told]):.0f} µs of control each, {same:.0f} that changed nothing"
            )
        lines.append(line)
    for clients in CLIENTS:
        if rates.get(f"pdns PATCH {clients}"):
            ratio = rates[f"nsblast PATCH {clients}"] / rates[f"pdns PATCH {clients}"]
            lines.append(f"{clients} clients: {ratio:.1f} × PowerDNS's rate (≥ 3)")
    return "\n".join(lines)


def main() -> int:
    """The command of the head."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zones", type=int, default=1_000_000)
    parser.add_argument("--tenants", type=int, default=10_000)
    parser.add_argument("--names", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pages", type=int, default=200, help="of each kind")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "nsblast-perf-api")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    given = parser.parse_args()
    made = database(given.folder, given.zones, given.tenants, given.names)
    with tempfile.TemporaryDirectory(dir=given.folder) as scratch:
        folder = Path(scratch)
        shutil.copytree(made, folder / "db", copy_function=copy_file)
        with served(folder / "db", given.workers) as (port, pid):
            results: dict[str, Any] = {
                "sizes": {"zones": given.zones, "tenants": given.tenants, "names": given.names},
                "pages": pages(port, pid, given.zones, given.tenants, given.names, given.pages),
                "additions": additions(port, given.pages * 5),
            }
            if pdns_api.PowerDnsApi.missing():
                results["writes"] = writes(folder, port, pid, None, given.seconds, given.rounds)
            else:
                with rival(folder) as other:
                    results["writes"] = writes(folder, port, pid, other, given.seconds, given.rounds)
    print(report(results))
    if given.json:
        given.json.write_text(json.dumps(results, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
