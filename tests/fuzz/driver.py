"""Runs one fuzz target: python -m tests.fuzz.driver TARGET [--seconds S] [--count N] [--seed N] [--keep DIR] [--atheris].

Plain: inputs made and damaged at random, those that give a new kind of answer are damaged further; needs nothing but the build,
and finds most under the sanitizer build. With --atheris: guided by the coverage of modules built with NSBLAST_BUILD=fuzz.
The same seed and count give the same inputs. A finding is written to --keep, named, and ends the run.
"""

import argparse
import hashlib
import importlib
import os
import random
import sys
import time
from pathlib import Path
from typing import Any, Protocol

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
POOL = 4000  # inputs remembered
FRESH = 0.4  # share of inputs made anew rather than damaged


class Target(Protocol):
    """What a fuzz_*.py has."""

    def one(self, data: bytes) -> tuple[int, ...]:
        """AssertionError when the sentence does not hold; else what kind of outcome it was."""

    def generate(self, rng: random.Random) -> bytes: ...

    def mutate(self, rng: random.Random, data: bytes) -> bytes: ...


def targets() -> list[str]:
    return sorted(path.stem.removeprefix("fuzz_") for path in HERE.glob("fuzz_*.py"))


def load(name: str) -> Target:
    made: Target = importlib.import_module(f"tests.fuzz.fuzz_{name}").Target()
    return made


def corpus(name: str) -> list[Path]:
    return sorted((CORPUS / name).glob("*")) if (CORPUS / name).is_dir() else []


def keep(folder: Path, data: bytes, prefix: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{prefix}{hashlib.sha256(data).hexdigest()[:12]}"
    path.write_bytes(data)
    return path


def run(
    name: str, target: Target, *, seconds: float, count: int, seed: int, found: Path, grow: int = 0
) -> tuple[int, int, float]:
    """(inputs, kinds of outcome, seconds); a finding is kept and raised. `grow`: so many small new kinds join the corpus."""
    rng = random.Random(seed)
    pool = [path.read_bytes() for path in corpus(name)]
    kinds: set[tuple[int, ...]] = set()
    known = list(pool)
    if grow:
        kinds.update(target.one(data) for data in known)
    started = time.monotonic()
    done = 0
    while done < count and (done % 64 or time.monotonic() - started < seconds):
        if done < len(known):
            data = known[done]
        elif not pool or rng.random() < FRESH:
            data = target.generate(rng)
        else:
            data = target.mutate(rng, rng.choice(pool))
        done += 1
        try:
            kind = target.one(data)
        except BaseException as error:
            path = keep(found, data, f"{name}-")
            error.add_note(f"input {done} of seed {seed}, kept as {path}")
            raise
        if kind not in kinds:
            kinds.add(kind)
            if len(pool) < POOL:
                pool.append(data)
            else:
                pool[rng.randrange(POOL)] = data
            if grow and len(data) <= 400 and len(corpus(name)) < grow:
                keep(CORPUS / name, data, "")
    return done, len(kinds), time.monotonic() - started


def guided(name: str, target: Target, seconds: float, found: Path, seed: int) -> None:
    """libFuzzer's loop, by atheris; never returns."""
    import atheris

    def mutator(data: bytes, max_size: int, number: int) -> bytes:
        rng = random.Random(number)
        choice = rng.random()
        if choice < 0.5:
            return bytes(atheris.Mutate(data, len(data) + 1))[:max_size]
        return (target.generate(rng) if choice < 0.6 else target.mutate(rng, data))[:max_size]

    def one(data: bytes) -> None:
        target.one(data)

    work = Path(os.environ.get("FUZZ_WORK", "build/fuzz/corpus")) / name
    work.mkdir(parents=True, exist_ok=True)
    found.mkdir(parents=True, exist_ok=True)
    rng = random.Random(seed)
    for _ in range(200):
        keep(work, target.generate(rng), "")
    (CORPUS / name).mkdir(parents=True, exist_ok=True)
    argv: list[Any] = [sys.argv[0], str(work), str(CORPUS / name), f"-max_total_time={int(seconds)}", "-max_len=70000"]
    argv += [
        f"-artifact_prefix={found}/{name}-",
        "-timeout=20",
        "-rss_limit_mb=4096",
        "-print_final_stats=1",
        f"-seed={seed}",
    ]
    atheris.Setup(argv, one, custom_mutator=mutator)
    atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=targets())
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--count", type=int, default=1 << 60)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--keep", type=Path, default=Path("build/fuzz/findings"))
    parser.add_argument(
        "--grow", type=int, default=0, metavar="N", help="add new kinds of input to the corpus, up to N files"
    )
    parser.add_argument("--atheris", action="store_true")
    args = parser.parse_args()
    target = load(args.target)
    if args.atheris:
        guided(args.target, target, args.seconds, args.keep, args.seed)
    done, kinds, took = run(
        args.target, target, seconds=args.seconds, count=args.count, seed=args.seed, found=args.keep, grow=args.grow
    )
    print(f"{args.target}: {done} inputs, {kinds} kinds of outcome, {took:.0f} s, seed {args.seed}, no findings")
    return 0


if __name__ == "__main__":
    sys.exit(main())
