"""Changes of coroutines: told in their own loop, all of one commit at once."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nsblast.errors import NotFound, StoreError
from nsblast.store.engine import Database
from nsblast.store.writer import Committer
from nsblast.zones.model import ChangeSet, DeleteName
from nsblast.zones.replace import ZoneRules
from tests.unit.zones.editing import A1, APEX, put, start, wire


@pytest.fixture
def committer(tmp_path: Path) -> Iterator[Committer]:
    database = Database.primary(tmp_path / "db")
    committer = Committer(database, ZoneRules())
    yield committer
    committer.close()
    database.close()


def change(*ops: Any) -> ChangeSet:
    return ChangeSet(APEX, ops)


def test_one_wake_up_for_what_one_commit_ends(committer: Committer, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        woken = 0
        wake = loop.call_soon_threadsafe

        def counted(*args: Any) -> Any:
            nonlocal woken
            woken += 1
            return wake(*args)

        monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
        first = committer.submit_in_loop(change(*start()))
        futures = [committer.submit_in_loop(put(f"n{n}.example.", A1)) for n in range(20)]
        bad = committer.submit_in_loop(change(DeleteName(wire("none.example."))))
        gone = committer.submit_in_loop(put("late.example.", A1))
        gone.cancel()
        committer.start()
        assert (await first).serial == 1
        assert [(await each).serial for each in futures] == list(range(2, 22))
        with pytest.raises(NotFound):
            await bad
        assert woken == 1
        assert {future.result().number for future in futures} == {1}

    asyncio.run(run())


def test_refused_when_closed(committer: Committer) -> None:
    async def run() -> None:
        committer.start()
        await asyncio.get_running_loop().run_in_executor(None, committer.close)
        with pytest.raises(StoreError, match="being closed"):
            await committer.submit_in_loop(change(*start()))

    asyncio.run(run())


def test_a_loop_that_ended_hinders_nobody(committer: Committer) -> None:
    async def leave() -> None:
        committer.submit_in_loop(change(*start()))

    asyncio.run(leave())
    committer.start()
    assert committer.apply(put("x.example.", A1)).serial == 2
