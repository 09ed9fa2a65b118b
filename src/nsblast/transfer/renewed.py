"""A newer version of a large zone out of an older one's image: messages that nothing changed in go as they are.

Owns: which owner names changed since, as the journal tells, and the newer version's messages in their order. Never: files (images.py),
the store's format, sending.
A piece of the image in which a name changed is packed anew from its own messages, but for the names that changed, which the store is asked
for; so are the first piece and the last, for the SOA. A message that such packing leaves half empty takes its neighbour in when both fit;
images that became worn all the same are not renewed. All looks at the store are begun at one moment: they show one version.
Invariants: the journal leads from the image's version to the one wanted without a gap, in one life of the zone; the number of records is the
image's and what the journal adds and takes, else the transfer ends without its end (ValueError). Memory: the changed names, MOST of them
at most, and one piece.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from nsblast._core.pack import Packer
from nsblast._core.sift import DONE, FULL, Sift
from nsblast.store import layout
from nsblast.store.reader import StoreReader
from nsblast.store.values_v1 import JournalRecord, What
from nsblast.transfer.images import Image, Of, Piece, Stretch
from nsblast.types import CommitNumber, Rr

MOST = 20_000
"""Names that may have changed."""
FEW = 200
"""So many always may; else one is dearer than this number of records that need not be read."""
RECORDS_A_NAME = 20
HALF = 8192
"""Octets of a message that is not half empty."""
_TURN = 64
_ASKED = 32
"""Changed names the store is asked for in one turn of the loop."""

Message = tuple[bytes | None, bytes, Stretch | None]
"""The key it begins with, as in an image; the message; where it stands in the older image, if it is one of that."""
PAUSE: Message = (None, b"", None)
"""No message, but others' turn."""


@dataclass(frozen=True)
class Plan:
    """What changed since an image was made."""

    keys: list[bytes]
    """Of owner names, below the apex, in their order."""
    records: int
    """Of the newer version's transfer, both SOAs counted."""


class Since:
    """Begun while the store stands still; read() then takes its time, and get() shows the same version."""

    def __init__(self, reader: StoreReader, image: Image, now: Of) -> None:
        self.image = image
        self._now = now
        self._low = layout.entries_range(now.apex)[0]
        self.labels = len(layout.suffixes(now.apex)) - 1
        self._still = reader.database.still()
        self._rest = reader.journal(now.apex, after=image.of.changed_in)
        # The first step makes the iterator: from now on what it shows stands still.
        self._first = next(self._rest, None)

    def get(self, key: bytes) -> tuple[bytes, bytes]:
        """(key in the store, entry) of an owner name; b"" when there is none."""
        stored = self._low + key
        return stored, self._still.get(stored) or b""

    async def read(self) -> Plan | None:
        """None when the journal does not lead here, or the whole zone is cheaper."""
        was, now = self.image.of, self._now
        if was.incarnation != now.incarnation or self.image.worn or self._first is None:
            return None
        most = min(MOST, max(FEW, self.image.records // RECORDS_A_NAME))
        keys: set[bytes] = set()
        serial, records, more, turn = was.serial, self.image.records, False, 0
        if self._first[1].offset != was.journalled:
            return None
        for record in self._records():
            if record.what is What.CONFIGURED:
                continue
            if record.what is not What.CHANGED or record.gap or record.serial_from != serial:
                return None
            more = record.more
            if not more:
                serial = record.serial_to
            records += len(record.added) - len(record.removed)
            for rrs in (record.removed, record.added):
                keys.update(layout.entry_key(rr[0], self.labels)[len(self._low) :] for rr in rrs)
            if len(keys) > most:
                return None
            turn += 1 + (len(record.added) + len(record.removed)) // 8
            if turn > _TURN:
                turn = 0
                await asyncio.sleep(0)
        if more or serial != now.serial:
            return None
        keys.discard(b"")
        return Plan(sorted(keys), records)

    def _records(self) -> Iterator[JournalRecord]:
        found: tuple[CommitNumber, JournalRecord] | None = self._first
        while found is not None:
            yield found[1]
            found = next(self._rest, None)


class Renewal:
    """The messages of a newer version."""

    def __init__(self, since: Since, plan: Plan, packer: Packer, soa: Rr, head: bytes, limit: int) -> None:
        """head: header and question of each message, which the packer was made with; limit: octets of a message."""
        self._since = since
        self._plan = plan
        self._packer = packer
        self._soa = soa
        self._head = head
        self._limit = limit
        self._place = 0
        """In the changed names: what comes next."""
        self._passed: bytes | None = None
        """The changed name that came last."""
        self._last: bytes | None = None
        """The name that went over last."""
        self._key: bytes | None = b""
        """What the message under construction begins with."""

    def messages(self) -> Iterator[Message]:
        """All of them. ValueError, before the last one, when the sum is wrong."""
        records = 0
        held: Message | None = None
        for message in self._all():
            if message is PAUSE:
                yield message
                continue
            if held is not None:
                yield held
            held = message
            records += int.from_bytes(message[1][6:8], "big")
        if records != self._plan.records:
            raise ValueError(f"{records} records where the journal makes it {self._plan.records}")
        assert held is not None
        yield held

    def _all(self) -> Iterator[Message]:
        packer = self._packer
        packer.put(*self._soa)
        yield from self._entry(b"")
        for piece in self._since.image.pieces():
            if self._stands(piece):
                if packer.records:
                    yield self._taken(None)
                for key, records, body, at in piece.frames:
                    yield key, self._whole(records, body), at
                continue
            if not packer.records:
                self._key = piece.key
            yield from self._mended(piece)
            if piece.end is not None and packer.octets >= HALF:
                yield self._taken(piece.end)
        if not packer.put(*self._soa):
            yield self._taken(None)
            packer.put(*self._soa)
        yield self._taken(None)

    def _whole(self, records: int, body: bytes) -> bytes:
        return self._head[:6] + records.to_bytes(2, "big") + self._head[8:] + body

    def _stands(self, piece: Piece) -> bool:
        """Whether the piece goes as it is."""
        if piece.end is None or not piece.key or self._next(piece.end) is not None:
            return False
        packer = self._packer
        return not packer.records or packer.octets + piece.octets > self._limit

    def _next(self, end: bytes | None) -> bytes | None:
        """The next changed name, when it comes before this key."""
        if self._place == len(self._plan.keys):
            return None
        key = self._plan.keys[self._place]
        return key if end is None or key < end else None

    def _mended(self, piece: Piece) -> Iterator[Message]:
        """A piece's names into messages under construction, the changed ones as they are now."""
        ends = not piece.key or piece.end is None
        for _, records, body, _ in piece.frames:
            sift = Sift(self._whole(records, body), len(self._head), self._since.labels, self._passed, ends)
            while (state := sift.into(self._packer, self._next(piece.end))) != DONE:
                if state == FULL:
                    key = sift.key
                    yield self._taken(None if key == (sift.last or self._last) else key)
                else:
                    yield from self._changed()
                    assert self._passed is not None
                    sift.skip(self._passed)
            self._last = sift.last or self._last
        while self._next(piece.end) is not None:
            yield from self._changed()

    def _changed(self) -> Iterator[Message]:
        self._passed = self._plan.keys[self._place]
        self._place += 1
        if self._place % _ASKED == 0:
            yield PAUSE
        yield from self._entry(self._passed)

    def _entry(self, key: bytes) -> Iterator[Message]:
        entries = [self._since.get(key)]
        while not self._packer.put_entries(entries):
            yield self._taken(None if self._packer.inside else key)

    def _taken(self, key: bytes | None) -> Message:
        """The message so far; key: what the next one begins with."""
        message = self._key, self._packer.take(), None
        self._key = key
        return message
