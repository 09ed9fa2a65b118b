"""Wall time of every case, for people: pytest bench/bench_core.py. Gates nothing; bench/count.py does."""

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.cases import CASES


@pytest.mark.parametrize("name", CASES)
def test_case(name: str, benchmark: BenchmarkFixture) -> None:
    operate, units = CASES[name]()
    benchmark.extra_info["units"] = units
    benchmark(operate)
