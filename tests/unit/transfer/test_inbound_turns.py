"""transfer/inbound_refresh.Turns: limits in all and by master, order, fairness, cancelled waiters."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from nsblast.store.layout import FIRST_TENANT
from nsblast.transfer import outgoing
from nsblast.transfer.inbound_refresh import Turns


class Runner:
    """Transfers that run until they are told to end."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.began: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def start(self, name: str, address: str, tenant: str = FIRST_TENANT) -> None:
        self.ends[name] = asyncio.Event()
        self.tasks[name] = asyncio.get_running_loop().create_task(self._run(name, address, tenant))
        await asyncio.sleep(0)

    async def _run(self, name: str, address: str, tenant: str) -> None:
        async with self.turns.share(tenant), self.turns.turn(address):
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


def test_one_tenant_does_not_take_all_places() -> None:
    """Masters that send an octet now and then hold a place for hours, and a tenant may name as many as it likes."""

    async def test(runner: Runner) -> None:
        for number in range(6):
            await runner.start(f"a{number}", f"address {number}", "attacker")
        assert len(runner.began) == 3
        await runner.start("v", "elsewhere", "victim")
        assert runner.began[3:] == ["v"]
        runner.tasks["a5"].cancel()
        await asyncio.gather(runner.tasks["a5"], return_exceptions=True)
        for name in ("a0", "a1", "v", "a2", "a3", "a4"):
            await runner.end(name)
        assert runner.began[4:] == ["a3", "a4"]
        for number in range(4):
            await runner.start(f"f{number}", f"address {number}")
        assert runner.began[6:] == ["f0", "f1", "f2", "f3"], "the first tenant has all"
        for number in range(4):
            await runner.end(f"f{number}")
        assert runner.turns.running == {}

    run(4, 4, test)


def test_one_tenants_clients_do_not_take_all_places() -> None:
    """The same of clients that a tenant lets transfer its zones, and that take them as slowly as they may."""

    async def test() -> None:
        turns = outgoing.Turns()
        turns.most, turns.each = 4, 4
        waiting = [asyncio.ensure_future(turns.enter(bytes((number,)), "attacker")) for number in range(6)]
        await asyncio.sleep(0.01)
        assert sum(task.done() for task in waiting) == 3
        assert await asyncio.wait_for(turns.enter(b"v", "victim"), 1)
        await turns.leave(b"\0", "attacker")
        await asyncio.sleep(0.01)
        assert sum(task.done() for task in waiting) == 4
        for task in waiting:
            task.cancel()

    asyncio.run(test())
