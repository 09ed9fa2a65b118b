"""Every input of the corpus, and some new ones, through its target: the sentence of each fuzz_*.py holds. Long runs: ci/fuzz.sh."""

from pathlib import Path

import pytest

from tests.fuzz.driver import CORPUS, corpus, load, run, targets

FRESH = 300  # inputs made and damaged at random, the same in every run


@pytest.mark.parametrize("name", targets())
def test_target(name: str, tmp_path: Path) -> None:
    target = load(name)
    try:
        done, kinds, _ = run(name, target, seconds=60, count=len(corpus(name)) + FRESH, seed=1, found=tmp_path)
    finally:
        getattr(target, "close", lambda: None)()  # some have a folder
    assert done > FRESH
    assert kinds > 1


def test_every_folder_of_the_corpus_has_its_target() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(targets())
    assert sum(path.stat().st_size for path in CORPUS.rglob("*")) < 1 << 20
