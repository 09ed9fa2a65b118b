"""Whole servers side by side on one machine, in one interleaved run.

python -m perf_compare.run --quick          a few minutes, small zones
python -m perf_compare.run --full           every workload at its size, takes hours
python -m perf_compare.run --workload uniform:1000000 --servers echo,nsblast,knot --rounds 5
"""

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from perf_compare import checks, load, report, zones
from perf_compare.servers import SERVERS, Server, ServerError

QUICK = ["hot:10000", "uniform:100000", "nxdomain:100000", "referral:50000", "hosting:2000"]
FULL = [
    *("hot:1000000", "uniform:1000000", "zipf:1000000", "nxdomain:1000000", "referral:1000000", "hosting:100000"),
    *("uniform:10000000", "nxdomain:10000000"),
]


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    cpu = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        "?",
    )
    return {"cpu": cpu, "cpus": os.cpu_count(), "kernel": platform.release(), "python": platform.python_version()}


def versions(names: list[str]) -> dict[str, str]:
    """Package versions of the servers."""
    found = {}
    for name, package in (("knot", "knot"), ("nsd", "nsd"), ("bind", "bind9"), ("pdns", "pdns-server")):
        if name in names:
            done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True)
            found[name] = done.stdout or "?"
    if "nsblast" in names:
        try:
            found["nsblast"] = importlib.metadata.version("nsblast")
        except importlib.metadata.PackageNotFoundError:
            found["nsblast"] = "from the source tree"
    return found


def measure(name: str, size: int, names: list[str], options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """All servers on one workload."""
    print(f"{name}:{size}: zones and questions", file=sys.stderr)
    work = zones.workload(name, folder / "zones", size)
    place = Path(tempfile.mkdtemp(dir=folder))
    servers: list[Server] = []
    rounds: list[dict[str, Any]] = []
    try:
        for chosen in names:
            server = SERVERS[chosen](place, cache=options.cache)
            servers.append(server)
            server.start(work)
            print(
                f"  {chosen}: loaded in {server.load_seconds:.2f} s, answers after {server.start_seconds:.2f} s",
                file=sys.stderr,
            )
        checks.agree(servers, work.sample[:100])
        for server in servers:
            load.run(server, work.questions, options.warm)
        for number in range(options.rounds):
            rounds.append({})
            for server in servers:
                figures = load.run(server, work.questions, options.seconds)
                rounds[-1][server.name] = asdict(figures)
                print(
                    f"  round {number + 1} {server.name}: {figures.rate:,.0f}/s, {figures.cpu_us:.2f} us",
                    file=sys.stderr,
                )
        summary: dict[str, Any] = {}
        for server in servers:
            half = report.middle([one[server.name]["rate"] for one in rounds]) / 2
            late = load.run(server, work.questions, options.seconds, rate=half).latency_us if options.latency else {}
            summary[server.name] = {
                "latency_us": late,
                "memory": server.memory(),
                "load_seconds": server.load_seconds,
                "start_seconds": server.start_seconds,
            }
        return {"workload": name, "size": size, "rounds": rounds, "servers": summary}
    finally:
        for server in servers:
            server.stop()
        shutil.rmtree(place, ignore_errors=True)


def main() -> int:
    """Parse arguments, measure, write results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small zones, all workloads (default)")
    parser.add_argument("--full", action="store_true", help="every workload at its size")
    parser.add_argument(
        "--workload", action="append", metavar="NAME:SIZE", help=f"instead: one of {', '.join(zones.WORKLOADS)}"
    )
    parser.add_argument("--servers", default=",".join(SERVERS), help="comma list (default: all that are installed)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one run")
    parser.add_argument("--warm", type=float, default=2.0, help="length of the run before the clock starts")
    parser.add_argument("--cache", default="2GiB", help="nsblast's --cache-size")
    parser.add_argument("--no-latency", dest="latency", action="store_false")
    parser.add_argument("--folder", type=Path, help="where zones are kept between runs (default: a temporary folder)")
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    names = options.servers.split(",")
    for name in names:
        if name not in SERVERS:
            parser.error(f"--servers {name}: one of {', '.join(SERVERS)}")
        if SERVERS[name].missing():
            parser.error(f"--servers {name}: {', '.join(SERVERS[name].missing())} is not installed")
    folder = options.folder or Path(tempfile.mkdtemp(prefix="nsblast-perf-"))
    folder.mkdir(parents=True, exist_ok=True)
    chosen = options.workload or (FULL if options.full else QUICK)
    results: dict[str, Any] = {
        "date": datetime.datetime.now(tz=datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": machine(),
        "versions": versions(names),
        "rounds": options.rounds,
        "seconds": options.seconds,
        "workloads": [],
    }
    failed = False
    try:
        for one in chosen:
            name, _, size = one.partition(":")
            try:
                results["workloads"].append(measure(name, int(size), names, options, folder))
            except (ServerError, checks.Disagreement, ValueError) as error:
                print(f"{one}: {error}", file=sys.stderr)
                failed = True
    finally:
        if options.folder is None:
            shutil.rmtree(folder, ignore_errors=True)
    options.results.mkdir(parents=True, exist_ok=True)
    stem = options.results / results["date"].replace(" UTC", "").replace(" ", "-").replace(":", "")
    stem.with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n")
    stem.with_suffix(".md").write_text(report.page(results))
    print(report.page(results))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
