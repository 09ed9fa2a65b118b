"""transfer/hosts.py: our own zones first, one question for many who wait, what counts for how long."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from nsblast.records import name_from_text
from nsblast.transfer import hosts
from nsblast.transfer.hosts import Hosts, literal
from tests.helpers.updating import Updating, updating


@pytest.fixture(scope="module")
def place() -> Iterator[Updating]:
    with updating() as made:
        yield made


class System:
    """The system's resolver: answers when it is let."""

    def __init__(self, **known: tuple[str, ...]) -> None:
        self.known = {name.replace("_", ".") + ".": found for name, found in known.items()}
        self.asked: list[str] = []
        self.open = threading.Event()
        self.open.set()

    def __call__(self, name: str) -> tuple[str, ...]:
        self.asked.append(name)
        assert self.open.wait(5)
        return self.known.get(name, ())


def made(place: Updating, system: System) -> Hosts:
    return Hosts(place.backend, system)


def test_a_literal_is_itself(place: Updating) -> None:
    system = System()
    found = made(place, system)
    assert asyncio.run(found.resolve("192.0.2.9")) == ("192.0.2.9",)
    assert asyncio.run(found.resolve("2001:DB8::0:1")) == ("2001:db8::1",)
    assert asyncio.run(found.resolve("not..a..name")) == ()
    assert system.asked == []
    assert literal("ns1.example") is None


def test_our_own_zones_are_asked_first(place: Updating) -> None:
    system = System()
    found = made(place, system)
    assert asyncio.run(found.resolve("NS1.Example")) == ("192.0.2.1",)
    assert found.own(name_from_text("ns1.child.example.")) == ("192.0.2.77",)
    assert found.own(name_from_text("nothing.example.")) == ()
    assert found.own(name_from_text("ns.elsewhere.test.")) == ()
    assert system.asked == []


def test_one_question_for_all_who_wait(place: Updating) -> None:
    system = System(ns_elsewhere_test=("198.51.100.1", "2001:db8::1"))
    system.open.clear()
    found = made(place, system)

    async def run() -> None:
        waiting = [asyncio.ensure_future(found.resolve("ns.elsewhere.test")) for _ in range(20)]
        await asyncio.sleep(0.05)
        system.open.set()
        assert set(await asyncio.gather(*waiting)) == {("198.51.100.1", "2001:db8::1")}
        assert await found.resolve("ns.elsewhere.test.") == ("198.51.100.1", "2001:db8::1")

    asyncio.run(run())
    assert system.asked == ["ns.elsewhere.test."]


def test_a_slow_name_does_not_hold_up_others(place: Updating) -> None:
    slow, quick = System(), System(quick_test=("198.51.100.2",))
    slow.open.clear()
    found = Hosts(place.backend, lambda name: (slow if name.startswith("slow") else quick)(name))

    async def run() -> None:
        waiting = asyncio.ensure_future(found.resolve("slow.test"))
        await asyncio.sleep(0.01)
        assert await asyncio.wait_for(found.resolve("quick.test"), 2) == ("198.51.100.2",)
        slow.open.set()
        assert await waiting == ()

    asyncio.run(run())


def test_what_was_not_found_is_asked_again_sooner(place: Updating, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "MISSING_VALID", 0.0)
    system = System()
    found = made(place, system)
    assert asyncio.run(found.resolve("new.test")) == ()
    system.known["new.test."] = ("198.51.100.3",)
    assert asyncio.run(found.resolve("new.test")) == ("198.51.100.3",)
    assert asyncio.run(found.resolve("new.test")) == ("198.51.100.3",)
    assert system.asked == ["new.test."] * 2


def test_what_is_remembered_is_bounded(place: Updating, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "REMEMBERED", 3)
    monkeypatch.setattr(hosts, "WAITING", 2)
    system = System()
    found = made(place, system)
    for number in range(5):
        asyncio.run(found.resolve(f"n{number}.test"))
    assert len(found._known) == 3
    system.open.clear()

    async def run() -> None:
        waiting = [asyncio.ensure_future(found.resolve(f"w{number}.test")) for number in range(2)]
        await asyncio.sleep(0)
        assert await found.resolve("one.too.many.test") == ()
        system.open.set()
        await asyncio.gather(*waiting)

    asyncio.run(run())


class Hanging:
    """A resolver that hangs for names of one tenant, and notes how many it is asked for at once."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.under_way: set[str] = set()
        self.most: dict[str, int] = {}

    def __call__(self, name: str) -> tuple[str, ...]:
        kind = name.split(".")[1]
        self.under_way.add(name)
        now = sum(each.split(".")[1] == kind for each in list(self.under_way))
        self.most[kind] = max(self.most.get(kind, 0), now)
        if kind.startswith("evil"):
            assert self.open.wait(20)
        self.under_way.discard(name)
        return ("198.51.100.7",)


def test_one_tenants_hanging_names_hold_up_nobody_else(place: Updating) -> None:
    system = Hanging()
    found = Hosts(place.backend, system)

    async def run() -> None:
        hanging = [asyncio.ensure_future(found.resolve(f"n{number}.evil.test", "evil")) for number in range(100)]
        await asyncio.sleep(0.05)
        answers = [found.resolve(f"n{number}.good.test", "good") for number in range(50)]
        assert await asyncio.wait_for(asyncio.gather(*answers), 5) == [("198.51.100.7",)] * 50
        assert not any(each.done() for each in hanging)
        system.open.set()
        assert set(await asyncio.gather(*hanging)) == {("198.51.100.7",)}

    asyncio.run(run())
    assert system.most["evil"] <= hosts.EACH
    assert 1 <= system.most["good"] <= hosts.EACH
    assert (found._busy, found._under_way, found._asked, found._waiting) == ({}, {}, {}, {})


def test_many_tenants_that_hang_leave_threads_for_others(place: Updating) -> None:
    system = Hanging()
    found = Hosts(place.backend, system)

    async def run() -> None:
        hanging = [
            asyncio.ensure_future(found.resolve(f"n{number}.evil{tenant}.test", f"evil{tenant}"))
            for tenant in range(10)
            for number in range(10)
        ]
        await asyncio.sleep(0.05)
        assert len(found._under_way) < hosts.THREADS
        assert await asyncio.wait_for(found.resolve("one.good.test", "good"), 5) == ("198.51.100.7",)
        system.open.set()
        await asyncio.gather(*hanging)

    asyncio.run(run())
    assert max(system.most.values()) <= hosts.EACH


def test_a_name_in_anothers_line_is_asked_for_in_ones_own_turn(place: Updating) -> None:
    system = Hanging()
    found = Hosts(place.backend, system)

    async def run() -> None:
        hanging = [asyncio.ensure_future(found.resolve(f"n{number}.evil.test", "evil")) for number in range(20)]
        behind = asyncio.ensure_future(found.resolve("shared.good.test", "evil"))
        await asyncio.sleep(0.05)
        assert not behind.done()
        assert await asyncio.wait_for(found.resolve("shared.good.test", "good"), 5) == ("198.51.100.7",)
        assert await behind == ("198.51.100.7",)
        system.open.set()
        await asyncio.gather(*hanging)

    asyncio.run(run())
    assert system.most["good"] == 1


def test_a_name_is_waited_for_so_long_and_remembered_when_it_comes(
    place: Updating, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "WITHIN", 0.1)
    monkeypatch.setattr(hosts, "MISSING_VALID", 0.0)
    system = Hanging()
    found = Hosts(place.backend, system)

    async def run() -> None:
        for _ in range(3):  # the second and third wait for the same thread
            assert await asyncio.wait_for(found.resolve("late.evil.test", "a"), 5) == ()
        assert len(found._under_way) == 1
        system.open.set()
        while not found.known(name_from_text("late.evil.test.")):
            await asyncio.sleep(0.01)
        assert await found.resolve("late.evil.test", "a") == ("198.51.100.7",)

    asyncio.run(run())
    assert system.most == {"evil": 1}


def test_a_tenants_line_is_bounded(place: Updating, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "WAITING_EACH", 3)
    system = Hanging()
    found = Hosts(place.backend, system)

    async def run() -> None:
        hanging = [asyncio.ensure_future(found.resolve(f"n{number}.evil.test", "evil")) for number in range(7)]
        await asyncio.sleep(0.05)
        assert await found.resolve("one.more.evil.test", "evil") == ()
        assert await asyncio.wait_for(found.resolve("one.good.test", "good"), 5) == ("198.51.100.7",)
        system.open.set()
        await asyncio.gather(*hanging)

    asyncio.run(run())


def test_a_lookup_that_breaks_takes_no_thread_with_it(place: Updating) -> None:
    def broken(name: str) -> tuple[str, ...]:
        raise MemoryError(name)

    found = Hosts(place.backend, broken)
    for number in range(2 * hosts.EACH):
        assert asyncio.run(asyncio.wait_for(found.resolve(f"n{number}.test", "a"), 5)) == ()
