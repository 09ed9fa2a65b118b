"""Changes of coroutines: told in their own loop, all of one commit at once."""

import asyncio
import threading
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


def test_small_changes_that_come_together_are_one_commit_of_the_loop(committer: Committer) -> None:
    threads: set[str] = set()
    committer.listen(lambda _: threads.add(threading.current_thread().name))

    async def run() -> None:
        committer.start()
        made = await committer.submit_in_loop(change(*start()))
        assert threads == {"commit"}
        threads.clear()
        futures = [committer.submit_in_loop(put(f"n{n}.example.", A1)) for n in range(20)]
        bad = committer.submit_in_loop(change(DeleteName(wire("none.example."))))
        gone = committer.submit_in_loop(put("late.example.", A1))
        gone.cancel()
        assert [(await each).serial for each in futures] == list(range(2, 22))
        with pytest.raises(NotFound):
            await bad
        assert {future.result().number for future in futures} == {made.number + 1}
        await asyncio.sleep(0)  # listeners are told when the answers are out
        assert threads == {threading.current_thread().name}

    asyncio.run(run())


def test_a_larger_change_goes_behind_small_ones(committer: Committer) -> None:
    async def run() -> None:
        committer.start()
        await committer.submit_in_loop(change(*start()))
        small = [committer.submit_in_loop(put(f"n{n}.example.", A1)) for n in range(3)]
        large = committer.submit_in_loop(change(*(op for n in range(9) for op in put(f"m{n}.example.", A1).ops)))
        last = committer.submit_in_loop(put("last.example.", A1))
        assert [(await each).serial for each in (*small, large, last)] == [2, 3, 4, 5, 6]

    asyncio.run(run())


def test_a_loop_leaves_its_changes_to_the_thread_while_that_has_the_turn(committer: Committer) -> None:
    async def run() -> None:
        committer.start()
        await committer.submit_in_loop(change(*start()))
        with committer.lock:
            future = committer.submit_in_loop(put("held.example.", A1))
            await asyncio.sleep(0.05)
            assert not future.done()
        assert (await future).serial == 2

    asyncio.run(run())


def test_what_a_loop_that_ended_has_gathered_is_committed(committer: Committer) -> None:
    committer.start()
    committer.apply(change(*start()))
    loop = asyncio.new_event_loop()

    async def leave() -> None:
        committer.submit_in_loop(put("left.example.", A1))
        loop.stop()

    task = loop.create_task(leave())
    loop.run_forever()
    assert task.done()
    loop.close()

    async def follow() -> int:
        return int((await committer.submit_in_loop(put("next.example.", A1))).serial)

    assert asyncio.run(follow()) == 3


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
