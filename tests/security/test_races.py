"""Racing appends and racing If-Matches over HTTP: 10 000 requests; RACE_ROUNDS=10000 for that many rounds of each."""

import os
from pathlib import Path

import pytest

from tests.helpers.api import api
from tests.security.races import run

ROUNDS = int(os.environ.get("RACE_ROUNDS", "1250"))


@pytest.mark.timeout(900)
def test_nothing_is_lost_and_one_wins(tmp_path: Path) -> None:
    with api(tmp_path, workers=1) as server:
        run(server, ROUNDS, 4)
