"""The store's files as this worker has them mapped: what the kernel holds of them in memory is mapped at once, ahead of questions.

RocksDB maps a file when it opens it; each page is then a fault when it is touched first, several times what a get costs. A
pass asks the kernel what it holds (mincore(2)) and has just that mapped (madvise(2), MADV_POPULATE_READ, Linux 5.14).
Owns: the passes and their thread. Never: reads a page from disk, keeps one in memory (the page cache stays the kernel's,
shared by all processes), or waits for anything. The price: eight octets of page table for each page of 4 KiB.
Only done while the cache is too small for the data: else hardly a question reaches the store.
"""

import ctypes
import mmap
import os
import re
import threading
import time
from collections.abc import Iterator

from nsblast.logs import log
from nsblast.process.slices import USUAL, take_turns_of

_POPULATE_READ = 22
_CHUNK = 8 << 20  # octets looked at in one go: a millisecond of work
_HELD = re.compile(b"[\x01\x03\x05\x07\x09\x0b\x0d\x0f\xff]+")  # of mincore's octets only the lowest bit tells
_PAUSE = 10.0  # seconds until the files are looked at again: compaction has made new ones
_LIBC = ctypes.CDLL(None, use_errno=True)


def mapped_files(folder: str) -> list[tuple[int, int]]:
    """(address, octets) of the sorted files below this folder that this process has mapped."""
    found = []
    prefix, suffix = os.fsencode(os.path.join(os.path.realpath(folder), "")), b".sst"
    with open("/proc/self/maps", "rb") as maps:
        for line in maps:
            fields = line.rstrip(b"\n").split(maxsplit=5)
            if len(fields) == 6 and fields[5].startswith(prefix) and fields[5].endswith(suffix):
                start, _, end = fields[0].partition(b"-")
                found.append((int(start, 16), int(end, 16) - int(start, 16)))
    return found


def held(address: int, octets: int) -> Iterator[tuple[int, int]]:
    """(address, octets) of each stretch of a mapping that the kernel has in memory, mapped or not. Nothing when it is gone."""
    page = mmap.PAGESIZE
    vector = ctypes.create_string_buffer(-(-octets // page))
    if _LIBC.mincore(ctypes.c_void_p(address), ctypes.c_size_t(octets), vector) != 0:
        return
    for stretch in _HELD.finditer(vector.raw):
        yield address + stretch.start() * page, (stretch.end() - stretch.start()) * page


def populate(address: int, octets: int) -> int:
    """Have the kernel map what it holds of this mapping; octets done. OSError when this kernel cannot."""
    done = 0
    for at, length in held(address, octets):
        if _LIBC.madvise(ctypes.c_void_p(at), ctypes.c_size_t(length), _POPULATE_READ) == 0:
            done += length
        elif ctypes.get_errno() == 22:  # EINVAL: no such advice; a mapping that went meanwhile is ENOMEM
            raise OSError(22, "MADV_POPULATE_READ")
    return done


class Mapper:
    """Passes over the store's mappings, each in a thread of its own that takes half of a processor at most."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._seen: set[tuple[int, int]] = set()
        self._thread: threading.Thread | None = None
        self._due = 0.0
        self._stop = threading.Event()

    def maybe(self, wanted: bool) -> None:
        """Begin a pass when one is wanted, none is under way and the last is long enough ago."""
        now = time.monotonic()
        if not wanted or now < self._due or (self._thread is not None and self._thread.is_alive()):
            return
        self._due = now + _PAUSE
        self._thread = threading.Thread(target=self._pass, name="mapper", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No more passes; the one under way ends within milliseconds."""
        self._due = float("inf")
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _pass(self) -> None:
        """What is mapped since the last pass, a chunk at a time."""
        take_turns_of(USUAL)
        files = set(mapped_files(self._folder))
        done, began = 0, time.monotonic()
        try:
            for address, octets in sorted(files - self._seen):
                for at in range(0, octets, _CHUNK):
                    before = time.monotonic()
                    done += populate(address + at, min(_CHUNK, octets - at))
                    if self._stop.wait(time.monotonic() - before):
                        return
        except OSError as error:
            self._due = float("inf")
            log().info("store's files are mapped as they are read", reason=str(error))
            return
        self._seen = files
        if done:
            log().debug("store's files mapped", octets=done, seconds=round(time.monotonic() - began, 3))
