"""Any bytes give a zone or one ZoneFileError: the corpus, cut at every place, and some fresh mutations of it."""

import random

import pytest

from tests.fuzz.fuzz_zonefile import CORPUS, mutated, one_input

FILES = sorted(CORPUS.iterdir())


def test_there_is_a_corpus() -> None:
    assert len(FILES) >= 10


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_replay(path) -> None:
    data = path.read_bytes()
    one_input(data)
    for cut in range(0, len(data), max(1, len(data) // 100)):
        one_input(data[:cut])


def test_fresh_mutations() -> None:
    rng = random.Random(20260101)
    seeds = [path.read_bytes() for path in FILES]
    for _ in range(1500):
        one_input(mutated(rng, seeds))
