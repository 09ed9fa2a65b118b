"""The import of a zone file: text in, stored entries in the order of their keys out.

Owns: the way from a source to the stream that a zone is made of; memory is bounded, the rest goes through a temporary file.
Never: the store. Every error names file and line.
"""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

from nsblast._core.collect import Collector, ZoneFault
from nsblast._core.name import fold
from nsblast._core.small import read_files
from nsblast.errors import from_os
from nsblast.types import Wire
from nsblast.zones.zonefile import GENERATE_LIMIT, OnProgress, Source, ZoneReader, find_apex

MEMORY = 256 << 20
"""Octets of records kept in memory before sorted runs are written to a temporary file, unless told otherwise."""

SMALL = 32 << 10
"""Octets of a file that is read ahead, at most."""
READERS = 4
PART = 256
"""Files read by one of them in one go."""


class ZoneImport:
    """One zone, read and sorted; its entries may be asked for more than once."""

    def __init__(self, apex: Wire, reader: ZoneReader, collector: Collector) -> None:
        self.apex = apex
        """Wire form, lower case."""
        self._reader = reader
        self._collector = collector

    @property
    def records(self) -> int:
        """Records read, duplicates among them."""
        return self._collector.records

    @property
    def names(self) -> int:
        """Entries given out by the last entries(), empty non-terminals included."""
        return self._collector.names

    def entries(self, *, hashes: bytearray | None = None) -> Iterator[tuple[bytes, Wire, bytes]]:
        """(owner key, owner name, entry blob), ascending; the rules of a zone are checked on the way: ZoneFileError.

        hashes: name hashes are appended to it, native-endian u64, one for each entry.
        """
        self._collector.bare = False
        for batch in self._batches(hashes):
            yield from batch

    def pairs(self) -> Iterator[tuple[bytes, bytes]]:
        """(owner key, entry blob), as ReplaceZone takes them."""
        self._collector.bare = True
        for batch in self._batches(None):
            yield from batch

    def _batches(self, hashes: bytearray | None) -> Iterator[list[Any]]:
        collector = self._collector
        try:
            collector.rewind()
            while batch := collector.entries(1024):
                found = collector.take_hashes()
                if hashes is not None:
                    hashes += found
                yield batch
        except OSError as error:
            raise from_os(error, f"sort the records of {self._reader.title}") from None
        except ZoneFault as fault:
            raise self._reader.error(fault.file, fault.line, fault.expected, fault.found) from None


def room_for(source: Source, memory: int) -> int:
    """Octets to set aside: small sources need little, whatever is allowed (what they include may still be sorted on disk)."""
    size = len(source) if isinstance(source, bytes) else source.stat().st_size if source.is_file() else 0
    return min(memory, (1 << 20) + 32 * size)


def read_ahead(files: Iterable[Path]) -> Iterator[tuple[Path, bytes | None]]:
    """Each file in order with its text, when that is small and can be read; some are read ahead, side by side: disks like it."""
    given = iter(files)
    with ThreadPoolExecutor(READERS, thread_name_prefix="read") as pool:
        ahead: deque[tuple[list[Path], Future[list[bytes | None]]]] = deque()
        while True:
            while len(ahead) < READERS + 1 and (part := list(islice(given, PART))):
                ahead.append((part, pool.submit(read_files, [os.fsencode(path) for path in part], SMALL)))
            if not ahead:
                return
            part, texts = ahead.popleft()
            yield from zip(part, texts.result(), strict=True)


def read_zone(
    source: Source,
    origin: Wire | None = None,
    *,
    title: str = "",
    seed: tuple[int, int] = (0, 0),
    memory: int = MEMORY,
    spill_dir: str | None = None,
    generate_limit: int = GENERATE_LIMIT,
    generate_octets: int = 0,
    on_progress: OnProgress | None = None,
) -> ZoneImport:
    """Read all of a zone file. origin: the zone's name; the owner of the first SOA when None.

    ZoneFileError for the first thing wrong in the text; the rules that need the whole zone are checked by entries().
    """
    apex = fold(origin) if origin is not None else find_apex(source, title=title, generate_limit=generate_limit)
    collector = Collector(apex, seed=seed, memory=room_for(source, memory), spill_dir=spill_dir)
    reader = ZoneReader(
        source,
        origin=origin or apex,
        title=title,
        generate_limit=generate_limit,
        generate_octets=generate_octets,
        on_progress=on_progress,
    )
    try:
        reader.read(collector)
    except OSError as error:
        raise from_os(error, f"sort the records of {reader.title}") from None
    return ZoneImport(apex, reader, collector)
