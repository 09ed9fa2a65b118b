"""Logs: no form of them shows the variables of a traceback."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from nsblast.logs import log, setup
from nsblast.settings import Settings


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    setup(Settings(), "test")
    structlog.reset_defaults()


@pytest.mark.parametrize("form", ["json", "console"])
def test_tracebacks_show_no_variables(tmp_path: Path, form: str) -> None:
    """Whatever is installed beside: rich would be used for drawing them, with what every variable holds."""
    file = tmp_path / "log"
    setup(Settings(log_file=file, log_format=form, log_level="debug"), "test")
    authorization = "Basic " + "sekrit"

    def fail(header: str) -> None:
        raise ValueError("told on purpose")

    try:
        fail(authorization)
    except ValueError:
        log().error("request failed", exc_info=True)
    text = file.read_text()
    assert "told on purpose" in text
    assert "Traceback" in text
    assert "sekrit" not in text
