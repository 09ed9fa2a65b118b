"""Which files of a folder are zone files: *.zone, *.db, and others with a SOA record in them.

Owns: the choice. Never: reading records. Left out: hidden files, editors' and other servers' leftovers, and files that are
only meant to be included by others (no SOA). Folders below are not entered.
"""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from nsblast.errors import InputError, NotFound, from_os

_ALWAYS = (".zone", ".db")
_NEVER = (
    "~",
    ".bak",
    ".orig",
    ".old",
    ".tmp",
    ".swp",
    ".jnl",
    ".jbk",
    ".signed.jnl",
    ".key",
    ".private",
    ".state",
    ".raw",
)
_LOOKED_AT = 64 << 10
_SOA = re.compile(rb"(?im)^[^;\n]*[ \t]SOA[ \t(]")


def zone_files(paths: Iterable[Path]) -> Iterator[Path]:
    """Every file named, and the zone files of every folder named, by name. NotFound, PermissionMissing, InputError."""
    for path in paths:
        if not path.is_dir():
            if not os.path.lexists(path):
                raise NotFound(f"there is no file {path}", file=str(path))
            yield path
            continue
        found = list(_in_folder(path))
        if not found:
            raise InputError(f"there is no zone file in {path}: no *.zone, no *.db, no other file with a SOA record")
        yield from found


def _in_folder(folder: Path) -> Iterator[Path]:
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.is_file())
    except OSError as error:
        raise from_os(error, f"read folder {folder}") from None
    for name in names:
        if name.startswith((".", "#")) or name.endswith(_NEVER):
            continue
        if name.endswith(_ALWAYS) or _has_soa(folder / name):
            yield folder / name


def _has_soa(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            start = file.read(_LOOKED_AT)
    except OSError as error:
        raise from_os(error, f"read {path}") from None
    return b"\0" not in start and _SOA.search(start) is not None
