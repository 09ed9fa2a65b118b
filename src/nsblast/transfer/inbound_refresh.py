"""One secondary zone brought up to its masters, who are asked in their order until one does what it should.

Owns: the order of things for one zone: key, address, SOA, transfer, commit; what makes the next master's turn; how many transfers run.
Never: when (secondary.py), the messages (inbound_master.py), the rules of an answer (inbound.py).
What is served changes by a commit of something whole and proved, or not at all. RFC 1034 4.3.5, 1995 4, 5936.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import NamedTuple

from nsblast.access.records_v1 import TsigKey
from nsblast.backend import spool
from nsblast.backend.local import LocalBackend
from nsblast.errors import NsblastError
from nsblast.settings import Settings
from nsblast.store.layout import FIRST_TENANT
from nsblast.store.values_v1 import ZoneRecord
from nsblast.transfer import inbound_commit
from nsblast.transfer.inbound import Form, Incoming, TooMuch
from nsblast.transfer.inbound_commit import Unfit
from nsblast.transfer.inbound_master import Limits, Place, Silent, Unreachable, fetch, probe, serial_told
from nsblast.transfer.inbound_message import Fault, Times, times_of
from nsblast.transfer.incremental import newer
from nsblast.transfer.masters import Master
from nsblast.types import Wire

SHUNNED = 3.0
"""Seconds in which a master that did not answer is not asked again, by other zones either."""
LEAST_MEMORY = 4 << 20
SHARED_BY = 8
"""Large transfers that may sort in memory at once; others take some more of it."""

FindKey = Callable[[str], TsigKey | None]
Resolve = Callable[[str], Awaitable[tuple[str, ...]]]
"""A host, or an address, to its addresses (hosts.py)."""


def limits_of(settings: Settings) -> Limits:
    """What one transfer may take: so many share what an import may have."""
    return Limits(
        settings.transfer_in_idle,
        settings.transfer_in_time,
        settings.transfer_in_limit,
        max(LEAST_MEMORY, settings.import_memory // SHARED_BY),
        spool.folder(settings.db_path),
    )


class Turns:
    """How many transfers run, in all and from each master; and which masters were silent of late.

    A tenant's masters may be many, and slow: three quarters of the places are the most that one tenant but the first has.
    """

    def __init__(self, most: int, each: int) -> None:
        self.most = most
        self.each = each
        self.running: dict[str, int] = {}
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        """By address. One that ends wakes the one whose turn it is: with thousands of zones, waking all would cost more than the transfers."""
        self._silent: dict[tuple[str, int], float] = {}
        self._shares: dict[str, tuple[asyncio.Semaphore, int]] = {}
        """Of tenants with transfers, and how many they have or wait for."""

    def _free(self, address: str) -> bool:
        return sum(self.running.values()) < self.most and self.running.get(address, 0) < self.each

    def _begin(self, address: str) -> None:
        self.running[address] = self.running.get(address, 0) + 1

    def _end(self, address: str) -> None:
        self.running[address] -= 1
        if not self.running[address]:
            del self.running[address]
        for other in list(self._waiting):
            if not self._free(other):
                continue
            waiting = self._waiting.pop(other)
            while waiting:
                first = waiting.popleft()
                if not first.done():  # else it was cancelled
                    self._begin(other)
                    first.set_result(None)
                    break
            if waiting:
                self._waiting[other] = waiting  # behind the others now

    @contextlib.asynccontextmanager
    async def share(self, tenant: str) -> AsyncIterator[None]:
        """Waits until a tenant may have one more, or wait for it among the others."""
        if tenant == FIRST_TENANT:
            yield
            return
        there, users = self._shares.get(tenant, (None, 0))
        mine = there if there is not None else asyncio.Semaphore(max(1, self.most * 3 // 4))
        self._shares[tenant] = mine, users + 1
        try:
            async with mine:
                yield
        finally:
            users = self._shares[tenant][1] - 1
            if users:
                self._shares[tenant] = mine, users
            else:
                del self._shares[tenant]

    @contextlib.asynccontextmanager
    async def turn(self, address: str) -> AsyncIterator[None]:
        """Waits until a transfer from there may run, and holds its place."""
        if self._free(address) and address not in self._waiting:
            self._begin(address)
        else:
            mine = asyncio.get_running_loop().create_future()
            self._waiting.setdefault(address, deque()).append(mine)
            try:
                await mine
            except asyncio.CancelledError:
                if not mine.cancelled():  # its place was given to it just before
                    self._end(address)
                raise
        try:
            yield
        finally:
            self._end(address)

    def shun(self, place: Place) -> None:
        """It did not answer."""
        now = time.monotonic()
        if len(self._silent) > 1000:
            self._silent = {where: since for where, since in self._silent.items() if now - since < SHUNNED}
        self._silent[place.address, place.port] = now

    def is_shunned(self, place: Place) -> bool:
        """Whether it did not answer a moment ago."""
        return time.monotonic() - self._silent.get((place.address, place.port), -SHUNNED) < SHUNNED


class Outcome(NamedTuple):
    """What a refresh came to."""

    what: str
    """"current", "axfr" or "ixfr"."""
    master: Master
    times: Times
    """Of the version that is served now."""
    expire: int | None = None
    """Seconds for which the master's own copy is good, when it said."""
    versions: int = 1


class Failed(Fault):
    """No master did; the message has what each of them did instead."""


class Refresher:
    """See the file's head."""

    def __init__(
        self, backend: LocalBackend, find_key: FindKey, resolve: Resolve, limits: Callable[[], Limits], turns: Turns
    ) -> None:
        self._backend = backend
        self._resolve = resolve
        self._find_key = find_key
        self._limits = limits
        self.turns = turns

    async def refresh(
        self,
        apex: Wire,
        record: ZoneRecord,
        masters: Sequence[Master],
        *,
        incremental: bool = True,
        has_contents: bool = True,
        force: bool = False,
        fresh: bool = False,
    ) -> Outcome:
        """Bring the zone up to the first master that has something to bring it to. Failed.

        force: take the whole zone, whatever its serial. fresh: ask those too that did not answer a moment ago.
        """
        have = record.serial if has_contents and not force else None
        failures: list[str] = []
        for master in masters:
            try:
                return await self._from_master(apex, record, master, have, incremental, fresh)
            except NsblastError as error:
                failures.append(f"{master.shown}: {error.message}")
        raise Failed("; ".join(failures) or "there is no master")

    async def _from_master(
        self, apex: Wire, record: ZoneRecord, master: Master, have: int | None, incremental: bool, fresh: bool
    ) -> Outcome:
        key = None
        if master.tsig:
            key = self._find_key(master.tsig)
            if key is not None and (key.tenant or FIRST_TENANT) not in (record.tenant or FIRST_TENANT, FIRST_TENANT):
                key = None  # another tenant has made one of that name since
            if key is None or not key.active:
                raise Fault(f"there is no key {master.tsig}" if key is None else f"the key {master.tsig} is not active")
        found = await self._resolve(master.host)
        failure: Fault = Silent("its address cannot be found")
        for address in found:
            place = Place(address, master.port, key)
            if not fresh and self.turns.is_shunned(place):
                failure = Silent("it did not answer a moment ago")
                continue
            try:
                return await self._from_place(apex, record, master, place, have, incremental)
            except Silent as error:
                if not isinstance(error, Unreachable):
                    self.turns.shun(place)
                failure = error
        raise failure

    async def _from_place(
        self, apex: Wire, record: ZoneRecord, master: Master, place: Place, have: int | None, incremental: bool
    ) -> Outcome:
        expire = None
        if have is not None:
            told = await probe(place, apex)
            serial, expire = serial_told(told), told.expire
            if serial == have:
                return Outcome("current", master, times_of(told.soa[3]), expire)
            _demand_newer(serial, have)
        async with self.turns.share(record.tenant or FIRST_TENANT), self.turns.turn(place.address):
            try:
                return await self._transfer(apex, record, master, place, have, incremental, expire)
            except (Unfit, TooMuch):
                if not incremental or have is None:
                    raise
            # What the differences were worked into is a version the master had: the whole zone is newer.
            now = self._backend.zone(apex) or record
            return await self._transfer(apex, now, master, place, now.serial, False, expire)

    async def _transfer(
        self,
        apex: Wire,
        record: ZoneRecord,
        master: Master,
        place: Place,
        have: int | None,
        incremental: bool,
        expire: int | None,
    ) -> Outcome:
        incoming = await fetch(place, apex, have, self._limits(), incremental=incremental)
        try:
            assert incoming.soa is not None
            times = times_of(incoming.soa[3])
            if have is not None and times.serial == have:
                return Outcome("current", master, times, expire)
            if have is not None:
                _demand_newer(times.serial, have)
            versions = await self._commit(incoming, record, place)
            return Outcome("ixfr" if incoming.form is Form.STEPS else "axfr", master, times, expire, versions)
        finally:
            incoming.close()

    async def _commit(self, incoming: Incoming, record: ZoneRecord, place: Place) -> int:
        if incoming.form is Form.WHOLE:
            await self._backend.submit_in_loop(inbound_commit.whole(incoming, record, place.address))
            return 1
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            None, inbound_commit.steps, incoming, record, place.address, self._backend.submit
        )


def _demand_newer(serial: int, have: int) -> None:
    """Never back to an older version: RFC 1982 3.2, 1034 4.3.5."""
    if not newer(serial, have):
        raise Fault(f"it has serial {serial}, which is older than ours, {have}")
