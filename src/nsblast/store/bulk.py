"""Replacing a range of entries by a sorted stream: what differs, and files of it to be ingested.

Owns: the merge join, the sorted files, the filter hashes of what is gained. Never: rules, the commit itself (writer.py).
"""

import secrets
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain, islice
from pathlib import Path

import rocksdict

from nsblast._core.keys import ascending_keys, hash_keys
from nsblast.errors import InputError
from nsblast.store import layout
from nsblast.store.engine import Database, meaning
from nsblast.types import Wire

FILE_OCTETS = 256 << 20
SLICE = 1024
"""Entries taken up at a time: some of them may be megabytes long."""

Difference = tuple[bytes, bytes | None, bytes | None]
"""Key, value before, value after; None = absent."""


def difference(database: Database, apex: Wire, entries: Iterable[tuple[bytes, bytes]]) -> Iterator[Difference]:
    """What differs between the zone in the store and the whole, ascending stream of (owner key, blob).

    InputError when the stream is out of order or leaves the zone.
    """
    low, high = layout.entries_range(apex)
    # Closed whatever happens: an iterator that is still there keeps the database open.
    with closing(database.range(low, high)) as here:
        rest: list[tuple[bytes, bytes]] = []
        """Taken from the store and not compared yet."""
        for keys, part in slices(apex, iter(entries)):
            rest += islice(here, max(0, len(part) - len(rest)))
            if _is_same(rest, keys, part):
                del rest[: len(part)]
                continue
            at = 0
            for key, (_, new) in zip(keys, part, strict=True):
                while True:
                    if at == len(rest):
                        rest, at = list(islice(here, SLICE)), 0
                    if not rest or rest[at][0] >= key:
                        break
                    if rest[at][1]:
                        yield *rest[at], None
                    at += 1
                if rest and rest[at][0] == key:
                    blob = rest[at][1]
                    at += 1
                    if blob != new:
                        yield key, blob or None, new
                else:
                    yield key, None, new
            del rest[:at]
        for key, blob in chain(rest, here):
            if blob:
                yield key, blob, None


def _is_same(stored: list[tuple[bytes, bytes]], keys: list[bytes], part: list[tuple[bytes, bytes]]) -> bool:
    """Whether the slice is what the store has next: most are when a zone is read again, and lists are compared in C."""
    stored = stored[: len(part)]
    return [key for key, _ in stored] == keys and [blob for _, blob in stored] == [blob for _, blob in part]


def slices(
    apex: Wire, entries: Iterator[tuple[bytes, bytes]]
) -> Iterator[tuple[list[bytes], list[tuple[bytes, bytes]]]]:
    """A zone's whole, ascending stream, many entries at a time: (their keys in the store, entries). InputError as above."""
    low, high = layout.entries_range(apex)
    last = b""
    while part := list(islice(entries, SLICE)):
        try:
            keys = ascending_keys(part, layout.ENTRY, last)
        except ValueError as error:
            raise _misplaced(str(error)) from None
        if keys[0] < low or keys[-1] >= high:
            raise _misplaced(repr(next(key for key in keys if not low <= key < high)))
        last = keys[-1]
        yield keys, part


def _misplaced(key: str) -> InputError:
    return InputError(f"entries are out of order or outside the zone at key {key}")


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
        writer = self._open_writer()
        try:
            if blob is None:
                del writer[key]
            else:
                writer[key] = blob
        except Exception as error:
            # The error's traceback holds this frame: the file must not stay open, and its room taken, for as long.
            self._writer = writer = None
            raise meaning(error, str(self._folder), "write to") from None
        if gained:
            self._gained.append(key)
        self._count(len(key) + len(blob or b""))

    def put_slice(self, keys: list[bytes], entries: list[tuple[bytes, bytes]], octets: int) -> None:
        """The next of slices(), all gained; octets of them together."""
        writer = self._open_writer()
        try:
            for key, (_, blob) in zip(keys, entries, strict=True):
                writer[key] = blob
        except Exception as error:
            self._writer = writer = None  # as in put()
            raise meaning(error, str(self._folder), "write to") from None
        self._gained += keys
        self._count(octets)

    def _open_writer(self) -> rocksdict.SstFileWriter:
        if self._writer is None:
            path = self._folder / f"{self._name}-{len(self.files)}.sst"
            try:
                writer = rocksdict.SstFileWriter(self._database.options())
                self.files.append(path)
                writer.open(str(path))
            except Exception as error:
                writer = None
                raise meaning(error, str(self._folder), "write to") from None
            self._writer = writer
        return self._writer

    def _count(self, octets: int) -> None:
        self._written += octets
        if len(self._gained) >= SLICE:
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
