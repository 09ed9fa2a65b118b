"""Spool files: the entries of a whole zone on their way from a command to the running server.

In `spool/` of the database folder. A header, then (u32 key length, u32 blob length, key, blob) per entry, then an end mark with
their number and a CRC: a file cut short is never taken for a small zone. The reader removes the file; what a command that died
left behind is swept when the server starts.
"""

import os
import secrets
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from nsblast.errors import InputError, from_os

FOLDER = "spool"
_MAGIC = b"nsblast entries 1\n"
_PAIR = struct.Struct("<II")
_END = struct.Struct("<IIQI")  # a pair of ones, number of entries, CRC
_ONES = 0xFFFFFFFF
_BLOCK = 1 << 20


def write(db_path: Path, entries: Iterable[tuple[bytes, bytes]]) -> str:
    """A new spool file's name. The file belongs to whom the folder does, so that an unprivileged server can read it."""
    folder = db_path / FOLDER
    path = folder / f"{secrets.token_hex(16)}.entries"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        owner = db_path.stat()
        if os.geteuid() == 0:
            os.chown(folder, owner.st_uid, owner.st_gid)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb", _BLOCK) as out:
            if os.geteuid() == 0:
                os.fchown(out.fileno(), owner.st_uid, owner.st_gid)
            out.write(_MAGIC)
            crc, number = 0, 0
            for key, blob in entries:
                record = _PAIR.pack(len(key), len(blob)) + key + blob
                crc = zlib.crc32(record, crc)
                out.write(record)
                number += 1
            out.write(_END.pack(_ONES, _ONES, number, crc))
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise from_os(error, f"write {path}") from None
        raise
    return path.name


def read(db_path: Path, name: str) -> Iterator[tuple[bytes, bytes]]:
    """The entries, once; the file is gone after it. InputError when it is not whole."""
    if "/" in name or not name.endswith(".entries"):
        raise InputError(f"{name!r} names no spool file")
    path = db_path / FOLDER / name
    try:
        source = open(path, "rb", _BLOCK)  # noqa: SIM115 - closed below, in a generator
    except OSError as error:
        raise from_os(error, f"read {path}") from None
    try:
        path.unlink()
        if source.read(len(_MAGIC)) != _MAGIC:
            raise InputError(f"{path} is no spool file of this version")
        crc = number = 0
        while True:
            head = source.read(_PAIR.size)
            if len(head) < _PAIR.size:
                raise InputError(f"{path} ends before its end mark")
            key_length, blob_length = _PAIR.unpack(head)
            if key_length == _ONES:
                rest = source.read(_END.size - _PAIR.size)
                if head + rest != _END.pack(_ONES, _ONES, number, crc):
                    raise InputError(f"{path} is damaged")
                return
            body = source.read(key_length + blob_length)
            if len(body) < key_length + blob_length:
                raise InputError(f"{path} ends before its end mark")
            crc = zlib.crc32(head + body, crc)
            number += 1
            yield body[:key_length], body[key_length:]
    finally:
        source.close()


def sweep(db_path: Path) -> None:
    """Remove what was never read: nobody can ask for it any more."""
    folder = db_path / FOLDER
    if folder.is_dir():
        for path in folder.glob("*.entries"):
            path.unlink(missing_ok=True)
