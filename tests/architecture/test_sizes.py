"""One idea a file: none over 500 lines, each with a head that says what it is for."""

import ast

import pytest

from tests.architecture.tree import CORE, ROOT, python_files

LIMIT = 500
SOURCES = sorted(
    path
    for folder in ("src", "tests", "bench", "ci", "perf_compare")
    for pattern in ("*.py", "*.pyx", "*.pxd", "*.pyi", "*.sh")
    for path in (ROOT / folder).rglob(pattern)
)


def test_sources_are_found() -> None:
    assert len(SOURCES) > 20


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_file_is_short(path) -> None:
    assert len(path.read_text().splitlines()) <= LIMIT


@pytest.mark.parametrize("path", list(python_files()), ids=lambda path: str(path.relative_to(ROOT)))
def test_python_module_says_what_it_is_for(path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), "no module docstring"


@pytest.mark.parametrize("path", sorted(CORE.glob("*.px[dy]")), ids=lambda path: path.name)
def test_core_module_says_what_it_is_for(path) -> None:
    if path.name != "__init__.pxd":
        assert path.read_text().lstrip().startswith(("#", '"""', "# cython")), "no head comment"
