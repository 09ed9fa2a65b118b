"""The name filter on disk, so that a start need not read every name.

Owns: the file's format, in both directions. Never: which names have come since it was written (its commit number says that).
A file is written beside its place, synced, and renamed; one that is damaged, foreign or too large for the room is no file.
"""

import contextlib
import os
import struct
import sys
import zlib
from typing import NamedTuple

_HEAD = struct.Struct("=8sIIQQQQQ")  # magic, byte order, checksum of all that follows it, seeds, number, names, octets
_MAGIC = b"nsbfilt\x01"
_ORDER = 1 if sys.byteorder == "little" else 2
_PIECE = 1 << 22
LINE = 64


class Title(NamedTuple):
    """What a filter is of."""

    seed_a: int
    seed_b: int
    number: int  # commit up to which every name is in it
    names: int
    lines: int = 0


def _checksum(fields: bytes, bits: memoryview) -> int:
    value = zlib.crc32(fields)
    for at in range(0, len(bits), _PIECE):
        value = zlib.crc32(bits[at : at + _PIECE], value)
    return value


def save(path: str, title: Title, bits: memoryview) -> None:
    """Write atomically; OSError when the disk will not have it. Bits may be added meanwhile: they are copied piece by piece."""
    fields = struct.pack("=QQQQQ", title.seed_a, title.seed_b, title.number, title.names, len(bits))
    part = f"{path}.part"
    try:
        with open(part, "wb", buffering=0) as file:
            file.write(bytes(_HEAD.size))
            checksum = zlib.crc32(fields)
            for at in range(0, len(bits), _PIECE):
                piece = bytes(bits[at : at + _PIECE])
                checksum = zlib.crc32(piece, checksum)
                if file.write(piece) != len(piece):
                    raise OSError(f"{part}: the disk took only a part")
            file.seek(0)
            file.write(struct.pack("=8sII", _MAGIC, _ORDER, checksum) + fields)
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part)
        raise
    folder = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def load(path: str, seed: tuple[int, int], room: memoryview) -> Title | None:
    """Read the bits into `room`; None when there is no file, or one that is not for this seed, whole and small enough."""
    try:
        with open(path, "rb", buffering=0) as file:
            head = file.read(_HEAD.size)
            if len(head) != _HEAD.size:
                return None
            magic, order, checksum, seed_a, seed_b, number, names, octets = _HEAD.unpack(head)
            if (magic, order, (seed_a, seed_b)) != (_MAGIC, _ORDER, seed):
                return None
            if not 0 < octets <= len(room) or octets % LINE or os.fstat(file.fileno()).st_size != len(head) + octets:
                return None
            at = 0
            while at < octets:
                got = file.readinto(room[at:octets])
                if not got:
                    return None
                at += got
    except OSError:
        return None
    if _checksum(head[16:], room[:octets]) != checksum:
        return None
    return Title(seed_a, seed_b, number, names, octets // LINE)
