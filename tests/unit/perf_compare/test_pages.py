"""From results to pages: arithmetic of rounds, verdicts, tables, the text put into a page, plans and their words."""

import json
from pathlib import Path
from typing import Any

import pytest

from perf_compare import charts, publish, report, results, targets
from perf_compare.load import parse_dnsperf
from perf_compare.measures import MEASURES
from perf_compare.pieces import FULL, QUICK, Piece, parse
from perf_compare.statistics import middle, percentile, ratios, spread


def result(name: str = "hot", size: int = 10_000, load: str = "udp", ours: float = 300.0) -> dict[str, Any]:
    rounds = [
        {
            server: {"rate": rate * mood, "cpu_us": 1000 / rate, "loss": 0.0, "client": 0.5}
            for server, rate in (("echo", 400.0), ("nsblast", ours), ("knot", 200.0))
        }
        for mood in (1.0, 0.5, 2.0)
    ]
    once = {"latency_us": {"p50": 1, "p99": 2, "p999": 3}, "memory": {"rss": 1, "pss": 1}, "start_seconds": 0.1}
    return {
        "name": name,
        "size": size,
        "load": load,
        "rounds": rounds,
        "servers": dict.fromkeys(("echo", "nsblast", "knot"), once),
        "options": {"rounds": 3, "seconds": 1.0},
        "date": "2026-01-01 00:00 UTC",
        "machine": {"cpu": "a", "cpus": 2, "kernel": "6", "python": "3"},
        "versions": {"knot": "3.2"},
    }


def test_ratios_are_of_one_round() -> None:
    assert ratios(result()["rounds"], "rate", "nsblast", "knot") == [1.5, 1.5, 1.5]


def test_percentile_is_one_of_the_values() -> None:
    assert percentile([float(n) for n in range(1, 101)], 0.99) == 99
    assert percentile([5.0], 0.5) == 5.0
    assert percentile([], 0.5) == 0.0


def test_spread_tells_least_and_greatest() -> None:
    assert spread([3.0, 1.0, 2.0], "{:.0f}") == "2 (1–3)"
    assert middle([]) == 0.0


@pytest.mark.parametrize(("ours", "reached"), [(300.0, True), (260.0, False)])
def test_a_target_is_reached_or_not_by_its_median(ours: float, reached: bool) -> None:
    found = [one for one in targets.verdicts([result(ours=ours)]) if one.target.what == "rate ÷ Knot" and one.result]
    assert [one.reached for one in found] == [reached]


def test_what_was_not_measured_is_said_to_be_so() -> None:
    table = targets.table([result()])
    assert "| rate ÷ NSD ≥ 1.5 | – | not measured |" in table
    assert table.count("\n") >= len(targets.TARGETS)


def test_a_load_is_part_of_what_a_target_speaks_of() -> None:
    of_tcp = next(one for one in targets.TARGETS if one.pieces == ("hot/tcp",))
    assert targets.fits(of_tcp, result(load="tcp"))
    assert not targets.fits(of_tcp, result())


def test_every_target_speaks_of_planned_pieces() -> None:
    for plan in (QUICK, FULL):
        planned = {(piece.name, piece.load) for piece in plan}
        for target in targets.TARGETS:
            for wanted in target.pieces:
                name, _, load = wanted.partition("/")
                assert (name, load or "udp") in planned


def test_every_planned_piece_can_be_measured() -> None:
    for piece in [*QUICK, *FULL]:
        assert piece.name in MEASURES
        assert parse(str(piece)) == Piece(piece.name, piece.size, piece.load)


@pytest.mark.parametrize("text", ["hot", "hot:", "hot:0", "hot:x", "hot:10/udp2"])
def test_what_is_no_piece_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=text):
        parse(text)


def test_the_page_says_every_figure_there_is() -> None:
    page = report.page([result()], "TARGETS", ["rates.svg"])
    assert "TARGETS" in page
    assert "| nsblast | 300 (150–600) | 1.50 (1.50–1.50) |" in page


def test_tables_of_a_page_are_made_anew() -> None:
    page = "a\n<!-- perf: rates -->\nold\n<!-- perf end -->\nb\n"
    made = publish.filled(page, {"rates": "new"})
    assert made == "a\n<!-- perf: rates -->\nnew\n<!-- perf end -->\nb\n"
    assert publish.filled(made, {"rates": "new"}) == made
    with pytest.raises(ValueError, match="no table is called"):
        publish.filled("<!-- perf: other -->\n<!-- perf end -->", {"rates": ""})


def test_the_projects_pages_have_their_tables() -> None:
    content = dict.fromkeys(publish.parts([result()], Path("x")), "TABLE")
    for name in publish.PAGES:
        assert publish.filled((results.ROOT / name).read_text(), content).count("TABLE") == len(content)


def test_results_come_back_in_the_order_of_the_plan(tmp_path: Path) -> None:
    for text in ("uniform:5", "hot:5", "other:5"):
        piece = parse(text)
        results.save(tmp_path, piece, {"rounds": [], "servers": {}}, {})
    assert [one["piece"] for one in results.load(tmp_path, [parse("hot:5"), parse("uniform:5")])] == [
        "hot:5",
        "uniform:5",
        "other:5",
    ]
    assert json.loads((tmp_path / "pieces/hot-5.json").read_text())["machine"]["cpus"] >= 1


def test_dnsperf_is_understood() -> None:
    said = parse_dnsperf(
        "  Queries sent:         100\n  Queries completed:    90 (90.00%)\n  Queries lost:         10 (10.00%)\n\n"
        "  Response codes:       NOERROR 80 (88.89%), NXDOMAIN 10 (11.11%)\n  Queries per second:   45.5\n"
        "  Average Latency (s):  0.001 (min 0.0, max 0.1)\n"
    )
    assert said["answered"] == 90
    assert said["rcodes"] == {"NOERROR": 80, "NXDOMAIN": 10}
    with pytest.raises(ValueError, match="Queries sent"):
        parse_dnsperf("")


def test_charts_are_drawn_of_what_was_measured(tmp_path: Path) -> None:
    assert charts.draw([result()], tmp_path) == ["rates.svg", "cpu.svg"]
    assert (tmp_path / "rates.svg").stat().st_size > 1000
