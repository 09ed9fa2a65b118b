"""Opens a copy of a database and reads all of it: python -m nsblast.store.verify FOLDER, one JSON object on standard output.

A process of its own, because RocksDB may end the process on damaged files. Every block is read and its checksum compared by
RocksDB; every zone record, journal and change is decoded, every entry's frame is looked at.
"""

import sys
from pathlib import Path

import msgspec

from nsblast.errors import NsblastError, StoreCorrupt
from nsblast.store import layout
from nsblast.store.engine import Database
from nsblast.store.values_v1 import ChangeRecord, JournalRecord, ZoneRecord, decode


def read_all(folder: Path) -> dict[str, int]:
    """Counts of what is there; an NsblastError says what does not read."""
    database = Database.secondary(folder, "verify", block_cache=8 << 20)
    counts = {"position": database.position, "zones": 0, "names": 0, "records": 0}
    expected = 0
    for key, value in database.range(b"", b"\xff"):
        counts["records"] += 1
        kind = key[:1]
        if kind == layout.ENTRY:
            if value:
                if len(value) < 8:
                    raise StoreCorrupt(f"the entry at key {key.hex()} has only {len(value)} octets")
                counts["names"] += 1
        elif kind == layout.ZONE and value:
            expected += decode(ZoneRecord, value).names
            counts["zones"] += 1
        elif kind == layout.JOURNAL and value:
            decode(JournalRecord, value)
        elif kind == layout.CHANGE and value:
            decode(ChangeRecord, value)
    if expected != counts["names"]:
        raise StoreCorrupt(f"zones say that they have {expected} names, there are {counts['names']}")
    return counts


def main() -> None:
    """The process."""
    try:
        told: dict[str, int | str] = dict(read_all(Path(sys.argv[1])))
    except NsblastError as error:
        told = {"error": error.message}
    sys.stdout.buffer.write(msgspec.json.encode(told))


if __name__ == "__main__":
    main()
