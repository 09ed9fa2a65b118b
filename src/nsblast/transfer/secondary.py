"""Secondary zones: when each of them is looked at, and what follows from what was found.

Owns: a zone's timers (refresh, retry, expire: RFC 1034 4.3.5, 1035 3.3.13), the order in which zones get their turn, what is remembered, what is
told of it. Never: whose look is next (secondary_looks.py), asking masters (inbound_refresh.py), messages, what is stored of a zone's contents.
Runs in control's loop. A zone is a small object and a tuple in a heap. Zones come and go by the commits of zone records, whoever makes them.
"""

import asyncio
import contextlib
import heapq
import random
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from nsblast._core.rrset import ZONE_SPECIAL, unpack_entry
from nsblast.backend import Zone as Stored
from nsblast.backend.local import LocalBackend
from nsblast.errors import NotFound, NsblastError, StoreError, UsageError
from nsblast.logs import log
from nsblast.metrics import SECONDARY_STATES
from nsblast.records import name_to_text
from nsblast.settings import Settings
from nsblast.store.commit import Event
from nsblast.store.engine import Database
from nsblast.store.layout import FIRST_TENANT
from nsblast.store.values_v1 import What, ZoneKind, ZoneRecord
from nsblast.transfer import inbound_commit, secondary_state
from nsblast.transfer.inbound_message import SOA, Times, times_of
from nsblast.transfer.inbound_refresh import FindKey, Outcome, Refresher, Resolve, limits_of
from nsblast.transfer.inbound_turns import Turns
from nsblast.transfer.masters import Master, source_of
from nsblast.transfer.secondary_looks import Looks
from nsblast.transfer.secondary_state import Refreshed
from nsblast.transfer.secondary_zone import Zone
from nsblast.transfer.sources import Sources
from nsblast.types import Wire

STARTED_EACH_SECOND = 500
"""Zones that are due at the start are spread so that no more of them begin in a second."""
SAVE_EVERY = 5.0
JITTER = 0.1
"""Part of an interval by which it is shortened at random, so that zones of one master drift apart."""
FIRST_RETRY = 2.0
"""Seconds until a zone without contents is tried again the first time; doubled until retry_max."""
ERROR_LENGTH = 300
_LOOKED = 1000  # zones of the store looked at in one go
SPARE = 1000
"""Times in the heap that are put off or gone, above as many as there are zones, before they are thrown away: who sends NOTIFYs makes them."""


class Secondaries:
    """See the file's head. All methods are the loop's, but heard()."""

    def __init__(
        self, backend: LocalBackend, database: Database, find_key: FindKey, resolve: Resolve, settings: Settings
    ) -> None:
        self._backend = backend
        self._database = database
        self._settings = settings
        turns = Turns(settings.transfers_in, settings.transfers_in_per_master, settings.transfers_in_per_tenant)
        sources = Sources(settings.transfer_source, settings.dns_endpoint)
        self.refresher = Refresher(backend, find_key, resolve, lambda: limits_of(self._settings), turns, sources)
        self._zones: dict[Wire, Zone] = {}
        self._heap: list[tuple[float, int, Wire]] = []
        self._count = 0
        self._looks = Looks()
        self._tasks: set[asyncio.Task[None]] = set()
        self._unsaved: dict[Wire, Refreshed | None] = {}
        self._held: set[Wire] = set()
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.observe: Callable[[str], None] = lambda _: None
        """Told of each look: current, axfr, ixfr, failed, expired."""

    # -- the outside

    async def run(self) -> None:
        """Until it is cancelled."""
        self._loop = asyncio.get_running_loop()
        saving = self._loop.create_task(self._save_now_and_then())
        try:
            await self._load()
            while True:
                self._wake.clear()
                wait = self._serve_due()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), wait)
        finally:
            saving.cancel()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self.save()

    def adjust(self, settings: Settings) -> None:
        """Take over settings that changed."""
        self._settings = settings
        turns = self.refresher.turns
        turns.most = settings.transfers_in
        turns.each_master = settings.transfers_in_per_master
        turns.each_tenant = settings.transfers_in_per_tenant
        turns.serve()

    def heard(self, event: Event) -> None:
        """Listener of commits, in the committing thread: zones that came, went, or were set up otherwise."""
        apexes = [zone.apex for zone in event.zones if zone.what is not What.CHANGED]
        loop = self._loop
        if apexes and loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._changed, apexes)

    def notified(self, apex: Wire, client: bytes, serial: int | None) -> None:
        """A NOTIFY was accepted: look now, unless the serial it tells of is served. RFC 1996 3.11."""
        zone = self._zones.get(apex)
        if zone is None:
            return
        if serial is not None and zone.contents and not zone.expired:
            record = self._backend.zone(apex)
            if record is not None and record.serial == serial:
                return
        self.look_now(apex)

    def look_now(self, apex: Wire) -> None:
        """Look at a zone at once, or again when it is being looked at."""
        zone = self._zones.get(apex)
        if zone is None:
            return
        if zone.busy:
            zone.again = True
        else:
            self._schedule(zone, time.time())

    @contextlib.contextmanager
    def holding(self, apex: Wire) -> Iterator[None]:
        """A zone that is about to be made is not looked at by itself: transfer() does."""
        self._held.add(apex)
        try:
            yield
        finally:
            self._held.discard(apex)
            if self._loop is not None:
                self._changed([apex])

    async def transfer(self, apex: Wire, *, masters: tuple[Master, ...] = (), force: bool = False) -> Outcome:
        """Look now, and wait for what comes of it; from other masters when some are given. NotFound, Conflict, Failed."""
        record = self._backend.zone(apex)
        if record is None:
            raise NotFound(f"there is no zone {name_to_text(apex)}")
        zone = self._zones.get(apex)
        if zone is None or zone.incarnation != record.incarnation:
            zone = self._take_up(apex, record)
        if zone is None:
            raise UsageError(f"{name_to_text(apex)} has no master")
        while zone.busy:
            await asyncio.sleep(0.01)
        zone.busy = True
        try:
            return await self._refresh(zone, masters=masters, force=force, fresh=True)
        finally:
            zone.busy = False
            if self._zones.get(apex) is zone:
                self._schedule(zone, zone.due)

    def status(self, apex: Wire) -> dict[str, Any] | None:
        """What a zone's status says of its masters; None when it is no secondary."""
        zone = self._zones.get(apex)
        if zone is None:
            return None
        return zone.status()

    @property
    def number(self) -> int:
        """Of zones."""
        return len(self._zones)

    def counts(self) -> dict[str, int]:
        """Zones by state, and what runs. Any thread may ask."""
        states = Counter(zone.state for zone in list(self._zones.values()))
        return {
            **{state: states[state] for state in SECONDARY_STATES},
            "looking": self._looks.total,
            "transferring": self.refresher.turns.total,
        }

    # -- zones come and go

    async def _load(self) -> None:
        """All secondaries of the store; found in threads: among a million primaries the loop has others to serve."""
        now = time.time()
        states = await asyncio.to_thread(lambda: dict(secondary_state.load_all(self._database)))
        overdue: list[Zone] = []
        last: Wire | None = None
        while True:
            found, last = await asyncio.to_thread(self._some, last)
            for apex, record in found:
                known = self._zones.get(apex)
                if known is not None and known.incarnation == record.incarnation:
                    continue
                zone = self._make(apex, record, states.pop(apex, None))
                if zone is None:
                    continue
                self._zones[apex] = zone
                if zone.due <= now and (not zone.contents or zone.expired or zone.expires > now):
                    overdue.append(zone)
                else:
                    self._schedule(zone, zone.due)
            if last is None:
                break
        spread = len(overdue) / STARTED_EACH_SECOND
        now = time.time()  # counted from here: what the reading took would be made up for all at once
        for zone in overdue:
            if not zone.busy:
                self._schedule(zone, now + random.random() * spread)
        for apex in states:
            if apex not in self._zones:
                self._unsaved[apex] = None
        if self._zones:
            log().info("secondary zones", zones=len(self._zones), due=len(overdue))

    def _some(self, after: Wire | None) -> tuple[list[Stored], Wire | None]:
        """Secondaries among the next zones of the store, and the last zone looked at; None at the end."""
        part = list(self._backend.zones(after, limit=_LOOKED))
        found = [one for one in part if one.record.kind is ZoneKind.SECONDARY]
        return found, part[-1].apex if len(part) == _LOOKED else None

    def _make(self, apex: Wire, record: ZoneRecord, state: Refreshed | None) -> Zone | None:
        """A zone as store and memory have it; None when it has no master."""
        source = source_of(record.settings)
        if source is None:
            return None
        zone = Zone(apex, record.incarnation, record.tenant or FIRST_TENANT, source)
        zone.expired = record.expired
        times = self._stored_times(apex)
        zone.contents = times is not None
        if times is not None:
            zone.refresh, zone.retry = times.refresh, times.retry
            if state is not None and state.incarnation == record.incarnation:
                zone.confirmed, zone.transferred = state.confirmed, state.transferred
                zone.expires = state.expires
            # A primary made a secondary, or a state that was lost: as if it had been confirmed when it was changed last.
            zone.confirmed = zone.confirmed or record.changed
            zone.expires = zone.expires or max(zone.confirmed + times.expire, time.time() + times.retry)
            zone.due = min(zone.confirmed + self._interval(zone), zone.expires)
        return zone

    def _stored_times(self, apex: Wire) -> Times | None:
        entry = self._backend.entry(apex)
        if entry is None:
            return None
        found = unpack_entry(entry.blob)
        if found.flags & ZONE_SPECIAL and not any(one[0] == SOA for one in found.rrsets):
            return None
        return next((times_of(rdatas[0]) for rrtype, _, rdatas in found.rrsets if rrtype == SOA), None)

    def _changed(self, apexes: list[Wire]) -> None:
        for apex in apexes:
            if apex in self._held:
                continue
            try:
                record = self._backend.zone(apex)
            except NsblastError as error:
                log().error("a zone cannot be read", zone=name_to_text(apex), reason=error.message)
                continue
            source = source_of(record.settings) if record is not None else None
            zone = self._zones.get(apex)
            if record is None or record.kind is not ZoneKind.SECONDARY or source is None:
                if zone is not None:
                    self._drop(apex)
            elif zone is None or zone.incarnation != record.incarnation:
                self._take_up(apex, record)
            else:
                zone.expired = record.expired
                if zone.source != source:
                    zone.source = source
                    self.look_now(apex)

    def _take_up(self, apex: Wire, record: ZoneRecord) -> Zone | None:
        if record.kind is not ZoneKind.SECONDARY:
            return None
        zone = self._make(apex, record, secondary_state.load(self._database, apex))
        if zone is not None:
            self._zones[apex] = zone
            self._schedule(zone, time.time())
        return zone

    def _drop(self, apex: Wire) -> None:
        del self._zones[apex]
        self._unsaved[apex] = None

    # -- timers

    def _schedule(self, zone: Zone, due: float) -> None:
        zone.due = due
        self._count += 1
        if len(self._heap) > 2 * len(self._zones) + SPARE:
            zones = self._zones
            good = {one[2]: one for one in self._heap if one[2] in zones and zones[one[2]].due == one[0]}
            self._heap[:] = good.values()
            heapq.heapify(self._heap)
        heapq.heappush(self._heap, (due, self._count, zone.apex))
        if self._heap[0][1] == self._count:
            self._wake.set()

    def _serve_due(self) -> float | None:
        """Begin what is due; seconds until the next is, None = nothing waits."""
        now = time.time()
        heap = self._heap
        while heap:
            due, _, apex = heap[0]
            zone = self._zones.get(apex)
            if zone is None or zone.due != due or zone.busy:
                heapq.heappop(heap)  # it was put off, or is gone
                continue
            if due > now:
                break
            heapq.heappop(heap)
            zone.busy = True
            self._looks.add(zone.tenant, zone.source.masters[0].host, apex)
        self._begin_looks()
        return max(0.0, heap[0][0] - now) if heap else None

    def _begin_looks(self) -> None:
        """As many as may run."""
        while (taken := self._looks.take()) is not None:
            tenant, host, apex = taken
            zone = self._zones.get(apex)
            if zone is None:
                self._looks.ended(tenant, host)
                continue
            task = asyncio.get_running_loop().create_task(self._look(zone, tenant, host))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _look(self, zone: Zone, tenant: str, host: str) -> None:
        try:
            if zone.contents and not zone.expired and time.time() >= zone.expires:
                await self._expire(zone)
            while True:
                zone.again = False
                source = zone.source
                with contextlib.suppress(NsblastError):
                    await self._refresh(zone)
                # Masters that failed are left alone for a while, unless there are others now.
                if not zone.again or (zone.failures and zone.source == source):
                    return
        finally:
            zone.busy = False
            self._looks.ended(tenant, host)
            if self._zones.get(zone.apex) is zone:
                # A fault on the way must not take the zone off the timers.
                self._schedule(zone, max(zone.due, time.time() + 0.01))
            asyncio.get_running_loop().call_soon(self._begin_looks)

    async def _refresh(
        self, zone: Zone, *, masters: tuple[Master, ...] = (), force: bool = False, fresh: bool = False
    ) -> Outcome:
        """One look, and the timers after it. NsblastError when it failed."""
        record = self._backend.zone(zone.apex)
        if record is None or record.incarnation != zone.incarnation:
            self._changed([zone.apex])  # it went while it was read at the start: nobody will say so again
            raise NotFound(f"there is no zone {name_to_text(zone.apex)}")
        try:
            looking = self.refresher.refresh(
                zone.apex,
                record,
                masters or zone.source.masters,
                incremental=zone.source.incremental,
                has_contents=zone.contents,
                force=force or not zone.transferred,  # what it holds until then is its own, whatever the serial
                fresh=fresh or zone.again,
            )
            outcome = await self._expiring_meanwhile(zone, looking)
        except NsblastError as error:
            await self._failed(zone, record, error)
            raise
        except Exception as error:  # a defect must not stop the timers
            log().exception("a zone cannot be refreshed", zone=name_to_text(zone.apex))
            await self._failed(zone, record, StoreError(str(error)))
            raise StoreError(f"{name_to_text(zone.apex)} cannot be refreshed: {error}") from error
        await self._confirmed(zone, outcome)
        return outcome

    async def _confirmed(self, zone: Zone, outcome: Outcome) -> None:
        now = time.time()
        times = outcome.times
        self.observe(outcome.what)
        if outcome.what != "current":
            zone.transferred = now
            log().info(
                "zone transferred",
                zone=name_to_text(zone.apex),
                serial=times.serial,
                how=outcome.what,
                master=outcome.master.shown,
                versions=outcome.versions,
            )
        elif zone.failures:
            log().info("zone confirmed again", zone=name_to_text(zone.apex), master=outcome.master.shown)
        zone.contents = True
        zone.looked = zone.confirmed = now
        zone.failures, zone.error, zone.master = 0, "", outcome.master
        zone.refresh, zone.retry = times.refresh, times.retry
        # A master that is a secondary itself says how long its own copy is good for (RFC 7314 4).
        good: float = times.expire if outcome.expire is None else min(outcome.expire, times.expire)
        # Whatever a master says, one look comes before the end: else the zone would end and come back all the time.
        good = max(good, 2 * self._settings.refresh_min)
        zone.expires = max(zone.expires, now + good) if outcome.what == "current" else now + good
        if zone.expired:
            await self._set_expired(zone, expired=False)
        zone.due = min(now + self._interval(zone) * (1 - JITTER * random.random()), zone.expires)
        self._remember(zone)

    async def _failed(self, zone: Zone, record: ZoneRecord, error: NsblastError) -> None:
        now = time.time()
        self.observe("failed")
        zone.looked = now
        zone.failures += 1
        first = zone.error != error.message[:ERROR_LENGTH]
        zone.error = error.message[:ERROR_LENGTH]
        if first:  # said once, not each time it is tried again
            log().warning("zone cannot be refreshed", zone=name_to_text(zone.apex), reason=zone.error)
        if zone.contents and not zone.expired and now >= zone.expires:
            await self._expire(zone)
        settings = self._settings
        if zone.contents:
            wait = min(max(zone.retry, settings.retry_min), settings.retry_max)
        else:
            wait = min(max(FIRST_RETRY, settings.retry_min) * 2.0 ** min(zone.failures - 1, 20), settings.retry_max)
        zone.due = now + wait * (1 - JITTER * random.random())
        if zone.contents and not zone.expired:
            zone.due = min(zone.due, max(zone.expires, now))
        self._remember(zone)

    async def _expiring_meanwhile(self, zone: Zone, looking: Coroutine[Any, Any, Outcome]) -> Outcome:
        """What comes of a look. A zone whose time ends before that expires then: a silent master takes seconds to be given up."""
        task = asyncio.ensure_future(looking)
        try:
            if zone.contents and not zone.expired:
                await asyncio.wait((task,), timeout=max(0.0, zone.expires - time.time()))
                if not task.done() and self._zones.get(zone.apex) is zone:
                    await self._expire(zone)
            return await task
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait((task,))

    async def _expire(self, zone: Zone) -> None:
        self.observe("expired")
        log().error("zone expired", zone=name_to_text(zone.apex), confirmed=zone.confirmed, reason=zone.error)
        await self._set_expired(zone, expired=True)

    async def _set_expired(self, zone: Zone, *, expired: bool) -> None:
        record = self._backend.zone(zone.apex)
        if record is None or record.incarnation != zone.incarnation:
            return
        try:
            if record.expired is not expired:
                await self._backend.submit_in_loop(inbound_commit.expire(zone.apex, record, expired=expired))
            zone.expired = expired
        except NsblastError as error:
            log().error("a zone's state cannot be stored", zone=name_to_text(zone.apex), reason=error.message)

    def _interval(self, zone: Zone) -> float:
        settings = self._settings
        return min(max(min(zone.refresh, zone.source.refresh), settings.refresh_min), settings.refresh_max)

    # -- what is remembered

    def _remember(self, zone: Zone) -> None:
        if self._zones.get(zone.apex) is zone:
            self._unsaved[zone.apex] = Refreshed(
                incarnation=zone.incarnation,
                confirmed=zone.confirmed,
                expires=zone.expires,
                refresh=zone.refresh,
                retry=zone.retry,
                transferred=zone.transferred,
            )

    async def _save_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(SAVE_EVERY)
            self.save()

    def save(self) -> None:
        """Write what is remembered and not yet stored."""
        states, self._unsaved = self._unsaved, {}
        try:
            secondary_state.store(self._database, states)
        except NsblastError as error:
            log().error("the state of secondary zones cannot be kept", reason=error.message)
