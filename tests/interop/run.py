"""python -m tests.interop.run [--full] [--set main|root] [--report FILE]: the comparison by hand, with all details."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.interop.session import SETS, Outcome, missing_programs, run


def details(name: str, outcome: Outcome) -> str:
    """Everything that was found, also how the peers differ among themselves."""
    report = outcome.report
    lines = [f"## {name}", outcome.complaint(most=10000)]
    for (peer, aspect), texts in sorted(report.peer_examples.items()):
        lines += [f"### {peer} against the majority in {aspect}: {report.peers[peer, aspect]}", *texts]
    for aspect, texts in sorted(report.undecided_examples.items()):
        lines += [f"### no majority in {aspect}: {report.undecided[aspect]}", *texts]
    return "\n".join(lines) + "\n"


def main() -> int:
    """0 when nothing is unexplained."""
    parser = argparse.ArgumentParser(prog="python -m tests.interop.run", description=__doc__)
    parser.add_argument("--full", action="store_true", help="all questions, not the sample of 8000 a set")
    parser.add_argument("--set", choices=sorted(SETS), help="one set of zones instead of all")
    parser.add_argument("--report", type=Path, help="write all details to this file")
    parser.add_argument(
        "--no-server", action="store_true", help="leave the running nsblast out: the compiled core only"
    )
    parser.add_argument("--no-core", action="store_true", help="leave the compiled core without sockets out")
    chosen = parser.parse_args()
    if missing := missing_programs():
        parser.exit(2, f"not installed: {', '.join(missing)}; ci/install-packages.sh installs them\n")
    good = True
    texts = []
    for name in [chosen.set] if chosen.set else list(SETS):
        began = time.monotonic()
        outcome = run(name, everything=chosen.full, core=not chosen.no_core, server=not chosen.no_server)
        print(f"{name}: {time.monotonic() - began:.0f} s\n{outcome.complaint()}", flush=True)
        texts.append(details(name, outcome))
        good = good and outcome.good
    if chosen.report:
        chosen.report.write_text("\n".join(texts), "utf-8")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
