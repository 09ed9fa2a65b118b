"""From results to pages: report.md and charts beside the results, and the tables in README.md and docs/performance.md.

python -m perf_compare.publish perf_compare/results/full            writes all of them
python -m perf_compare.publish perf_compare/results/full --check    exit code 1 when a page is not what it would write

In a page a table stands between `<!-- perf: NAME -->` and `<!-- perf end -->`; NAME is targets, rates or machine.
"""

import argparse
import re
import sys
from pathlib import Path
from typing import Any

from perf_compare import charts, report, results, targets
from perf_compare.pieces import FULL, QUICK
from perf_compare.statistics import middle, ratios, values

PAGES = ("README.md", "docs/performance.md")
PART = re.compile(r"(<!-- perf: (\w+) -->\n).*?(<!-- perf end -->)", re.DOTALL)


def rates(found: list[dict[str, Any]]) -> str:
    """Medians of all pieces that measure answers, a row a piece: what a newcomer wants to see."""
    servers = ("nsblast", "knot", "nsd", "bind", "pdns")
    lines = [
        "| answers/s, one worker | nsblast | Knot | NSD | BIND | PowerDNS | ÷ Knot | CPU ÷ floor |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for result in found:
        rounds = result["rounds"]
        if not values(rounds, "nsblast", "cpu_us"):
            continue
        rate = {server: values(rounds, server, "rate") for server in servers}
        cells = [f"{middle(rate[server]):,.0f}" if rate[server] else "–" for server in servers]
        ratio, floor = ratios(rounds, "rate", "nsblast", "knot"), ratios(rounds, "cpu_us", "nsblast", "echo")
        cells += [f"{middle(each):.2f}" if each else "–" for each in (ratio, floor)]
        lines.append(f"| {report.title(result)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def parts(found: list[dict[str, Any]], folder: Path) -> dict[str, str]:
    """What may stand in a page."""
    where = folder.relative_to(results.ROOT) if folder.is_relative_to(results.ROOT) else folder.name
    return {
        "targets": targets.table(found),
        "rates": rates(found),
        "machine": f"{report.heading(found)} All figures, by piece: `{where}/report.md`.",
    }


def filled(page: str, content: dict[str, str]) -> str:
    """The page with its tables made anew. ValueError for a table nobody makes."""

    def make(match: re.Match[str]) -> str:
        if match[2] not in content:
            raise ValueError(f"no table is called {match[2]}: {', '.join(content)}")
        return f"{match[1]}{content[match[2]]}\n{match[3]}"

    return PART.sub(make, page)


def write_report(folder: Path) -> str:
    """Write report.md and the charts; returns the page."""
    found = results.load(folder, [*FULL, *QUICK])
    if not found:
        return "nothing was measured"
    try:
        drawn = charts.draw(found, folder)
    except ModuleNotFoundError:
        print("no charts: matplotlib is not installed (pip install .[perf])", file=sys.stderr)
        drawn = []
    text = report.page(found, targets.table(found), drawn)
    (folder / "report.md").write_text(text)
    return text


def main(given: list[str] | None = None) -> int:
    """The command of the head."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a run's folder")
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args(given)
    folder = options.folder.resolve()
    found = results.load(folder, [*FULL, *QUICK])
    if not found:
        parser.error(f"{options.folder}: there are no results in it")
    if not options.check:
        write_report(folder)
    stale = []
    for name in PAGES:
        path = results.ROOT / name
        page = path.read_text()
        made = filled(page, parts(found, folder))
        if made != page:
            stale.append(name)
            if not options.check:
                path.write_text(made)
    if options.check and stale:
        print(f"not what {options.folder} says: {', '.join(stale)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
