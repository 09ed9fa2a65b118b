"""Keys of the store: which letter means what, and the range of keys that belongs to a zone.

Owns: the letters and the composition of keys (docs/architecture.md). Never: values, I/O.
Invariant: all entries of one zone, and all its journal, are one contiguous range each, that no other zone's keys interrupt.
"""

from nsblast._core.keys import name_key, name_of_key, owner_key, split_owner_key
from nsblast.types import CommitNumber, Labels, Wire

ACCOUNT = b"a"
"""Then a letter of the kind: access/records_v1.py."""
AUDIT = b"ha"
"""Then u64 commit number and u32 piece: what a commit did to accounts."""
ACTED = b"hu"
"""Then an actor, 00, u64 commit number, u32 count: what an actor did."""
CHANGE = b"c"
ENTRY = b"e"
SERIAL = b"i"
JOURNAL = b"j"
META = b"m"
OWNED = b"o"
"""Then a tenant's id, 00 and a name key: the zones of a tenant."""
REFRESHED = b"r"
"""Then a name key: when a secondary was confirmed by its master (transfer/secondary_state.py). No part of any commit."""
ZONE = b"z"

FIRST_TENANT = "00000000-0000-0000-0000-000000000000"
"""Whose zones are that name no tenant."""

FORMAT_KEY = b"mformat"
SEED_KEY = b"mseed"
SEQUENCE_KEY = b"mseq"
KEPT_KEY = b"mkept"
"""Octets of all journals together."""
SPECIAL = b"mx"
"""Then a name key: a zone with ZONE_SPECIAL at its apex, so that a fresh segment learns of them without a search."""
CATALOG = b"mc"
"""Then a name key: a zone whose settings have CATALOG_SETTING, so that these are found without reading all zones' records."""
CATALOG_SETTING = "catalog"
ORIGIN_SETTING = "from_catalog"
OWNED_KEY = b"mowned"
"""Present when every zone has its `o` key: databases of older versions get them at the first start."""
NUDGE_KEY = b"mnudge"
"""Written after an ingestion: a follower takes up what was ingested when it reads a later record of the log."""


def after(prefix: bytes) -> bytes:
    """The first key above all that begin with prefix; its last octet must not be ff."""
    return prefix[:-1] + bytes((prefix[-1] + 1,))


def entry_key(name: Wire, apex_labels: Labels) -> bytes:
    """Key of the entry of name in the zone whose apex has that many labels."""
    return ENTRY + owner_key(name, apex_labels)


def entry_of(key: bytes) -> tuple[Wire, Labels]:
    """(name, labels of the apex) of an entry's key."""
    return split_owner_key(key[1:])


def zone_key(apex: Wire) -> bytes:
    """Key of the zone record."""
    return ZONE + name_key(apex)


def newborn_keys(name: bytes, tenant: str, number: CommitNumber) -> tuple[bytes, bytes, bytes]:
    """Keys of the first journal record, of the tenant's claim and of the zone record of a zone, from its apex's name key."""
    at = number.to_bytes(8, "big") + bytes(4)
    return JOURNAL + name + b"\0" + at, OWNED + (tenant or FIRST_TENANT).encode() + b"\0" + name, ZONE + name


def zone_of(key: bytes) -> Wire:
    """Apex of a zone record's key."""
    return name_of_key(key[1:])


def refreshed_key(apex: Wire) -> bytes:
    """Key of what is remembered of a secondary's refreshing."""
    return REFRESHED + name_key(apex)


def refreshed_of(key: bytes) -> Wire:
    """Apex of such a key."""
    return name_of_key(key[len(REFRESHED) :])


def entries_range(apex: Wire) -> tuple[bytes, bytes]:
    """[low, high) of the entries of a zone."""
    key = ENTRY + name_key(apex)
    return key + b"\0", key + b"\1"


def subtree_range(name: Wire, apex_labels: Labels) -> tuple[bytes, bytes]:
    """[low, high) of the entries at and below a name of the zone whose apex has that many labels."""
    key = entry_key(name, apex_labels)
    return key, after(key)


def journal_range(apex: Wire) -> tuple[bytes, bytes]:
    """[low, high) of the journal of a zone."""
    key = JOURNAL + name_key(apex)
    return key + b"\0", key + b"\1"


def journal_key(apex: Wire, number: CommitNumber, piece: int) -> bytes:
    """Key of one journal record; piece counts the records one commit wrote for the zone."""
    return JOURNAL + name_key(apex) + b"\0" + number.to_bytes(8, "big") + piece.to_bytes(4, "big")


def journal_place(key: bytes) -> tuple[CommitNumber, int]:
    """(commit number, piece) of a journal record's key."""
    return int.from_bytes(key[-12:-4], "big"), int.from_bytes(key[-4:], "big")


def serials_range(apex: Wire) -> tuple[bytes, bytes]:
    """[low, high) of the index of a zone's journal by serial."""
    key = SERIAL + name_key(apex)
    return key + b"\0", key + b"\1"


def serial_key(apex: Wire, serial: int) -> bytes:
    """Key of the place of the journal's change-set that leads on from a serial."""
    return SERIAL + name_key(apex) + b"\0" + serial.to_bytes(4, "big")


def serial_place(number: CommitNumber, piece: int) -> bytes:
    """The value there: where the change-set's first record is."""
    return number.to_bytes(8, "big") + piece.to_bytes(4, "big")


def special_key(apex: Wire) -> bytes:
    """Key of the mark of a zone that is expired or restricted."""
    return SPECIAL + name_key(apex)


def special_of(key: bytes) -> Wire:
    """Apex of such a mark's key."""
    return name_of_key(key[len(SPECIAL) :])


def catalog_key(apex: Wire) -> bytes:
    """Key of the mark of a zone that is a catalog."""
    return CATALOG + name_key(apex)


def catalog_of(key: bytes) -> Wire:
    """Apex of such a mark's key."""
    return name_of_key(key[len(CATALOG) :])


def change_key(number: CommitNumber) -> bytes:
    """Key of a commit's record in the change log."""
    return CHANGE + number.to_bytes(8, "big")


def change_number(key: bytes) -> CommitNumber:
    """Commit number of a change log key."""
    return int.from_bytes(key[1:9], "big")


def audit_key(number: CommitNumber, piece: int) -> bytes:
    """Key of one audit record; piece counts those of one commit."""
    return AUDIT + number.to_bytes(8, "big") + piece.to_bytes(4, "big")


def audit_place(key: bytes) -> tuple[CommitNumber, int]:
    """(commit number, piece) of an audit record's key."""
    return int.from_bytes(key[-12:-4], "big"), int.from_bytes(key[-4:], "big")


def acted_range(actor: str) -> tuple[bytes, bytes]:
    """[low, high) of what an actor did."""
    key = ACTED + actor.encode("utf-8", "surrogateescape").replace(b"\0", b"")
    return key + b"\0", key + b"\1"


def acted_key(actor: str, number: CommitNumber, count: int) -> bytes:
    """Key of one change of an actor; count tells those of one commit apart."""
    return acted_range(actor)[0] + number.to_bytes(8, "big") + count.to_bytes(4, "big")


def owned_key(tenant: str, apex: Wire) -> bytes:
    """Key that says a zone is a tenant's."""
    return OWNED + (tenant or FIRST_TENANT).encode() + b"\0" + name_key(apex)


def owned_range(tenant: str) -> tuple[bytes, bytes]:
    """[low, high) of the zones of a tenant."""
    low = OWNED + (tenant or FIRST_TENANT).encode()
    return low + b"\0", low + b"\1"


def owned_of(key: bytes) -> tuple[str, Wire]:
    """(tenant, apex) of such a key."""
    tenant, _, rest = key[len(OWNED) :].partition(b"\0")
    return tenant.decode(), name_of_key(rest)


def suffix(name: Wire, labels: Labels) -> Wire:
    """The last labels of a name; ValueError when it has fewer."""
    at: list[int] = []
    place = 0
    while name[place]:
        at.append(place)
        place += name[place] + 1
    at.append(place)
    if labels >= len(at):
        raise ValueError(f"{name!r} has fewer than {labels} labels")
    return name[at[len(at) - 1 - labels] :]


def suffixes(name: Wire) -> list[Wire]:
    """The name itself, then each ancestor up to the root."""
    found = [name]
    while name[0]:
        name = name[name[0] + 1 :]
        found.append(name)
    return found
