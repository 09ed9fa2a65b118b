"""transfer/inbound_turns.py: whose transfer is next, and that nobody can keep all turns."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from nsblast.transfer import outgoing
from nsblast.transfer.inbound_turns import Turns


class Runner:
    """Transfers that run until they are told to end."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.began: list[str] = []
        self._ends: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def begin(self, name: str, tenant: str, address: str) -> None:
        self._ends[name] = asyncio.Event()
        self._tasks[name] = asyncio.ensure_future(self._run(name, tenant, address))

    async def _run(self, name: str, tenant: str, address: str) -> None:
        async with self.turns.turn(tenant, address):
            self.began.append(name)
            await self._ends[name].wait()

    async def end(self, name: str) -> None:
        self._ends[name].set()
        await self._tasks[name]
        await settle()

    async def cancel(self, name: str) -> None:
        self._tasks[name].cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._tasks[name]
        await settle()

    async def close(self) -> None:
        for name in self._tasks:
            await self.cancel(name)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def running(turns: Turns, test: Callable[[Runner], Awaitable[None]]) -> None:
    async def run() -> None:
        runner = Runner(turns)
        try:
            await test(runner)
        finally:
            await runner.close()
        assert (turns.total, turns.running, turns._waiting) == (0, {}, [])

    asyncio.run(run())


def test_four_masters_that_never_end_hold_up_their_tenants_zones_alone() -> None:
    async def test(runner: Runner) -> None:
        for number in range(40):
            runner.begin(f"evil {number}", "evil", f"192.0.2.{number % 4}")
        await settle()
        assert len(runner.began) == 16
        for number in range(4):
            runner.begin(f"good {number}", "good", "198.51.100.1")
        await settle()
        assert runner.began[16:] == [f"good {number}" for number in range(4)]

    running(Turns(32, 8, 16), test)


def test_a_tenant_that_has_none_gets_one_beyond_all() -> None:
    async def test(runner: Runner) -> None:
        for tenant in range(4):
            for number in range(2):
                runner.begin(f"{tenant} {number}", f"t{tenant}", f"192.0.2.{tenant}")
        await settle()
        # Four are taken by the first two; the others get one each. The second of these has to wait.
        assert runner.began == ["0 0", "0 1", "1 0", "1 1", "2 0", "3 0"]
        await runner.end("0 0")
        await runner.end("0 1")
        assert runner.began[6:] == []  # there are four still
        await runner.end("1 0")
        assert runner.began[6:] == ["2 1"]

    running(Turns(4, 8, 16), test)


def test_as_many_again_and_no_more() -> None:
    async def test(runner: Runner) -> None:
        for tenant in range(9):
            runner.begin(f"{tenant}", f"t{tenant}", f"192.0.2.{tenant}")
        await settle()
        assert len(runner.began) == 4
        await runner.end("3")
        assert runner.began[4:] == ["4"]

    running(Turns(2, 8, 16), test)


def test_a_master_that_others_keep_busy() -> None:
    async def test(runner: Runner) -> None:
        for number in range(4):
            runner.begin(f"evil {number}", "evil", "192.0.2.1")
        for number in range(2):
            runner.begin(f"good {number}", "good", "192.0.2.1")
        await settle()
        assert runner.began == ["evil 0", "evil 1", "good 0"]
        await runner.end("evil 0")
        assert runner.began[3:] == []
        await runner.end("evil 1")
        assert runner.began[3:] == ["evil 2"]  # one each again

    running(Turns(32, 2, 16), test)


def test_the_one_with_fewest_is_next() -> None:
    async def test(runner: Runner) -> None:
        for number in range(6):
            runner.begin(f"a {number}", "a", "192.0.2.1")
        runner.begin("b 0", "b", "192.0.2.2")
        runner.begin("b 1", "b", "192.0.2.2")
        await settle()
        assert runner.began == ["a 0", "a 1", "a 2", "b 0"]
        await runner.end("a 0")
        assert runner.began[4:] == []  # three of three run: b's came beyond them
        await runner.end("a 1")
        assert runner.began[4:] == ["a 3"]  # one each, and a's came first
        await runner.end("a 2")
        assert runner.began[5:] == ["a 4"]

    running(Turns(3, 8, 16), test)


def test_who_gives_up_leaves_his_place() -> None:
    async def test(runner: Runner) -> None:
        for name in ("one", "two", "three"):
            runner.begin(name, "a", "192.0.2.1")
        await settle()
        await runner.cancel("two")
        await runner.end("one")
        assert runner.began == ["one", "three"]
        # Given up in the moment in which its turn came.
        runner.begin("four", "a", "192.0.2.1")
        await settle()
        runner._ends["three"].set()
        await runner._tasks["three"]
        await runner.cancel("four")
        runner.begin("five", "a", "192.0.2.1")
        await settle()
        assert runner.began[-1] == "five"

    running(Turns(1, 8, 16), test)


def test_a_limit_that_is_raised_counts_at_once() -> None:
    turns = Turns(1, 8, 16)

    async def test(runner: Runner) -> None:
        for name in ("one", "two", "three"):
            runner.begin(name, "a", "192.0.2.1")
        await settle()
        turns.most = 2
        turns.serve()
        await settle()
        assert runner.began == ["one", "two"]

    running(turns, test)


def test_silent_masters_are_remembered_for_a_moment() -> None:
    turns = Turns(1, 1, 1)
    for port in range(3000):
        turns.shun("192.0.2.1", port)
    assert turns.is_shunned("192.0.2.1", 2999)
    assert not turns.is_shunned("192.0.2.2", 2999)
    turns._silent = {where: since - 3 for where, since in turns._silent.items()}
    assert not turns.is_shunned("192.0.2.1", 2999)
    turns.shun("192.0.2.1", 1)
    assert len(turns._silent) == 1


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
