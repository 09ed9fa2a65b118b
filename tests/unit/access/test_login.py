"""Log-in: what is remembered, what is forgotten at once, who is slowed down."""

import asyncio
import base64
from collections.abc import Callable

import msgspec
import pytest

from nsblast.access.changes import Alter, Delete, Put
from nsblast.access.login import Login
from nsblast.access.passwords import WAITING_MAX, Passwords, check_new, new_key
from nsblast.access.records_v1 import ApiKey, Tenant, User
from nsblast.access.throttle import FREE, KEPT, QUEUE, WAITING, Throttle, Turns
from nsblast.errors import InputError, TooMany, Unauthorized
from tests.unit.access.conftest import OTHER, Place


class Counted(Passwords):
    """Counts what is verified."""

    verified = 0

    def verify(self, kept: str, password: str) -> bool:
        self.verified += 1
        return super().verify(kept, password)


class At:
    """One log-in whose pauses are noted, not slept."""

    def __init__(self, place: Place) -> None:
        self.slept: list[float] = []
        self.now = 1000.0
        self.passwords = Counted()
        self.login = Login(place.accounts, self.passwords, clock=lambda: self.now, sleep=self.sleep)
        place.do(Put(User(tenant=OTHER, name="u@x", roles=["all"], password=self.passwords.hash("right"))))

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def basic(self, user: str = "u@x", password: str = "right", address: str = "192.0.2.1") -> str:
        """Name of the actor."""
        header = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        return asyncio.run(self.login.identify(header, "", address)).name

    def refused(self, call: Callable[[], str]) -> bool:
        """Whether it was."""
        try:
            call()
        except Unauthorized:
            return True
        return False


@pytest.fixture
def at(place: Place) -> At:
    """With user u@x."""
    return At(place)


def test_a_password_is_hashed_once_and_a_change_counts_at_once(place: Place, at: At) -> None:
    for _ in range(5):
        assert at.basic() == "u@x"
    assert at.passwords.verified == 1
    place.do(Put(Tenant(id="44444444-4444-4444-4444-444444444444", name="unrelated")))
    at.basic()
    assert at.passwords.verified == 1

    def alter(**fields: object) -> Alter:
        return Alter(User, "u@x", lambda had: msgspec.structs.replace(had, **fields))

    place.do(alter(active=False))
    assert at.refused(at.basic)
    place.do(alter(active=True))
    at.basic()
    place.do(alter(password=at.passwords.hash("other")))
    assert at.refused(at.basic)
    assert at.basic(password="other")
    place.do(Delete(User, "u@x"))
    assert at.refused(lambda: at.basic(password="other"))


def test_unknown_users_cost_what_known_ones_do(at: At) -> None:
    for user in ("u@x", "nobody"):
        before = at.passwords.verified
        assert at.refused(lambda user=user: at.basic(user, "wrong"))  # type: ignore[misc]
        assert at.passwords.verified == before + 1


def test_many_at_once_pay_for_one_hash(at: At) -> None:
    async def all_at_once() -> None:
        await asyncio.gather(*(at.login.basic("u@x", "right", "192.0.2.1") for _ in range(32)))

    asyncio.run(all_at_once())
    assert at.passwords.verified == 1


def test_failures_slow_an_address_down_and_lock_nobody_out(at: At) -> None:
    at.basic(address="192.0.2.9")
    refused = 0
    for _ in range(40):
        try:
            at.basic(password="wrong")
        except TooMany as error:
            refused += error.details["retry_after"] > 0
        except Unauthorized:
            pass
    assert refused
    assert max(at.slept) <= QUEUE
    at.slept.clear()
    assert at.basic(address="192.0.2.9") == "u@x"  # remembered
    assert not at.slept
    assert at.basic("u@x", "right", "198.51.100.1") == "u@x"
    fresh = Login(at.login.accounts, at.passwords, sleep=at.sleep)
    fresh.throttle = at.login.throttle
    assert asyncio.run(fresh.basic("u@x", "right", "198.51.100.2")).name == "u@x"
    assert all(pause <= 1 for pause in at.slept)


def test_throttle_is_bounded_and_forgets() -> None:
    throttle = Throttle()
    for number in range(3 * KEPT):
        throttle.failed(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", f"user{number}", 0.0)
    assert len(throttle) <= 3 * KEPT
    for number in range(20):
        throttle.failed("2001:db8::1", "", float(number))
    assert throttle.wait("2001:db8::2", "", 20.0)
    assert throttle.wait("2001:db8:0:1::2", "", 20.0) == 0
    assert throttle.wait("2001:db8::1", "", 2000.0) == 0


def test_keys(place: Place, at: At) -> None:
    ident, text, kept = new_key()
    key = ApiKey(
        tenant=OTHER, id=ident, secret=kept, owner="u@x", roles=["all"], expires=2000.0, networks=["192.0.2.0/24"]
    )
    place.do(Put(key))

    def use(text: str = text, address: str = "192.0.2.7") -> str:
        return asyncio.run(at.login.identify(f"Bearer {text}", "", address)).name

    assert use() == use(address="::ffff:192.0.2.7") == f"u@x (key {ident})"
    for wrong in ("", "x", f"nsb_{ident}_{'A' * 43}", text[:-1], new_key()[1]):
        assert at.refused(lambda wrong=wrong: use(wrong))  # type: ignore[misc]
    for address in ("198.51.100.1", "2001:db8::1", ""):
        assert at.refused(lambda address=address: use(address=address))  # type: ignore[misc]
    at.now = 2000.0
    assert at.refused(use)
    at.now = 1000.0
    place.do(Alter(User, "u@x", lambda had: msgspec.structs.replace(had, active=False)))
    assert at.refused(use)
    assert text.split("_", 2)[2].encode() not in b"".join(value for _, value in place.database.range(b"a", b"b"))


@pytest.mark.parametrize("header", ["", "Basic", "Basic !", "Basic YQ==", "Digest x", "Bearer", "Basic /////w=="])
def test_headers_that_are_refused(at: At, header: str) -> None:
    with pytest.raises(Unauthorized):
        asyncio.run(at.login.identify(header, "", "192.0.2.1"))


def test_of_a_burst_only_a_few_are_under_way() -> None:
    """The others take their places one by one; too many, or too long, are refused; who gives up leaves nothing behind."""

    async def burst() -> tuple[int, int]:
        turns = Turns()
        most = refused = 0
        under_way = 0

        async def attempt(number: int) -> None:
            nonlocal most, refused, under_way
            try:
                async with turns.one(f"2001:db8::{number:x}"):
                    under_way += 1
                    most = max(most, under_way)
                    try:
                        await asyncio.sleep(0.001)
                    finally:
                        under_way -= 1
            except TooMany:
                refused += 1

        tasks = [asyncio.ensure_future(attempt(number)) for number in range(FREE + WAITING + 10)]
        await asyncio.sleep(0)
        async with turns.one("192.0.2.1"):  # another address does not notice
            pass
        for task in (tasks[0], tasks[FREE], tasks[FREE + 7]):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert not len(turns)
        return most, refused

    assert asyncio.run(burst()) == (FREE, 10)


def test_who_is_known_is_hashed_before_strangers() -> None:
    """However many strangers wait; and of those too many are refused, of these none."""
    passwords = Passwords()
    kept = passwords.hash("right")
    order: list[str] = []

    async def verify(who: str, known: bool) -> None:
        try:
            await passwords.verify_soon(kept, "wrong", known=known)
            order.append(who)
        except TooMany:
            order.append("refused")

    async def everybody() -> None:
        strangers = [asyncio.ensure_future(verify("stranger", False)) for _ in range(WAITING_MAX + 5)]
        await asyncio.sleep(0)
        await asyncio.gather(verify("known", True), verify("known", True))
        strangers[-6].cancel()
        for task in strangers[3:]:
            task.cancel()
        await asyncio.gather(*strangers, return_exceptions=True)
        assert await passwords.verify_soon(kept, "right")

    asyncio.run(everybody())
    passwords.close()
    assert order[:4] == ["refused"] * 4
    assert order[4:7] == ["stranger", "known", "known"]


@pytest.mark.parametrize("password", ["", "eleven char", "ä" * 11])
def test_new_passwords_have_a_least_length(password: str) -> None:
    with pytest.raises(InputError, match="password: expected at least 12 characters"):
        check_new(password, 12)
    check_new(password + "x" * 12, 12)
