"""Replacing a range of entries by a sorted stream: what differs, and files of it to be ingested.

Owns: the merge join, the sorted files, the filter hashes of what is gained. Never: rules, the commit itself (writer.py).
"""

import secrets
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import rocksdict

from nsblast._core.keys import hash_keys
from nsblast.errors import InputError
from nsblast.store import layout
from nsblast.store.engine import Database, meaning
from nsblast.types import Wire

FILE_OCTETS = 256 << 20
HASH_SLICE = 4096

Difference = tuple[bytes, bytes | None, bytes | None]
"""Key, value before, value after; None = absent."""


def difference(database: Database, apex: Wire, entries: Iterable[tuple[bytes, bytes]]) -> Iterator[Difference]:
    """What differs between the zone in the store and the whole, ascending stream of (owner key, blob).

    InputError when the stream is out of order or leaves the zone.
    """
    low, high = layout.entries_range(apex)
    # Closed whatever happens: an iterator that is still there keeps the database open.
    with closing(database.range(low, high)) as here:
        at, blob = next(here, (high, b""))
        last = b""
        for key, new in entries:
            key = b"e" + key
            if not last < key or not low <= key < high:
                raise InputError(f"entries are out of order or outside the zone at key {key!r}")
            last = key
            while at < key:
                if blob:
                    yield at, blob, None
                at, blob = next(here, (high, b""))
            if at == key:
                if blob != new:
                    yield key, blob or None, new
                at, blob = next(here, (high, b""))
            else:
                yield key, None, new
        while at < high:
            if blob:
                yield at, blob, None
            at, blob = next(here, (high, b""))


class EntryFiles:
    """Sorted files of changed entries, in a folder of the database's file system."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder
        self._seed = database.seed
        self._name = secrets.token_hex(8)
        self._writer: rocksdict.SstFileWriter | None = None
        self._written = 0
        self._gained: list[bytes] = []
        self.files: list[Path] = []
        self.hashes: list[bytes] = []

    def put(self, key: bytes, blob: bytes | None, *, gained: bool) -> None:
        """Next key in order; None deletes it. gained: the name was not there before."""
        try:
            writer = self._writer
            if writer is None:
                path = self._folder / f"{self._name}-{len(self.files)}.sst"
                self._writer = writer = rocksdict.SstFileWriter(self._database.options())
                self.files.append(path)
                writer.open(str(path))
            if blob is None:
                del writer[key]
            else:
                writer[key] = blob
                self._written += len(blob)
        except Exception as error:
            # The error's traceback holds this frame: the file must not stay open, and its room taken, for as long.
            self._writer = writer = None
            raise meaning(error, str(self._folder), "write to") from None
        self._written += len(key)
        if gained:
            self._gained.append(key)
            if len(self._gained) == HASH_SLICE:
                self._hash()
        if self._written > FILE_OCTETS:
            self._end_file()

    def end(self) -> None:
        """All was put."""
        self._end_file()
        self._hash()

    def _hash(self) -> None:
        if self._gained:
            self.hashes.append(hash_keys(self._gained, self._seed, 1))
            self._gained = []

    def _end_file(self) -> None:
        if self._writer is not None:
            try:
                self._writer.finish()
            except Exception as error:
                self._writer = None
                raise meaning(error, str(self._folder), "write to") from None
            self._writer = None
            self._written = 0
