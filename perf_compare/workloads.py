"""Workloads: a set of zones with questions about them, by name and size. Nothing here knows a server."""

import itertools
import random
from dataclasses import dataclass
from pathlib import Path

from perf_compare import questions, zones
from perf_compare.questions import Question

SAMPLE = 300


@dataclass(frozen=True)
class Workload:
    """Zones to load and questions to ask about them."""

    name: str
    key: str
    """Names the zones: workloads of one key share them."""
    zones: list[tuple[str, Path]]
    questions: Path
    sample: list[Question]
    """Some of the questions, asked of every server before any clock starts."""
    size: int
    """Hosts, cuts, wildcards or zones."""


# workload: (zones, mix of questions)
KINDS: dict[str, tuple[str, str]] = {
    "hot": ("one", "hot"),
    "uniform": ("one", "uniform"),
    "cold": ("one", "uniform"),
    "zipf": ("one", "zipf"),
    "nxdomain": ("one", "nxdomain"),
    "nxdomain-zones": ("hosting", "nxdomain-zones"),
    "referral": ("tld", "referral"),
    "hosting": ("hosting", "hosting"),
    "wildcard": ("wild", "wildcard"),
    "large": ("large", "large"),
    "signed": ("signed", "signed"),
    "signed-nxdomain": ("signed", "signed-nxdomain"),
}
WORKLOADS = tuple(KINDS)


def count_of(size: int, least: int = 500_000) -> int:
    """Questions in a file: enough that a cache of a tenth of the names cannot hold what one run asks."""
    return min(4_000_000, max(least, 2 * size))


def workload(name: str, folder: Path, size: int, count: int | None = None) -> Workload:
    """One of WORKLOADS in this size, made where it is not there yet. ValueError for a name that is none."""
    if name not in KINDS:
        raise ValueError(f"workload {name!r}: one of {', '.join(WORKLOADS)}")
    if size < 1:
        raise ValueError(f"workload {name}:{size}: the size must be at least 1")
    zone_kind, mix_name = KINDS[name]
    folder.mkdir(parents=True, exist_ok=True)
    made = zones.MAKERS[zone_kind](folder, size)
    count = count or count_of(size)
    path = folder / f"{mix_name}-{size}-{count}.queries"
    mix = questions.MIXES[mix_name]
    if not path.exists():
        questions.write(path, mix(random.Random(zones.SEED), count, size))
    sample = list(itertools.islice(mix(random.Random(zones.SEED), count, size), SAMPLE))
    return Workload(name, f"{zone_kind}-{size}", made, path, sample, size)
