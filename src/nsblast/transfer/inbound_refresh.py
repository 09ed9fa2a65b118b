"""One secondary zone brought up to its masters, who are asked in their order until one does what it should.

Owns: the order of things for one zone: key, address, SOA, transfer, commit; what makes the next master's turn.
Never: when (secondary.py), how many transfers run (inbound_turns.py), the messages (inbound_master.py), the rules of an answer (inbound.py).
What is served changes by a commit of something whole and proved, or not at all. RFC 1034 4.3.5, 1995 4, 5936.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
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
from nsblast.transfer.inbound_master import Limits, Place, Silent, Told, Unreachable, fetch, probe, serial_told
from nsblast.transfer.inbound_message import Fault, Times, times_of
from nsblast.transfer.inbound_turns import Turns
from nsblast.transfer.incremental import newer
from nsblast.transfer.masters import Master
from nsblast.transfer.sources import Sources
from nsblast.types import Wire

LEAST_MEMORY = 4 << 20
SHARED_BY = 8
"""Large transfers that may sort in memory at once; others take some more of it."""

FindKey = Callable[[str], TsigKey | None]
Resolve = Callable[[str, str], Awaitable[tuple[str, ...]]]
"""A host, or an address, to its addresses, for a tenant (hosts.py)."""


def limits_of(settings: Settings) -> Limits:
    """What one transfer may take: so many share what an import may have."""
    return Limits(
        settings.transfer_in_idle,
        settings.transfer_in_time,
        settings.transfer_in_limit,
        max(LEAST_MEMORY, settings.import_memory // SHARED_BY),
        spool.folder(settings.db_path),
        settings.transfer_in_rate,
        settings.transfer_in_window,
    )


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
        self,
        backend: LocalBackend,
        find_key: FindKey,
        resolve: Resolve,
        limits: Callable[[], Limits],
        turns: Turns,
        sources: Sources,
    ) -> None:
        self._backend = backend
        self._sources = sources
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
        found = await self._resolve(master.host, record.tenant or FIRST_TENANT)
        failure: Fault = Silent("its address cannot be found")
        for address in found:
            place = Place(address, master.port, key, self._sources.to(address))
            if not fresh and self.turns.is_shunned(address, master.port):
                failure = Silent("it did not answer a moment ago")
                continue
            try:
                return await self._from_place(apex, record, master, place, have, incremental)
            except Silent as error:
                if not isinstance(error, Unreachable):
                    self.turns.shun(address, master.port)
                failure = error
        raise failure

    async def _from_place(
        self, apex: Wire, record: ZoneRecord, master: Master, place: Place, have: int | None, incremental: bool
    ) -> Outcome:
        told = None
        if have is not None:
            told = await probe(place, apex)
            serial = serial_told(told)
            if serial == have:
                return Outcome("current", master, times_of(told.soa[3]), told.expire)
            _demand_newer(serial, have)
        async with self.turns.turn(record.tenant or FIRST_TENANT, place.address):
            try:
                return await self._transfer(apex, record, master, place, have, incremental, told)
            except (Unfit, TooMuch):
                if not incremental or have is None:
                    raise
            # What the differences were worked into is a version the master had: the whole zone is newer.
            now = self._backend.zone(apex) or record
            return await self._transfer(apex, now, master, place, now.serial, False, told)

    async def _transfer(
        self,
        apex: Wire,
        record: ZoneRecord,
        master: Master,
        place: Place,
        have: int | None,
        incremental: bool,
        told: Told | None,
    ) -> Outcome:
        edns = told is None or told.edns
        incoming = await fetch(place, apex, have, self._limits(), incremental=incremental, edns=edns)
        try:
            assert incoming.soa is not None
            times = times_of(incoming.soa[3])
            # What comes with the version that is taken counts before what was said of it before (RFC 7314 3, 4).
            expire = incoming.expire
            if expire is None and told is not None:
                expire = told.expire
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
