"""Version 1 of every value that is not an entry: zone records, journal, change log. Both directions.

Owns: these formats. Never: keys, meaning. Each value is one version octet and a MessagePack array of the fields in their order
here; a field may be appended with a default (old values stay readable), never moved, removed or given another meaning.
"""

from enum import IntEnum
from typing import Any, TypeVar

import msgspec

from nsblast.errors import StoreCorrupt
from nsblast.types import Rr

VERSION = 1


class ZoneKind(IntEnum):
    """Where a zone's contents come from."""

    PRIMARY = 0
    SECONDARY = 1


class What(IntEnum):
    """What a commit did to a zone."""

    CREATED = 0
    CHANGED = 1
    DELETED = 2
    CONFIGURED = 3
    """Settings only: the contents and the serial stand."""


class ZoneRecord(msgspec.Struct, array_like=True, kw_only=True, frozen=True):
    """One zone; its contents are entries."""

    kind: ZoneKind = ZoneKind.PRIMARY
    tenant: str = ""
    serial: int = 0
    created: float = 0.0
    """Seconds since 1970."""
    changed: float = 0.0
    names: int = 0
    """Entries, empty non-terminals included."""
    incarnation: int = 0
    """Number of the commit that created it: tells a zone from an earlier one of the same name."""
    changed_in: int = 0
    """Number of the last commit that touched its contents."""
    settings: dict[str, Any] = {}
    """Masters, transfer policy and the like; whoever owns a setting checks it."""
    expired: bool = False
    """A secondary that its masters did not confirm for as long as its SOA says: it has its contents, and does not answer with them."""
    journalled: int = 0
    """Octets that were ever written to its journal."""


class JournalRecord(msgspec.Struct, array_like=True, kw_only=True, frozen=True):
    """One change-set of one zone, or a piece of it; the SOA stands in removed and added like any RR."""

    serial_from: int
    serial_to: int
    time: float
    actor: str = ""
    address: str = ""
    comment: str = ""
    part: int = 0
    """Piece of the change-set, from 0."""
    more: bool = False
    """Another piece follows."""
    gap: bool = False
    """The difference was too large to be kept: nobody can be brought across by it."""
    removed: list[Rr] = []
    added: list[Rr] = []
    what: What = What.CHANGED
    before: dict[str, Any] = {}
    """Of a CONFIGURED or DELETED: kind, tenant and settings that were."""
    after: dict[str, Any] = {}
    offset: int = 0
    """What the zone's `journalled` was before the change-set: how much is kept can be told from the oldest record that is."""

    @property
    def leads(self) -> bool:
        """Whether it brings somebody from a serial to another; else it only tells that something was done."""
        return self.what is What.CHANGED and self.serial_from != self.serial_to


class ZoneChange(msgspec.Struct, array_like=True, frozen=True):
    """What one commit did to one zone."""

    apex: bytes
    what: What
    serial: int
    bulk: bool = False
    """So many names changed that they are not listed."""
    before: int | None = None
    """The serial it had; None when there was no zone."""
    incarnation: int = 0
    """Of a zone that was deleted; 0 for others, and where an older version wrote it."""


class ChangeRecord(msgspec.Struct, array_like=True, kw_only=True, frozen=True):
    """One commit, for followers, events and the segment."""

    time: float
    zones: list[ZoneChange] = []
    keys: list[bytes] = []
    """Keys of the entries touched; nothing of bulk changes."""
    octets: int = 0
    """What the commit added to journals and audit records."""
    records: list[bytes] = []
    """Keys of the account records touched."""
    audits: int = 0
    """Audit records written."""
    actors: list[str] = []
    """Who has entries in the index of history by actor."""
    newborn: bool = False
    """All its zones were made by it, each with one journal record, piece 0."""


_Value = TypeVar("_Value", ZoneRecord, JournalRecord, ChangeRecord)

_ENCODER = msgspec.msgpack.Encoder()
_DECODERS: dict[type, msgspec.msgpack.Decoder[Any]] = {
    kind: msgspec.msgpack.Decoder(kind) for kind in (ZoneRecord, JournalRecord, ChangeRecord)
}
_HEAD = bytes((VERSION,))


def encode(value: ZoneRecord | JournalRecord | ChangeRecord) -> bytes:
    """The stored octets."""
    return _HEAD + _ENCODER.encode(value)


def decode(kind: type[_Value], octets: bytes) -> _Value:
    """The value of that kind; StoreCorrupt when it does not read as one."""
    if octets[:1] != _HEAD:
        raise StoreCorrupt(
            f"a stored {kind.__name__} has version {octets[:1].hex() or 'none'}, this version reads {VERSION}"
        )
    try:
        value: _Value = _DECODERS[kind].decode(memoryview(octets)[1:])
    except msgspec.MsgspecError as error:
        raise StoreCorrupt(f"a stored {kind.__name__} cannot be read: {error}") from None
    return value
