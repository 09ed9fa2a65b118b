"""Shared segments for tests: made, mapped and closed; names in them."""

import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from nsblast._core.segment import Segment

SEED = (0x0123456789ABCDEF, 0xFEDCBA9876543210)
MIB = 1 << 20


def name(label: str | int, zone: bytes = b"\7example\0") -> bytes:
    """A name directly below `zone`."""
    text = str(label).encode()
    return bytes([len(text)]) + text + zone


@contextmanager
def segment_file(size: int = MIB, workers: int = 2) -> Iterator[int]:
    """The descriptor of a fresh segment."""
    fd = Segment.create(size, workers)
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def writer_of(fd: int) -> Iterator[Segment]:
    """A writer, as control has one."""
    segment = Segment(fd, writer=True)
    try:
        segment.set_seed(*SEED)
        yield segment
    finally:
        segment.close()


def commit(segment: Segment, number: int, apex: bytes, entries: dict[bytes, bytes], *, pin: bool = True) -> bool:
    """One whole commit; False when something found no place (it is visible all the same)."""
    segment.begin(number, [apex])
    for owner, blob in entries.items():
        segment.put(owner, blob, pin=pin)
    if segment.finish():
        return True
    assert segment.finish(), "a second finish() always finishes"
    return False


def sealed(number: int, owner: bytes, size: int) -> bytes:
    """A blob that tells of which commit and name it is, and whether it is whole."""
    body = number.to_bytes(8, "big") + owner + b"\xa5" * size
    return zlib.crc32(body).to_bytes(4, "big") + body


def unsealed(blob: bytes, owner: bytes) -> int:
    """The commit number of a sealed blob; AssertionError when it is torn or another name's."""
    assert zlib.crc32(blob[4:]).to_bytes(4, "big") == blob[:4], "torn"
    assert blob[12 : 12 + len(owner)] == owner, "another name's entry"
    return int.from_bytes(blob[4:12], "big")


def forked(work: Callable[[], None]) -> int:
    """Run `work` in a child process; its pid. The child exits 0 when it returned, 1 when it raised."""
    pid = os.fork()
    if pid == 0:
        code = 1
        with suppress(BaseException):
            try:
                work()
                code = 0
            except BaseException as error:
                os.write(2, f"child: {error!r}\n".encode())
        os._exit(code)
    return pid
