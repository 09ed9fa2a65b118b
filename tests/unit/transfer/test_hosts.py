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
