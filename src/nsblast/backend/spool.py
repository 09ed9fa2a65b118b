"""Spool files: the entries of a whole zone, or many new zones, on their way from a command to the running server.

In `spool/` of the database folder. A header, then blocks of some hundred entries: u64 length, u32 CRC of all blocks up to and
with this one, MessagePack array of (key, blob) or of NewZone; an empty block ends it: a file cut short is never taken for a small zone. The
reader removes the file; what a command that died left behind is swept when the server starts.
"""

import os
import secrets
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from nsblast.errors import InputError, from_os
from nsblast.zones.model import NewZone

FOLDER = "spool"
_MAGIC = b"nsblast entries 2\n"
_HEAD = struct.Struct("<QI")  # length, CRC
_ENTRIES = 256
_BUFFER = 1 << 20
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[tuple[bytes, bytes]]).decode
_decode_zones = msgspec.msgpack.Decoder(list[NewZone]).decode


def write(db_path: Path, entries: Iterable[tuple[bytes, bytes]] | Iterable[NewZone]) -> str:
    """A new spool file's name. The file belongs to whom the folder does, so that an unprivileged server can read it."""
    path = folder(db_path) / f"{secrets.token_hex(16)}.entries"
    try:
        owner = db_path.stat()
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb", _BUFFER) as out:
            if os.geteuid() == 0:
                os.fchown(out.fileno(), owner.st_uid, owner.st_gid)
            out.write(_MAGIC)
            crc, items = 0, iter(entries)
            while block := list(islice(items, _ENTRIES)):
                body = _encode(block)
                crc = zlib.crc32(body, crc)
                out.write(_HEAD.pack(len(body), crc) + body)
            out.write(_HEAD.pack(0, crc))
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise from_os(error, f"write {path}") from None
        raise
    return path.name


def folder(db_path: Path) -> Path:
    """Where what is under way lies, made when it is not there."""
    path = db_path / FOLDER
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        owner = db_path.stat()
        if os.geteuid() == 0:
            os.chown(path, owner.st_uid, owner.st_gid)
    except OSError as error:
        raise from_os(error, f"make the folder {path}") from None
    return path


def read(db_path: Path, name: str) -> Iterator[tuple[bytes, bytes]]:
    """The entries, once; the file is gone after it. InputError when it is not whole."""
    return _read(db_path, name, _decode)


def read_zones(db_path: Path, name: str) -> Iterator[NewZone]:
    """The same for zones."""
    return _read(db_path, name, _decode_zones)


def _read(db_path: Path, name: str, decode: Callable[[bytes], list[Any]]) -> Iterator[Any]:
    if "/" in name or not name.endswith(".entries"):
        raise InputError(f"{name!r} names no spool file")
    path = db_path / FOLDER / name
    try:
        source = open(path, "rb", _BUFFER)  # noqa: SIM115 - closed below, in a generator
    except OSError as error:
        raise from_os(error, f"read {path}") from None
    try:
        path.unlink()
        size = os.fstat(source.fileno()).st_size
        if source.read(len(_MAGIC)) != _MAGIC:
            raise InputError(f"{path} is no spool file of this version")
        crc = 0
        while True:
            head = source.read(_HEAD.size)
            if len(head) < _HEAD.size:
                raise InputError(f"{path} ends before its end mark")
            length, expected = _HEAD.unpack(head)
            if length > size:
                raise InputError(f"{path} is damaged")
            body = source.read(length)
            crc = zlib.crc32(body, crc)
            if len(body) < length or crc != expected:
                raise InputError(f"{path} is damaged or ends before its end mark")
            if not length:
                return
            try:
                yield from decode(body)
            except msgspec.MsgspecError as error:
                raise InputError(f"{path} holds something else: {error}") from None
    finally:
        source.close()


def sweep(db_path: Path) -> None:
    """Remove what was never read: nobody can ask for it any more."""
    place = db_path / FOLDER
    if place.is_dir():
        for path in place.glob("*.entries"):
            path.unlink(missing_ok=True)
