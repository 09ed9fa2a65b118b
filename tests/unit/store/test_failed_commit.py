"""A commit that fails anywhere shows nothing, now or later; one that is stored is remembered, whatever fails after it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nsblast._core.segment import Segment
from tests.unit.store.test_writer import Server
from tests.unit.zones.editing import A1, A3, APEX, put, start, wire


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "db")
    server.do(*start())
    yield server
    server.close()


class NoMemory:
    """A segment in which a name finds no memory to be staged in."""

    def __init__(self, segment: Segment, name: bytes) -> None:
        self._segment = segment
        self._name = name

    def __getattr__(self, what: str) -> Any:
        return getattr(self._segment, what)

    def stage(self, name: bytes, blob: bytes) -> bool:
        if name == self._name:
            raise MemoryError("no memory for a change-set")
        return bool(self._segment.stage(name, blob))


def test_what_could_not_be_staged_is_not_shown_by_the_next_commit(server: Server) -> None:
    assert server.committer.visible is not None
    server.committer.visible.segment = NoMemory(server.segment, wire("b.example."))  # type: ignore[assignment]
    with pytest.raises(MemoryError):
        server.do(*put("a.example.", A1).ops, *put("b.example.", A1).ops)
    assert server.do(*put("c.example.", A3).ops).serial == 2
    assert (server.shown("a.example."), server.shown("c.example.")) == (None, A3)


def test_a_listener_to_figures_that_fails_hinders_nobody(server: Server) -> None:
    told: list[int] = []

    def fail(*_: Any) -> None:
        raise RuntimeError("no room for figures")

    server.committer.observe(fail)
    server.committer.observe(lambda changes, *_: told.append(changes))
    server.committer.listen(lambda event: told.append(-event.number))
    number = server.committer.apply(put("a.example.", A1)).number
    assert server.do(*put("b.example.", A1).ops).serial == 3
    server.committer.close()  # what was told last is told
    assert told == [1, -number, 1, -number - 1]
    assert [record.serial_to for _, record in server.reader.journal(APEX)] == [1, 2, 3]
