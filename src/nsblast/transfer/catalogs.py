"""All catalog zones of a server, made and followed: who is woken by which commit.

Owns: which zones are catalogs, the pauses between two versions, running their work in a thread of its own. Never: that work
(catalog_producer.py, catalog_consumer.py). Runs in control's loop.
A commit that makes, deletes or sets up zones is in the catalogs at once, or at the end of a pause of PAUSE after the version before, so that a
hundred thousand new zones are some hundred versions and not as many as commits. Errors are tried again, those of members later each time.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from nsblast.access.accounts import Accounts
from nsblast.backend.local import LocalBackend
from nsblast.errors import NsblastError
from nsblast.logs import log
from nsblast.records import name_to_text
from nsblast.store import layout
from nsblast.store.commit import Event
from nsblast.store.engine import Database
from nsblast.store.reader import StoreReader
from nsblast.store.values_v1 import What, ZoneKind, ZoneRecord
from nsblast.transfer.catalog import Broken, Member, members, zones_of
from nsblast.transfer.catalog_consumer import Following, place_of
from nsblast.transfer.catalog_producer import Making
from nsblast.transfer.catalog_settings import Consumer, Producer, role_of
from nsblast.types import CommitNumber, Wire

PAUSE = 0.5
"""Seconds between two versions of what is made here."""
BETWEEN = 0.05
"""Seconds between two rounds in any case."""
AGAIN = 5.0
"""Seconds until what failed is tried again."""


class Catalogs:
    """See the file's head. All methods are the loop's, but heard()."""

    def __init__(self, backend: LocalBackend, database: Database, accounts: Accounts) -> None:
        self._backend = backend
        self._reader = StoreReader(database)
        self._accounts = accounts
        self._shown: CommitNumber = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._wake.set()
        self._making: dict[Wire, Making] = {}
        self._following: dict[Wire, Following] = {}
        self._incarnations: dict[Wire, int] = {}
        self._listed = True
        """Whether zones came, went or were set up since the list of catalogs was read."""
        self._set_up: set[Wire] = set()
        self._changed: set[Wire] = set()
        self._freed: set[Wire] = set()
        """Zones that were clashes, and have changed."""
        self._touched: set[Wire] = set()
        """Zones that were set up otherwise, by anybody."""
        self._made_at = 0.0
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="catalog")

    def heard(self, event: Event) -> None:
        """Listener of commits, in the committing thread."""
        set_up: list[tuple[Wire, What]] = [
            (zone.apex, zone.what) for zone in event.zones if zone.what is not What.CHANGED
        ]
        changed = [zone.apex for zone in event.zones if zone.apex in self._following]
        self._shown = max(self._shown, event.number)
        if not (set_up or changed) or self._loop is None:
            return
        # Without catalogs, one look at what there is now does for all commits until it is made.
        if changed or self._making or self._following or not self._listed:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._take, set_up, changed)

    def _take(self, set_up: list[tuple[Wire, What]], changed: list[Wire]) -> None:
        self._changed.update(changed)
        for apex, what in set_up:
            self._listed = True
            if apex in self._making or apex in self._following:
                self._set_up.add(apex)
            if any(apex in one.clashes for one in self._following.values()):
                self._freed.add(apex)
            elif what is What.CONFIGURED and self._following:
                self._touched.add(apex)
        self._wake.set()

    async def run(self, shown: CommitNumber) -> None:
        """Until it is cancelled. shown: the last commit that is visible."""
        self._shown = max(self._shown, shown)
        loop = self._loop = asyncio.get_running_loop()
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                if not await loop.run_in_executor(self._pool, self._round):
                    loop.call_later(AGAIN, self._wake.set)
                undone = [one.undone_at for one in list(self._following.values()) if one.undone]
                if undone:
                    loop.call_later(max(0.0, min(undone) - time.monotonic()), self._wake.set)
                pause = self._made_at + PAUSE - time.monotonic() if self._making else 0.0
                await asyncio.sleep(max(BETWEEN, pause))
        finally:
            for making in self._making.values():
                making.stopped = True
            for following in self._following.values():
                following.stopped = True
            self._pool.shutdown(cancel_futures=True)  # the store is closed next

    def status(self, apex: Wire) -> dict[str, Any] | None:
        """What is known of a catalog; None for other zones."""
        record = self._backend.zone(apex)
        role = role_of(record) if record is not None else None
        making, following = self._making.get(apex), self._following.get(apex)
        if isinstance(role, Producer):
            behind = making is None or making.position is None
            return {"role": "producer", "state": "behind" if behind else "ok", "problem": ""}
        if not isinstance(role, Consumer):
            return None
        if following is None:
            return {"role": "consumer", "state": "waiting", "problem": "", "serial": None, "clashes": []}
        state = following.state
        return {
            "role": "consumer",
            "state": state.state,
            "problem": state.problem,
            "serial": state.serial,
            "clashes": [
                {"zone": name_to_text(zone), "reason": reason}
                for zone, (_, reason) in sorted([*following.clashes.items(), *following.undone.items()][:1000])
            ],
        }

    # -- in the thread

    def _round(self) -> bool:
        """All that is to be done now; whether it went well."""
        number = self._shown
        fine = True
        if self._listed:
            self._listed = False
            try:
                self._list()
            except NsblastError as error:
                self._listed, fine = True, False
                log().error("catalogs cannot be listed", reason=error.message)
        while self._set_up:
            apex = self._set_up.pop()
            for each in (self._making.get(apex), self._following.get(apex)):
                if each is not None:
                    each.forget()
            self._changed.add(apex)
        for making in list(self._making.values()):
            if making.position is None or making.position < number:
                fine &= self._try(making.apex, lambda one=making: one.bring_up(number))
                self._made_at = time.monotonic()
        failed = set()
        while self._changed:
            apex = self._changed.pop()
            following = self._following.get(apex)
            if following is not None and not self._follow(following):
                failed.add(apex)
        self._changed.update(failed)
        fine &= not failed
        freed = set()
        while self._freed:
            freed.add(self._freed.pop())
        while self._touched:
            fine &= self._look(self._touched.pop())
        for following in list(self._following.values()):
            if following.undone and time.monotonic() >= following.undone_at:
                fine &= self._try(following.apex, following.do_undone)
            again = freed & following.clashes.keys()
            if again:
                fine &= self._try(following.apex, lambda one=following, names=again: one.retry(names))
        return fine

    def _look(self, apex: Wire) -> bool:
        """At a zone that was set up otherwise: a catalog's, made a primary by hand, is made anew when it is gone."""
        record = self._backend.zone(apex)
        place = place_of(record) if record is not None and record.kind is not ZoneKind.SECONDARY else None
        following = self._following.get(place[0]) if place is not None else None
        if place is None or following is None:
            return True
        label = place[1]
        return self._try(following.apex, lambda: following.look(label, apex))

    def _list(self) -> None:
        """Which zones are catalogs, and of which kind."""
        making, following, incarnations = {}, {}, {}
        for key, value in self._reader.database.range(layout.CATALOG, layout.after(layout.CATALOG)):
            apex = layout.catalog_of(key)
            record = self._backend.zone(apex) if value else None
            role = role_of(record) if record is not None else None
            if record is None:
                continue
            incarnations[apex] = record.incarnation
            same = self._incarnations.get(apex) == record.incarnation
            if isinstance(role, Producer):
                had = self._making.get(apex) if same else None
                making[apex] = had or Making(self._backend, self._reader, apex)
            elif isinstance(role, Consumer):
                known = self._following.get(apex) if same else None
                following[apex] = known or Following(self._backend, self._reader, self._accounts, apex)
                if known is None:
                    self._changed.add(apex)
        self._making, self._following, self._incarnations = making, following, incarnations

    def _follow(self, following: Following) -> bool:
        fine = self._try(following.apex, following.bring_up)
        while following.leaving:
            catalog, zone = following.leaving.pop()
            other = self._following.get(catalog)
            if other is not None and zone in other.clashes:
                fine &= self._try(other.apex, lambda one=other, name=zone: one.retry((name,)))
        return fine

    def _try(self, apex: Wire, work: Any) -> bool:
        try:
            work()
        except NsblastError as error:
            log().error("a catalog is not up to date", catalog=name_to_text(apex), reason=error.message)
            return False
        except Exception:  # a defect that one catalog meets must not stop all others
            log().exception("a catalog cannot be brought up to date", catalog=name_to_text(apex))
            return False
        return True


def members_of(reader: StoreReader, apex: Wire, record: ZoneRecord) -> Iterator[Member]:
    """Members of a catalog in order of their labels; ends at the first that is wrong."""
    entries = reader.entries(apex, below=zones_of(apex))
    with contextlib.suppress(Broken):
        yield from members(apex, ((owner, blob) for owner, blob in entries))
