"""Who listens to what becomes of zones: server-sent events, read from the change log at each listener's own pace.

Owns: the form of an event, resuming, who sees which. Never: HTTP. A commit only wakes the listeners; each reads the log from its own
place, so that nothing is queued for anybody and a slow one holds up nobody: rim.py cuts it off when it does not take what is sent.
Ids are "commit.place", or "commit" for all of a commit. One that the log does not reach, or that is not of this database (it was
restored), gets `reset`: the listener lists the zones anew.
"""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from typing import NamedTuple

import orjson

from nsblast.access.may import Actor
from nsblast.access.permissions import Permission
from nsblast.admin.calls import Refused
from nsblast.errors import InputError
from nsblast.records import name_to_text
from nsblast.store import layout
from nsblast.store.commit import Event
from nsblast.store.reader import StoreReader
from nsblast.store.values_v1 import What, ZoneChange
from nsblast.types import CommitNumber

LISTENERS = 1000
"""So many at once."""
OF_TENANT = 250
"""Of one tenant's accounts, unless it is the first: nobody listens in all others' places."""
LIFETIME = 900.0
"""Seconds after which a listener has to come again, with credentials that count then."""
PIECE = 200
"""Commits read at a time."""
_WHOLE = 1 << 32
_TOLD = (What.CREATED, What.CHANGED, What.DELETED)


class Place(NamedTuple):
    """The last event somebody had."""

    number: CommitNumber
    place: int = _WHOLE


def place_of(text: str, member: str) -> Place:
    """An id as it was sent in this member; InputError."""
    number, dot, place = text.partition(".")
    if (
        len(text) > 30
        or not (number.isascii() and number.isdigit())
        or (dot and not (place.isascii() and place.isdigit()))
    ):
        raise InputError(f"{member}: {text[:40]!r} is no id of an event")
    return Place(int(number), int(place) if dot else _WHOLE)


class Events:
    """All listeners of the process; made in its loop."""

    def __init__(self, reader: StoreReader, shown: CommitNumber) -> None:
        """shown: the last commit that is visible."""
        self._reader = reader
        self._loop = asyncio.get_running_loop()
        self._shown = shown
        self._lock = threading.Lock()
        self._news = asyncio.Event()
        self._ended = False
        self.listeners = 0
        self._homes: Counter[str] = Counter()

    def tell(self, event: Event) -> None:
        """A commit is visible. Any thread."""
        self._show(event.number)
        # Who begins to listen counts itself before it looks at what is shown: the loop is not woken for nobody.
        if self.listeners:
            self._loop.call_soon_threadsafe(self.wake, 0)

    def _show(self, number: CommitNumber) -> None:
        with self._lock:
            self._shown = max(self._shown, number)

    def wake(self, number: CommitNumber) -> None:
        """The commits up to this one are visible. In the loop."""
        self._show(number)
        self._news.set()
        self._news = asyncio.Event()

    def close(self) -> None:
        """Every stream ends."""
        self._ended = True
        self.wake(0)

    def demand_room(self, home: str) -> None:
        """Refused when there is no place left for one more, or for one of that tenant (its id)."""
        if self.listeners >= LISTENERS:
            raise Refused("too many listen already", status=503)
        if home != layout.FIRST_TENANT and self._homes[home] >= OF_TENANT:
            raise Refused(f"{OF_TENANT} of your tenant listen already", status=503)

    async def stream(
        self, who: Callable[[], Actor | None], after: Place | None, heartbeat: float
    ) -> AsyncIterator[bytes]:
        """What somebody may see, from a place on (None = now). who: asked before anything is told; None ends the stream."""
        first = who()
        home = first.home if first is not None else ""
        self.demand_room(home)
        self.listeners += 1
        self._homes[home] += 1
        try:
            end = time.monotonic() + LIFETIME
            at = after or Place(self._shown)
            yield b"retry: 2000\nid: %s\n\n" % _id(at)
            if after is not None and not await self._loop.run_in_executor(None, self._reaches, after):
                at = Place(self._shown)
                yield _event(at, b"reset", {"position": at.number})
            while not self._ended and time.monotonic() < end:
                news, shown = self._news, self._shown  # before who() is asked: what is told happened while it was so
                actor = who()
                if actor is None:
                    return
                if at < Place(shown):
                    at, found = await self._loop.run_in_executor(None, self._read, actor, at, shown)
                    if found:
                        yield found
                    continue
                try:
                    await asyncio.wait_for(news.wait(), heartbeat)
                except TimeoutError:
                    # A comment; the id moves on, so that who resumes passes over what was not for him.
                    yield b": %d\nid: %s\n\n" % (int(time.time()), _id(at))
        finally:
            self.listeners -= 1
            self._homes[home] -= 1
            if not self._homes[home]:
                del self._homes[home]

    # -- in threads --

    def _reaches(self, after: Place) -> bool:
        oldest = self._reader.oldest_change()
        return oldest - 1 <= after.number <= self._shown

    def _read(self, actor: Actor, at: Place, last: CommitNumber) -> tuple[Place, bytes]:
        """A piece of the log: the place after it and the events in it."""
        parts = []
        end = Place(last)
        first = at.number - 1 if at.place != _WHOLE else at.number
        for looked, (number, record) in enumerate(self._reader.changes(first)):
            if number > last:
                break
            if looked == PIECE:
                end = Place(number - 1)
                break
            for place, zone in enumerate(record.zones):
                if Place(number, place) > at and zone.what in _TOLD and self._may_see(actor, number, zone):
                    told = {"zone": name_to_text(zone.apex), "serial": zone.serial, "time": record.time}
                    parts.append(_event(Place(number, place), zone.what.name.lower().encode(), told))
        return max(at, end), b"".join(parts)

    def _may_see(self, actor: Actor, number: CommitNumber, zone: ZoneChange) -> bool:
        if not actor.may(Permission.LIST_ZONES, zone.apex):
            return False
        tenants = next(self._tenants(number, zone), None)
        return actor.owns("*" if tenants is None else tenants or layout.FIRST_TENANT)

    def _tenants(self, number: CommitNumber, zone: ZoneChange) -> Iterator[str]:
        """Whose the zone is, or was when it ended."""
        record = self._reader.zone(zone.apex)
        if record is not None and record.incarnation <= number and zone.what is not What.DELETED:
            yield record.tenant
            return
        for _, mark in self._reader.journal(zone.apex, after=number - 1):
            if mark.what is What.DELETED and mark.part == 0:
                yield str(mark.before.get("tenant", ""))


def _id(place: Place) -> bytes:
    return (f"{place.number}" if place.place == _WHOLE else f"{place.number}.{place.place}").encode()


def _event(place: Place, name: bytes, data: dict[str, object]) -> bytes:
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (_id(place), name, orjson.dumps(data))
