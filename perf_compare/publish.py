"""From results to pages: report.md with charts beside the results, and the tables in README.md and docs/performance.md.

python -m perf_compare.publish results/NAME           writes all of them
python -m perf_compare.publish results/NAME --check   exit code 1 when README.md or docs/performance.md is not what it would write
"""

from pathlib import Path

from perf_compare import report, results
from perf_compare.pieces import FULL, QUICK


def write_report(folder: Path) -> str:
    """Write report.md; returns it."""
    found = results.load(folder, [*FULL, *QUICK])
    if not found:
        return "nothing was measured"
    text = report.page(found, "", [])
    (folder / "report.md").write_text(text)
    return text
