"""transfer/inbound_refresh.Turns: limits in all and by master, order, fairness, cancelled waiters."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from nsblast.transfer.inbound_refresh import Turns


class Runner:
    """Transfers that run until they are told to end."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.began: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def start(self, name: str, address: str) -> None:
        self.ends[name] = asyncio.Event()
        self.tasks[name] = asyncio.get_running_loop().create_task(self._run(name, address))
        await asyncio.sleep(0)

    async def _run(self, name: str, address: str) -> None:
        async with self.turns.turn(address):
            self.began.append(name)
            await self.ends[name].wait()

    async def end(self, name: str) -> None:
        self.ends[name].set()
        await self.tasks[name]
        for _ in range(3):
            await asyncio.sleep(0)


def run(most: int, each: int, test: Callable[[Runner], Awaitable[None]]) -> None:
    async def whole() -> None:
        await test(Runner(Turns(most, each)))

    asyncio.run(whole())


def test_limits_and_order() -> None:
    async def test(runner: Runner) -> None:
        for name in ("a1", "a2", "a3", "b1", "b2"):
            await runner.start(name, name[0])
        assert runner.began == ["a1", "a2", "b1"]
        assert runner.turns.running == {"a": 2, "b": 1}
        await runner.end("b1")
        assert runner.began[3:] == ["b2"], "a has all it may have"
        await runner.end("a1")
        assert runner.began[4:] == ["a3"]
        for name in ("a2", "a3", "b2"):
            await runner.end(name)
        assert runner.turns.running == {}

    run(3, 2, test)


def test_masters_take_turns() -> None:
    async def test(runner: Runner) -> None:
        for name in ("a1", "a2", "a3", "a4", "b1", "c1"):
            await runner.start(name, name[0])
        for _ in range(5):
            await runner.end(runner.began[-1])
        assert runner.began == ["a1", "a2", "b1", "c1", "a3", "a4"]

    run(1, 1, test)


@pytest.mark.parametrize("given", [False, True])
def test_who_is_cancelled_holds_no_place(given: bool) -> None:
    async def test(runner: Runner) -> None:
        for name in ("a1", "a2", "a3"):
            await runner.start(name, "a")
        runner.ends["a1"].set()
        if given:
            await asyncio.sleep(0)  # a1 ended and gave its place to a2, which has not run since
            assert runner.turns.running == {"a": 1}
        runner.tasks["a2"].cancel()
        await asyncio.gather(*(runner.tasks[name] for name in ("a1", "a2")), return_exceptions=True)
        for _ in range(3):
            await asyncio.sleep(0)
        assert runner.began == ["a1", "a3"]
        await runner.end("a3")
        assert runner.turns.running == {}
        await runner.start("a4", "a")
        assert runner.began[-1] == "a4"
        await runner.end("a4")

    run(1, 1, test)
