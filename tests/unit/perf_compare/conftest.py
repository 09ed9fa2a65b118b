"""A stage in a temporary folder, with rounds as short as can be."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from perf_compare.stage import Options, Stage


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """One round of a tenth of a second, nsblast alone."""
    how = Options(rounds=1, seconds=0.1, warm=0.1, cache="16MiB", questions=2000, servers=("echo", "nsblast"))
    one = Stage(tmp_path, how)
    yield one
    one.close()
