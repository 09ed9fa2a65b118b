"""Instructions per operation, counted by callgrind, against bench/baseline.json.

  python bench/count.py            compare; exit code 1 when a case needs more than MARGIN above its baseline
  python bench/count.py --write    make what is counted now the baseline
  python bench/count.py CASE...    only these

Each case runs twice in a fresh interpreter, with few and with many rounds; the difference is the operation's own. The start of
an interpreter is 300 million instructions, and some hundred thousand of them depend on where its stack begins, that is, on the
length of its arguments and environment: the rounds are many enough, and both runs' arguments equally long. Counts are repeatable
for one compiler and interpreter, so the baseline says which ones it was made with; under others a wider margin holds.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
BASELINE = HERE / "baseline.json"
FEW, MANY = 100, 400  # of equal length when written
CHILD = """import sys
sys.path[:0] = sys.argv[1:3]
from bench.cases import CASES
operate, _ = CASES[sys.argv[3]]()
for _ in range(int(sys.argv[4])):
    operate()
"""
MARGIN = 0.03
OTHER_TOOLS_MARGIN = 0.25


def tools() -> dict[str, str]:
    """What a count depends on besides the code."""
    compiler = subprocess.run(["gcc", "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
    return {"compiler": compiler, "python": platform.python_version(), "machine": platform.machine()}


def units(case: str) -> int:
    sys.path[:0] = [str(ROOT), str(ROOT / "src")]
    from bench.cases import CASES

    return CASES[case]()[1]


def instructions(case: str, rounds: int) -> int:
    """All instructions of a run."""
    environment = {"PATH": os.environ["PATH"], "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    with tempfile.TemporaryDirectory(prefix="nsblast-count-") as folder:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out"]
        command += [sys.executable, "-S", "-c", CHILD, str(ROOT), str(ROOT / "src"), case, str(rounds)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    match = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or match is None:
        sys.exit(f"count: {case}: {done.stderr[-2000:]}")
    return int(match[1])


def count(case: str) -> float:
    """Instructions of one unit of the case."""
    return round((instructions(case, MANY) - instructions(case, FEW)) / ((MANY - FEW) * units(case)), 1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    sys.path[:0] = [str(ROOT), str(ROOT / "src")]
    from bench.cases import CASES

    chosen = arguments.cases or list(CASES)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        counted = dict(zip(chosen, pool.map(count, chosen), strict=True))
    if arguments.write:
        old = json.loads(BASELINE.read_text())["instructions"] if BASELINE.exists() else {}
        BASELINE.write_text(json.dumps({"tools": tools(), "instructions": old | counted}, indent=2) + "\n")
    baseline = json.loads(BASELINE.read_text())
    margin = MARGIN if baseline["tools"] == tools() else OTHER_TOOLS_MARGIN
    print(f"instructions per operation, margin {margin:.0%}")
    worse = 0
    for case, now in counted.items():
        before = baseline["instructions"].get(case, 0.0)
        change = now / before - 1 if before else 1.0
        verdict = "MORE" if change > margin else "less: write a new baseline" if change < -margin else ""
        worse += change > margin
        print(f"  {case:18} {now:10.1f} {before:10.1f} {change:+7.1%} {verdict}")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
