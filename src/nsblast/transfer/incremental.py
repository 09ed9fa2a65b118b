"""IXFR: what leads from the version a client has to the one that is served, out of the journal.

Owns: whether the journal reaches back and is whole, condensing several versions into one difference, the order of the records.
Never: messages, sending, the whole zone (outgoing.py falls back to it). RFC 1995 2, 4.
A difference is condensed as long as what is left of it is small; larger ones go out version by version, as they are stored, so that memory
does not depend on them. All is read from iterators that were made in one go: one version of the store, whatever is committed meanwhile.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from nsblast._core.name import fold
from nsblast.store.reader import StoreReader
from nsblast.store.values_v1 import JournalRecord
from nsblast.transfer.reply import serial_of
from nsblast.types import Rr, Wire

SOA = 6
CONDENSED = 20_000
"""Records of a difference that is kept in memory, at most."""
WHOLE_RATIO = 4
"""A difference of so many times the records of the zone, and more, is dearer than the zone."""


def newer(serial: int, than: int) -> bool:
    """Serial number arithmetic: RFC 1982 3.2."""
    return 0 < (serial - than) % (1 << 32) < 1 << 31


@dataclass
class Difference:
    """One look at the journal."""

    soa: Rr
    """Of the version served."""
    old: Rr | None = None
    """Of the version the client has."""
    removed: list[Rr] | None = None
    """Condensed, without SOA; None: take the versions one by one, from versions()."""
    added: list[Rr] | None = None
    _again: Iterator[JournalRecord] | None = None

    async def lists(self) -> AsyncIterator[list[Rr]]:
        """All records of the answer in their order (RFC 1995 4), a part at a time; the loop gets its turn between two."""
        assert self.old is not None
        yield [self.soa]
        if self.removed is not None and self.added is not None:
            yield [self.old]
            yield self.removed
            yield [self.soa]
            yield self.added
        else:
            for record in self._again or ():
                for part in ordered(record):
                    yield part
                await asyncio.sleep(0)
        yield [self.soa]


def ordered(record: JournalRecord) -> Iterator[list[Rr]]:
    """A version's records, its SOAs before the others."""
    for rrs in (record.removed, record.added):
        if rrs:
            yield [rr for rr in rrs if rr[1] == SOA] + [rr for rr in rrs if rr[1] != SOA]


class _Pass:
    """A journal read from a client's serial on; made at once, read later."""

    def __init__(self, reader: StoreReader, apex: Wire, serial: int) -> None:
        found = reader.journal_since(apex, serial)
        self._rest = iter(()) if found is None else found
        # The first step makes the iterator: from now on what it shows stands still.
        self._first = next(self._rest, None)

    def __iter__(self) -> Iterator[JournalRecord]:
        if self._first is not None:
            yield self._first[1]
            for _, record in self._rest:
                yield record


class Look:
    """Begun while the store stands still; read() then takes its time."""

    def __init__(self, reader: StoreReader, apex: Wire, serial: int, soa: Rr, names: int) -> None:
        self._serial = serial
        self._soa = soa
        self._names = names
        self._once = _Pass(reader, apex, serial)
        self._again = _Pass(reader, apex, serial)

    async def read(self) -> Difference | None:
        """The difference; None when the journal does not lead from the client's version to the one served, or the zone is cheaper."""
        end = serial_of(self._soa[3])
        removed: dict[tuple[bytes, int, int, bytes], Rr] = {}
        added: dict[tuple[bytes, int, int, bytes], Rr] = {}
        old: Rr | None = None
        at, begun, condensed, total = self._serial, False, True, 0
        heads = [False, False]  # whether the SOA of removed, and of added, came with the first records there
        for record in self._once:
            if record.gap or (record.serial_from != at):
                return None
            if not begun:
                heads = [False, False]
            begun = record.more
            for number, rrs in enumerate((record.removed, record.added)):
                soa = next((rr for rr in rrs if rr[1] == SOA), None)
                if rrs and not heads[number]:
                    if soa is None:
                        return None
                    heads[number] = True
                if number == 0 and old is None and soa is not None:
                    old = soa
            total += len(record.removed) + len(record.added)
            if condensed:
                _condense(record, removed, added)
                if len(removed) + len(added) > CONDENSED:
                    condensed = False
                    removed.clear()
                    added.clear()
            if not record.more:
                if heads != [True, True]:
                    return None
                at = record.serial_to
            await asyncio.sleep(0)
        if old is None or begun or at != end or serial_of(old[3]) != self._serial:
            return None
        if condensed:
            return Difference(self._soa, old, list(removed.values()), list(added.values()))
        if total > WHOLE_RATIO * max(self._names, CONDENSED):
            return None
        return Difference(self._soa, old, _again=iter(self._again))


def _condense(
    record: JournalRecord,
    removed: dict[tuple[bytes, int, int, bytes], Rr],
    added: dict[tuple[bytes, int, int, bytes], Rr],
) -> None:
    """Work one version in: what comes and goes leaves nothing."""
    for rrs, here, there in ((record.removed, removed, added), (record.added, added, removed)):
        for owner, rdtype, ttl, rdata in rrs:
            if rdtype == SOA:
                continue
            key = fold(owner), rdtype, ttl, rdata
            if there.pop(key, None) is None:
                here[key] = (owner, rdtype, ttl, rdata)
