"""A sample of the comparison with BIND, NSD, Knot and PowerDNS; all of it: python -m tests.interop.run --full."""

from __future__ import annotations

import pytest

from tests.interop.compare import read_rules
from tests.interop.session import SETS, missing_programs, run

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.timeout(420),
    pytest.mark.skipif(bool(missing_programs()), reason="peers are not installed: ci/install-packages.sh"),
]


@pytest.mark.parametrize("which", list(SETS))
def test_no_difference_is_unexplained(which: str) -> None:
    outcome = run(which, size=8000 if which == "main" else 3000)
    assert outcome.good, outcome.complaint()
    assert outcome.report.questions > 3000


def test_every_rule_is_complete() -> None:
    for rule in read_rules():
        assert rule.rfc.startswith("RFC ")
        assert rule.why.endswith(".")
