"""The admin API at a small size, by the measuring command of `perf_compare.api`, with wide margins: that nothing grows with what is stored.

SCALE_ZONES, SCALE_TENANTS and SCALE_NAMES set other sizes; the targets themselves are measured by that command, not here.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from perf_compare import api
from perf_compare.api_data import database

ZONES = int(os.environ.get("SCALE_ZONES", "3000"))
TENANTS = int(os.environ.get("SCALE_TENANTS", "50"))
NAMES = int(os.environ.get("SCALE_NAMES", "20000"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler for the client"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """HTTP port, and the id of the control process."""
    made = database(tmp_path_factory.mktemp("api"), ZONES, TENANTS, NAMES)
    with api.served(made, 1) as place:
        yield place


def test_any_page_costs_what_the_first_costs_and_memory_stays(server: tuple[int, int]) -> None:
    port, pid = server
    found = api.pages(port, pid, ZONES, TENANTS, NAMES, 20)
    print(found)
    for kind in ("zones", "names"):
        first, other = found[f"{kind}_first"]["p50_ms"], found[f"{kind}_any"]["p50_ms"]
        assert other < 3 * first + 30, kind
        assert other < 200, kind
    memory = found["walk"]["mib"]
    assert memory[-1] < memory[0] + 32


def test_a_record_is_added_to_a_large_zone_at_the_price_of_a_record(server: tuple[int, int]) -> None:
    found = api.additions(server[0], 100)
    print(found)
    assert found["p50_ms"] < 50


def test_all_of_many_clients_writes_to_one_zone_succeed(server: tuple[int, int], tmp_path: Path) -> None:
    found = api.writes(tmp_path, *server, None, 1.0, 1)
    print(found)
    for told in (one for rounds in found.values() for one in rounds):
        assert told["refused"] == 0
        assert told["answers"] > 50
        assert told["changed"] == told["answers"], "each writes what was not there"
    # Many clients share commits: they are served faster than one is.
    assert found["nsblast PATCH 32"][0]["rate"] > found["nsblast PATCH 1"][0]["rate"]
