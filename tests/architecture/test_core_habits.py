"""Habits of the compiled core that a compiler does not enforce (CONTRIBUTING.md, "The core")."""

import re

import pytest

from tests.architecture.tree import CORE

FILES = sorted(CORE.glob("*.px[dy]"))
# Functions at module level; methods of builders that Python reaches may raise.
CDEF = re.compile(r"^cdef (?:inline )?[\w\[\]\* ]+?\b(?P<name>\w+)\((?P<tail>.*)$")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_exception_clause_that_takes_the_lock(path) -> None:
    for number, line in enumerate(path.read_text().splitlines(), 1):
        code = line.split("#")[0]
        assert not re.search(r"\bexcept \*", code), f"{path.name}:{number}: 'except *' takes the GIL after every call"
        assert not re.search(r"\bwith gil\b", code), f"{path.name}:{number}: the core never takes the GIL from below"


@pytest.mark.parametrize(
    "name", ["decode", "lookup", "answer", "encode", "respond", "nodes", "edns", "suffix", "name", "rrset"]
)
def test_packet_path_functions_need_no_lock(name: str) -> None:
    face = CORE / f"{name}.pxd"
    text = re.sub(r",\s*\n\s+", ", ", face.read_text()) if face.exists() else ""
    for line in text.splitlines():
        if match := CDEF.match(line.split("#")[0].rstrip()):
            assert "noexcept" in match["tail"], f"{face.name}: {match['name']} may raise"
            assert "nogil" in match["tail"], f"{face.name}: {match['name']} wants the GIL"


@pytest.mark.parametrize("name", ["decode", "lookup", "answer", "encode", "respond", "nodes", "edns"])
def test_packet_memory_is_read_through_cursors_only(name: str) -> None:
    path = CORE / f"{name}.pyx"
    lines = path.read_text().splitlines() if path.exists() else []
    for number, line in enumerate(lines, 1):
        assert not re.search(r"\b(?:packet|blob|rdata)\[", line.split("#")[0]), (
            f"{path.name}:{number}: read packets, entries and rdata through wire.pxd: {line.strip()}"
        )


# Nouns that walk memory themselves, each bounded on its own: names, compression, entries, the shared segment.
AT_HOME_IN_MEMORY = {"wire", "name", "suffix", "rrset"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_only_cursors_know_where_their_octets_lie(path) -> None:
    if path.stem in AT_HOME_IN_MEMORY:
        return
    for number, line in enumerate(path.read_text().splitlines(), 1):
        assert not re.search(r"\b(?:r|w|rdata|rrs|reader|writer)\.base\b", line.split("#")[0]), (
            f"{path.name}:{number}: a Reader's or Writer's memory is reached through wire.pxd: {line.strip()}"
        )
