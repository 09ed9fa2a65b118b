"""Whose turn it is to commit: a loop commits its small changes only when nothing they could pass waits, and the disk is quick."""

import asyncio
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nsblast.backend.local import LocalBackend
from nsblast.backend.store import open_for_command
from nsblast.errors import NotFound
from nsblast.records import name_from_text
from nsblast.settings import Settings
from nsblast.store import turn
from nsblast.store.jobs import Job
from nsblast.store.turn import LONE, Turn
from nsblast.zones.model import ChangeSet, EditName, RRset
from tests.unit.zones.editing import start

APEX = name_from_text("lone.test")


def job() -> Job:
    return Job(None, Future())


def lone(turns: Turn, times: int = LONE) -> None:
    """So many groups of one change by the thread."""
    for _ in range(times):
        turns.put(job())
        with turns.of_thread(1.0) as waiting:
            assert next(waiting) is not None


@dataclass
class Clock:
    now: float = 100.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(turn.time, "monotonic", lambda: made.now)
    return made


def test_a_first_change_is_left_to_the_thread() -> None:
    assert not Turn().take()


def test_after_lone_changes_the_next_is_taken() -> None:
    turns = Turn()
    lone(turns)
    assert turns.take()
    assert not turns.take()  # there is one turn
    turns.end(0.0)
    assert turns.take()


def test_what_waits_is_not_passed() -> None:
    turns = Turn()
    lone(turns)
    turns.put(job())
    assert not turns.take()
    with turns.of_thread(1.0) as waiting:
        assert not turns.take()  # in hand, and not committed yet
        assert len(list(waiting)) == 1
        assert not turns.take()
    assert turns.take()


def test_changes_that_came_together_end_it() -> None:
    turns = Turn()
    lone(turns)
    turns.put(job())
    turns.put(job())
    with turns.of_thread(1.0) as waiting:
        assert len(list(waiting)) == 2
    assert not turns.take()
    lone(turns)
    assert turns.take()


def test_a_slow_disk_has_the_next_go_to_the_thread(clock: Clock) -> None:
    turns = Turn()
    lone(turns)
    assert turns.take()
    turns.end(turn.SLOW * turn.LATELY / 2)  # once in a while is nothing
    assert turns.take()
    turns.end(turn.SLOW * turn.LATELY * 50)
    clock.now += turn.SLOW * (turn.REST - 1)
    assert not turns.take()
    assert not turns.gather(job())
    with turns.of_thread(1.0) as waiting:
        assert len(list(waiting)) == 1
    clock.now += turn.SLOW * turn.REST
    assert turns.take()
    turns.end(0.0)
    assert turns.gather(job())


def test_one_commit_that_waits_for_a_worker_that_hangs_is_enough(clock: Clock) -> None:
    turns = Turn()
    lone(turns)
    assert turns.take()
    turns.end(5.0)
    clock.now += 5.0 * turn.REST - 1
    assert not turns.take()
    assert not turns.gather(job())
    clock.now += 2
    with turns.of_thread(1.0) as waiting:
        assert len(list(waiting)) == 1
    assert turns.gather(job())


def test_the_thread_waits_for_a_lone_commit() -> None:
    turns = Turn()
    lone(turns)
    assert turns.take()
    had: list[int] = []

    def thread() -> None:
        with turns.of_thread(5.0) as waiting:
            had.append(len(list(waiting)))

    other = threading.Thread(target=thread)
    other.start()
    turns.put(job())
    other.join(0.1)
    assert not had
    turns.end(0.0)
    other.join(5)
    assert had == [1]


def test_a_loop_gathers_and_takes_all_at_once() -> None:
    turns = Turn()
    jobs = [job() for _ in range(turn.TOGETHER)]
    assert [turns.gather(each) for each in jobs] == [True, *[False] * (turn.TOGETHER - 1)]
    assert not turns.take()  # it would pass them
    assert turns.take_gathered() == jobs
    assert turns.gather(job())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(turn, "PATIENCE", 0.01)
        assert turns.take_gathered() == []  # there is one turn
    turns.end(0.0)
    with turns.of_thread(1.0) as waiting:
        assert len(list(waiting)) == 1  # it was left to the thread


def test_what_is_gathered_is_passed_by_nothing() -> None:
    turns = Turn()
    first, second, third = job(), job(), job()
    assert turns.gather(first)
    turns.put(second)
    assert not turns.gather(third)  # something waits for the thread: this goes behind it
    assert turns.take_gathered() == []
    with turns.of_thread(1.0) as waiting:
        assert list(waiting) == [first, second, third]
    assert turns.gather(job())


def test_very_many_are_left_to_the_thread() -> None:
    turns = Turn()
    for _ in range(turn.TOGETHER + 1):
        turns.gather(job())
    assert turns.take_gathered() == []
    with turns.of_thread(1.0) as waiting:
        assert len(list(waiting)) == turn.TOGETHER + 1


def edit(number: int) -> EditName:
    data = [RRset(1, 300, (number.to_bytes(4, "big"),))]
    return EditName(b"\x01a" + APEX, lambda _: data)


def test_changes_of_both_ways_are_applied_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lone ones, some together, refused ones: each raises the serial by one, in the order they were submitted."""
    monkeypatch.setattr(turn, "SLOW", 60.0)
    backend = open_for_command(Settings(db_path=tmp_path), create=True)
    try:
        backend.apply(ChangeSet(APEX, start(apex=APEX)))
        here = asyncio.run(_submit(backend))
        assert here > 100
        entry = backend.entry(b"\x01a" + APEX)
        assert entry is not None and (299).to_bytes(4, "big") in entry.blob
    finally:
        backend.close()


async def _submit(backend: LocalBackend) -> int:
    """How many were committed at once."""
    serial, here = None, 0
    for n in range(300):
        if n % 50 == 0:
            many = [backend.submit_in_loop(ChangeSet(APEX, (edit(1000 + n + i),)), alone=True) for i in range(3)]
            results: list[Any] = await asyncio.gather(*many)
            serials = [one.serial for one in results]
            assert serials == list(range(serials[0], serials[0] + 3))
            serial = serials[-1]
        if n % 50 == 25:
            with pytest.raises(NotFound):
                await backend.submit_in_loop(ChangeSet(name_from_text("none.test"), (edit(n),)), alone=True)
        future = backend.submit_in_loop(ChangeSet(APEX, (edit(n),)), alone=True)
        here += future.done()
        result = await future
        assert serial is None or result.serial == serial + 1
        serial = result.serial
    return here
