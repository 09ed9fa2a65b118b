"""Slows down who keeps failing to log in: per address and per user, in bounded memory.

Owns: counts of failures and the pauses that follow from them. Never: who is who. A count halves every HALF_LIFE seconds.
Of an address's attempts no more than FREE are under way at once: of a burst of guesses the first few are heard, and the rest meets the
pauses that these earned. An address's attempts queue: each waits for the one before and its own pause, and one that would wait longer than QUEUE is refused.
A user's attempts only pause, side by side, for a second at most: so nobody can lock a user out by failing in the user's name.
Who was verified a moment ago, or has a key, is not slowed at all (login.py).
"""

import asyncio
import contextlib
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from ipaddress import IPv6Address, ip_address
from itertools import islice

from nsblast.errors import TooMany

FREE = 3
"""Failures without consequence."""
HALF_LIFE = 60.0
FIRST = 0.1
LONGEST = 4.0
USER_LONGEST = 1.0
QUEUE = 10.0
WAITING = 64
"""Attempts of one address that may wait for the ones before."""
WAITING_ALL = 1024
KEPT = 10_000
"""Addresses and users remembered, each; the longest unseen are forgotten."""


class _Counts:
    def __init__(self) -> None:
        self._counts: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def get(self, name: str, now: float) -> float:
        count, when = self._counts.get(name, (0.0, now))
        return count * float(0.5 ** ((now - when) / HALF_LIFE))

    def add(self, name: str, now: float) -> None:
        self._counts[name] = (self.get(name, now) + 1, now)
        self._counts.move_to_end(name)
        if len(self._counts) > KEPT:
            self._counts.popitem(last=False)

    def forget(self, name: str) -> None:
        self._counts.pop(name, None)

    def __len__(self) -> int:
        return len(self._counts)


def _pause(count: float, longest: float) -> float:
    over = int(count + 0.5) - FREE
    return 0.0 if over < 0 else min(longest, FIRST * 2.0 ** min(over, 16))


class Throttle:
    """Used by one loop."""

    def __init__(self) -> None:
        self._addresses = _Counts()
        self._users = _Counts()
        self._turns: OrderedDict[str, float] = OrderedDict()

    def wait(self, address: str, user: str, now: float) -> float | None:
        """Seconds this attempt has to wait; None when it is refused, since the address has too many waiting."""
        place = place_of(address)
        pause = _pause(self._addresses.get(place, now), LONGEST)
        if not pause:
            return _pause(self._users.get(user, now), USER_LONGEST)
        turn = max(self._turns.get(place, now), now) + pause
        if turn - now > QUEUE:
            return None
        self._turns[place] = turn
        self._turns.move_to_end(place)
        if len(self._turns) > KEPT:
            self._turns.popitem(last=False)
        for old in [name for name, until in islice(self._turns.items(), 2) if until < now]:
            del self._turns[old]
        return max(turn - now, _pause(self._users.get(user, now), USER_LONGEST))

    def failed(self, address: str, user: str, now: float) -> None:
        """An attempt was wrong. user: empty for keys."""
        self._addresses.add(place_of(address), now)
        if user:
            self._users.add(user, now)

    def succeeded(self, user: str) -> None:
        """The user's failures are forgiven, the address's are not: it may have guessed at others."""
        self._users.forget(user)

    def __len__(self) -> int:
        return len(self._addresses) + len(self._users) + len(self._turns)


class _Place:
    """Attempts of one address."""

    __slots__ = ("under_way", "waiting")

    def __init__(self) -> None:
        self.under_way = 0
        self.waiting: deque[asyncio.Future[None]] = deque()


class Turns:
    """How many attempts of one address are under way at once. Used by one loop."""

    def __init__(self) -> None:
        self._places: dict[str, _Place] = {}
        self._waiting = 0

    @contextlib.asynccontextmanager
    async def one(self, address: str) -> AsyncIterator[None]:
        """Its turn, as long as the context lasts. TooMany when there are too many before it, or it would last too long."""
        place = place_of(address)
        await self._enter(place)
        try:
            yield
        finally:
            self._leave(place)

    async def _enter(self, place: str) -> None:
        found = self._places.setdefault(place, _Place())
        if found.under_way < FREE:
            found.under_way += 1
            return
        if len(found.waiting) >= WAITING or self._waiting >= WAITING_ALL:
            raise crowded()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        found.waiting.append(turn)
        self._waiting += 1
        try:
            async with asyncio.timeout(QUEUE):
                await turn
        except (TimeoutError, asyncio.CancelledError) as error:
            if turn.done() and not turn.cancelled():
                self._leave(place)  # it came at the same moment
            if isinstance(error, TimeoutError):
                raise crowded() from None
            raise
        finally:
            self._waiting -= 1

    def _leave(self, place: str) -> None:
        found = self._places[place]
        while found.waiting:
            turn = found.waiting.popleft()
            if not turn.done():
                turn.set_result(None)  # the place among those under way is handed on
                return
        found.under_way -= 1
        if not found.under_way:
            del self._places[place]

    def __len__(self) -> int:
        return len(self._places)


def crowded() -> TooMany:
    """What an address is told that fails too often or asks too much at once."""
    return TooMany("too many failed log-ins from this address", retry_after=10)


def place_of(address: str) -> str:
    """What counts as one address: an IPv6 /64 is one."""
    if ":" not in address:
        return address
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return f"{int(found) >> 64:x}/64"
    return address
