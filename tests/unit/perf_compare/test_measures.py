"""Every measurement once against nsblast alone, with small zones: it ends, and gives the figures that the targets ask for."""

import shutil

import pytest

from perf_compare.measures import MEASURES
from perf_compare.pieces import parse
from perf_compare.stage import Stage

pytestmark = [
    pytest.mark.skipif(shutil.which("cc") is None, reason="the load clients want a C compiler"),
    pytest.mark.skipif(shutil.which("taskset") is None, reason="no taskset"),
]


def test_rates(stage: Stage) -> None:
    """One server for all of them: the zones are the same."""
    for text in ("nxdomain:500", "hot:500/tcp", "hot:500/tcp-each", "cold:500"):
        piece = parse(text)
        found = MEASURES[piece.name](stage, piece)
        ours = found["rounds"][0]["nsblast"]
        assert ours["rate"] > 100
        assert found["servers"]["nsblast"]["latency_us"]["p99"] > 0
        assert list(ours["rcodes"]) == ["3" if piece.name == "nxdomain" else "0"]
        if piece.load == "udp":
            assert ours["hot_rate"] > 100


def test_a_signed_negative_answer(stage: Stage) -> None:
    found = MEASURES["signed-nxdomain"](stage, parse("signed-nxdomain:100"))
    assert list(found["rounds"][0]["nsblast"]["rcodes"]) == ["3"]


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("flood:500", {"p99_flood_to_hot"}),
        ("start-zones:20", {"first_seconds", "all_seconds"}),
        ("import:500", {"records_per_second", "served_seconds"}),
        ("memory:500", {"rss_mib", "own_mib", "cached_names"}),
        ("transfer:500", {"records_per_second", "answers_p99_us_during"}),
        ("updates:500", {"updates_per_second", "large_to_small"}),
        ("changes:500", {"changes_per_second", "visible_p99_ms", "answers_p99_during_to_idle"}),
    ],
)
def test_other_measures(stage: Stage, text: str, fields: set[str]) -> None:
    piece = parse(text)
    found = MEASURES[piece.name](stage, piece)
    ours = found["rounds"][0]["nsblast"]
    assert fields <= set(ours)
    assert all(ours[field] > 0 for field in fields)
    if piece.name == "changes":
        assert ours["stale_answers"] == 0
    if piece.name == "flood":
        assert found["servers"]["nsblast small cache"]["store_reads_per_answer"] < 1


def test_one_change_in_a_large_zone_and_in_a_small_one(stage: Stage) -> None:
    found = MEASURES["change-one"](stage, parse("change-one:1500"))
    assert found["rounds"][0]["nsblast"]["large_to_small"] > 0


def test_one_worker_and_two(stage: Stage) -> None:
    found = MEASURES["workers"](stage, parse("workers:500"))
    assert set(found["rounds"][0]) == {"nsblast 1 worker", "nsblast 2 workers"}
