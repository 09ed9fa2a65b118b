"""What happened: changes of zones and of accounts, with who, from where, when, before and after; by zone, by actor, by time.

Owns: reading them in the order of commits, from any place, in both directions. Never: writing them (zones/journal.py, access), who may
see them. Reaches as far back as the journal (settings journal_age, journal_size). Commits are in order of time, as far as the
clock was; the first of a time is found by bisection.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from nsblast.access.records_v1 import Audit
from nsblast.access.records_v1 import decode as decode_account
from nsblast.store import layout
from nsblast.store.reader import StoreReader
from nsblast.store.values_v1 import ChangeRecord, JournalRecord, decode
from nsblast.types import CommitNumber, Wire
from nsblast.zones.model import Diff

EVER: CommitNumber = (1 << 64) - 1


class Place(NamedTuple):
    """Where something stands in the history: the key of paging."""

    number: CommitNumber
    piece: int
    """Within the commit; counted by each order in its own way."""


class Happened(NamedTuple):
    """One change of one zone or account."""

    place: Place
    time: float
    actor: str
    address: str
    comment: str
    kind: str
    """"zone", or an account record's kind."""
    what: str
    """"created", "changed", "deleted" or "configured"."""
    name: bytes | str
    """Apex of a zone in wire form; name of an account record."""
    tenant: str | None = None
    """Of an account record; a zone's is what the zone says."""
    serial_from: int | None = None
    serial_to: int | None = None
    diff: Diff | None = None
    """None when it was too large to be kept, and for accounts."""
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


class History:
    """Over one open store."""

    def __init__(self, reader: StoreReader) -> None:
        self._reader = reader
        self._database = reader.database

    def numbers(self, since: float | None, until: float | None) -> tuple[CommitNumber, CommitNumber]:
        """[low, high) of the commits of a time, in seconds since 1970; both ends belong to it."""
        low = 0 if since is None else self._first(since, beyond=False)
        return low, EVER if until is None else self._first(until, beyond=True)

    def of_zone(
        self,
        apex: Wire,
        *,
        low: CommitNumber = 0,
        high: CommitNumber = EVER,
        start: Place | None = None,
        backwards: bool,
    ) -> Iterator[Happened]:
        """Of one name's zones, the present one and earlier ones."""
        first, last = layout.journal_key(apex, low, 0), layout.journal_key(apex, min(high, EVER), 0)
        if start is not None:
            key = layout.journal_key(apex, start.number, start.piece)
            # Pieces of the change-set at the start are passed over: they have higher places.
            first, last = (first, key) if backwards else (max(first, key + b"\0"), last)
        yield from self._changes(apex, first, last, backwards)

    def of_actor(
        self,
        actor: str,
        *,
        low: CommitNumber = 0,
        high: CommitNumber = EVER,
        start: Place | None = None,
        backwards: bool,
    ) -> Iterator[Happened]:
        """What one user or key did."""
        first, last = layout.acted_key(actor, low, 0), layout.acted_key(actor, min(high, EVER), 0)
        if start is not None:
            key = layout.acted_key(actor, *start)
            first, last = (first, key) if backwards else (max(first, key + b"\0"), last)
        for key, value in self._database.range(first, last, backwards=backwards):
            place = Place(*layout.journal_place(key))
            piece, apex = int.from_bytes(value[:4], "big"), value[4:]
            found = self._change_at(apex, place.number, piece) if apex else self._audit_at(place.number, piece)
            if found is not None:
                yield found._replace(place=place)

    def of_all(
        self, *, low: CommitNumber = 0, high: CommitNumber = EVER, start: Place | None = None, backwards: bool
    ) -> Iterator[Happened]:
        """Everything, by commit."""
        first, last = layout.change_key(low), layout.change_key(high)
        if start is not None:
            if backwards:
                last = min(last, layout.change_key(start.number) + b"\0")
            else:
                first = max(first, layout.change_key(start.number))
        for key, value in self._database.range(first, last, backwards=backwards):
            number = layout.change_number(key)
            found = [
                one._replace(place=Place(number, count)) for count, one in enumerate(self._of_commit(number, value))
            ]
            for one in reversed(found) if backwards else found:
                if start is None or (one.place < start if backwards else one.place > start):
                    yield one

    # -- one commit --

    def _of_commit(self, number: CommitNumber, value: bytes) -> Iterator[Happened]:
        for key, octets in self._database.range(layout.audit_key(number, 0), layout.audit_key(number + 1, 0)):
            yield _of_audit(Place(*layout.audit_place(key)), decode_account(Audit, octets))
        for apex in dict.fromkeys(zone.apex for zone in decode(ChangeRecord, value).zones):
            low, high = layout.journal_key(apex, number, 0), layout.journal_key(apex, number + 1, 0)
            yield from self._changes(apex, low, high, False)

    def _change_at(self, apex: Wire, number: CommitNumber, piece: int) -> Happened | None:
        low, high = layout.journal_key(apex, number, piece), layout.journal_key(apex, number + 1, 0)
        return next(self._changes(apex, low, high, False), None)

    def _audit_at(self, number: CommitNumber, piece: int) -> Happened | None:
        octets = self._database.get(layout.audit_key(number, piece))
        return _of_audit(Place(number, piece), decode_account(Audit, octets)) if octets else None

    def _changes(self, apex: Wire, low: bytes, high: bytes, backwards: bool) -> Iterator[Happened]:
        """Journal records put together: backwards a change-set's last piece comes first."""
        pieces: list[JournalRecord] = []
        for key, value in self._database.range(low, high, backwards=backwards):
            if not value:
                continue
            record = decode(JournalRecord, value)
            if not backwards and not pieces and record.part:
                continue  # the rest of a change-set before the range
            pieces.append(record)
            number, piece = layout.journal_place(key)
            if record.part == 0 if backwards else not record.more:
                if backwards:
                    pieces.reverse()
                    begin = piece
                else:
                    begin = piece - len(pieces) + 1
                yield _of_journal(apex, Place(number, begin), pieces)
                pieces = []

    def _first(self, time: float, *, beyond: bool) -> CommitNumber:
        """The first commit of a time, or after it; EVER when there is none."""
        low, high = self._reader.oldest_change(), self._reader.position + 1
        while low < high:
            middle = (low + high) // 2
            found = next(self._database.range(layout.change_key(middle), layout.change_key(high)), None)
            if found is None:
                high = middle
                continue
            at = decode(ChangeRecord, found[1]).time
            if at > time if beyond else at >= time:
                high = middle
            else:
                low = layout.change_number(found[0]) + 1
        return low


def _of_journal(apex: Wire, place: Place, pieces: list[JournalRecord]) -> Happened:
    first = pieces[0]
    diff = None
    if not first.gap:
        removed = tuple(rr for piece in pieces for rr in piece.removed)
        diff = Diff(removed, tuple(rr for piece in pieces for rr in piece.added))
    return Happened(
        place=place,
        time=first.time,
        actor=first.actor,
        address=first.address,
        comment=first.comment,
        kind="zone",
        what=first.what.name.lower(),
        name=apex,
        serial_from=first.serial_from,
        serial_to=first.serial_to,
        diff=diff,
        before=first.before or None,
        after=first.after or None,
    )


def _of_audit(place: Place, audit: Audit) -> Happened:
    what = "created" if audit.before is None else "deleted" if audit.after is None else "changed"
    return Happened(
        place=place,
        time=audit.time,
        actor=audit.actor,
        address=audit.address,
        comment=audit.comment,
        kind=audit.kind,
        what=what,
        name=audit.name,
        tenant=audit.tenant,
        before=audit.before,
        after=audit.after,
    )
