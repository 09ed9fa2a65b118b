"""Whole servers side by side on one machine, in interleaved rounds.

python -m perf_compare.run --quick                  everything with small zones, some minutes
python -m perf_compare.run --full --folder DIR      everything at its size; goes on where it was interrupted
python -m perf_compare.run --full --folder DIR --only hot,import:2000000
python -m perf_compare.run --workload cold:1000000 --rounds 2 --seconds 1 --servers nsblast,knot

A piece is NAME:SIZE or NAME:SIZE/LOAD, LOAD one of udp (blast.c, the default), udp-many, dnsperf, tcp, tcp-each.
"""

import argparse
import dataclasses
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from perf_compare import checks, publish, results
from perf_compare.measures import MEASURES
from perf_compare.pieces import FULL, QUICK, Piece, parse
from perf_compare.servers import SERVERS, ServerError
from perf_compare.stage import Options, Stage, say

KEPT = {"quick": Options(rounds=3, seconds=0.5, warm=0.2, questions=100_000), "full": Options()}


def wanted(piece: Piece, only: list[str]) -> bool:
    """Whether --only names it, by name or wholly."""
    return not only or any(one in (piece.name, str(piece), f"{piece.name}:{piece.size}") for one in only)


def chosen(parser: argparse.ArgumentParser, options: argparse.Namespace) -> tuple[str, list[Piece]]:
    """(name of the run, its pieces in order); ends the program at what cannot be."""
    only = options.only.split(",") if options.only else []
    if options.workload:
        name, plan = options.name or "custom", []
        for text in options.workload:
            try:
                plan.append(parse(text))
            except ValueError as error:
                parser.error(f"--workload {error}")
    else:
        name, plan = options.name or ("full" if options.full else "quick"), FULL if options.full else QUICK
    for piece in plan:
        if piece.name not in MEASURES:
            parser.error(f"--workload {piece}: one of {', '.join(MEASURES)}")
    picked = [piece for piece in plan if wanted(piece, only)]
    if not picked:
        parser.error(f"--only {options.only}: names nothing of {', '.join(str(piece) for piece in plan)}")
    return name, picked


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small zones, everything (default)")
    parser.add_argument(
        "--full", action="store_true", help="everything at its size; pieces with a result are passed over"
    )
    parser.add_argument(
        "--workload", action="append", metavar="PIECE", help=f"instead: {', '.join(MEASURES)} with a size, and /LOAD"
    )
    parser.add_argument("--only", help="of the plan only these, a comma list of names or whole pieces")
    parser.add_argument("--again", action="store_true", help="measure pieces of --full anew that have a result")
    parser.add_argument("--servers", help=f"instead of those planned, a comma list of {', '.join(SERVERS)}")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float, help="length of one run")
    parser.add_argument("--warm", type=float, help="length of the run before the clock starts")
    parser.add_argument("--cache", help="nsblast's --cache-size")
    parser.add_argument("--no-latency", dest="latency", action="store_false", default=None)
    parser.add_argument("--folder", type=Path, help="where zones are kept between runs (default: a temporary folder)")
    parser.add_argument("--name", help="the folder in results/ (default: quick, full or custom)")
    parser.add_argument("--results", type=Path, default=results.RESULTS, help="instead of results/")
    return parser


def main(given: list[str] | None = None) -> int:
    """Parse arguments, measure, write results."""
    parser = arguments()
    options = parser.parse_args(given)
    name, plan = chosen(parser, options)
    how = KEPT["full" if options.full else "quick"]
    changes = {key: getattr(options, key) for key in ("rounds", "seconds", "warm", "cache", "latency")}
    how = dataclasses.replace(how, **{key: value for key, value in changes.items() if value is not None})
    how = dataclasses.replace(how, servers=tuple(options.servers.split(",")) if options.servers else ())
    for server in how.servers or {server for piece in plan for server in piece.servers}:
        if server not in SERVERS:
            parser.error(f"--servers {server}: one of {', '.join(SERVERS)}")
        if SERVERS[server].missing():
            parser.error(f"{server} is not installed: {', '.join(SERVERS[server].missing())}")
    target = options.results / name
    if not options.full or options.again:
        for piece in plan:
            (target / "pieces" / f"{piece.stem}.json").unlink(missing_ok=True)
    folder = options.folder or Path(tempfile.mkdtemp(prefix="nsblast-perf-"))
    folder.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers are stopped
    stage, failed = Stage(folder.resolve(), how), False
    try:
        for piece in plan:
            if (target / "pieces" / f"{piece.stem}.json").exists():
                say(f"{piece}: has a result already")
                continue
            began = time.monotonic()
            say(f"{piece}")
            try:
                found = MEASURES[piece.name](stage, piece)
            except (ServerError, checks.Disagreement, ValueError) as error:
                say(f"{piece}: {error}")
                failed = True
                stage.stop()
                continue
            results.save(target, piece, found, dataclasses.asdict(how))
            say(f"  {piece}: {time.monotonic() - began:.0f} s")
    finally:
        stage.close()
        if options.folder is None:
            shutil.rmtree(folder, ignore_errors=True)
    print(publish.write_report(target))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
