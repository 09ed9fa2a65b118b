"""Putting another set of RocksDB's files in the place of a database's, so that a crash leaves the old set or the new one, never a mix.

Owns: which files of the folder are the database's, the order of the moves, the note of a switch that has begun. Never: the files'
contents, who may do it (the caller holds the claim).
The new files lie whole and synced in a folder inside the database's; the old ones go to another one there, so that every move is a
rename within one file system, also where the database's folder is a mount point or its parent is not ours. The note
`switching` is put there by one rename, and that is the moment at which the switch counts; whoever opens the database finds
it and finishes the moves, which may be done any number of times. Its two words: "out", old files go aside and nothing new has come;
"in", all old are aside and new ones come.
"""

import os
import re
import shutil
from pathlib import Path

from nsblast.errors import StoreCorrupt, from_os

NOTE = "switching"
_OWNED = re.compile(
    r"CURRENT|IDENTITY|LOCK|rocksdict-config\.json|LOG(\.old\.\d+)?|MANIFEST-\d+|OPTIONS-\d+(\.dbtmp)?|\d+\.(sst|log|blob|dbtmp)|filter-.*"
)
"""RocksDB's own files, its binding's note, and the saved name filter, which says what names the old database had."""


def owned(folder: Path) -> list[str]:
    """Names of the files that make up the database in a folder."""
    return sorted(name for name in os.listdir(folder) if _OWNED.fullmatch(name))


def pending(folder: Path) -> bool:
    """Whether a switch has begun there and has not been finished."""
    return (folder / NOTE).is_file()


def switch(folder: Path, new: str, aside: str) -> None:
    """Put the files of folder/new in place and the old ones into folder/aside. Whatever comes in between, finish() ends it."""
    try:
        (folder / aside).mkdir(mode=0o700)
        _note(folder, "out", new, aside)
    except OSError as error:
        raise from_os(error, f"switch databases in {folder}") from None
    finish(folder)


def finish(folder: Path) -> bool:
    """End a switch that has begun; whether there was one."""
    try:
        words = (folder / NOTE).read_text().split("\n")
    except FileNotFoundError:
        return False
    except OSError as error:
        raise from_os(error, f"read {folder / NOTE}") from None
    if len(words) != 4 or words[0] not in ("out", "in") or "/" in words[1] + words[2]:
        raise StoreCorrupt(
            f"{folder / NOTE} does not read as written: a restore was broken off and its note is damaged"
        )
    phase, new, aside, _ = words
    try:
        if phase == "out":
            _move(folder, folder / aside)
            _note(folder, "in", new, aside)
        if (folder / new).is_dir():
            _move(folder / new, folder)
        (folder / NOTE).unlink()
        shutil.rmtree(folder / new, ignore_errors=True)
        sync_folder(folder)
    except OSError as error:
        raise from_os(error, f"switch databases in {folder}") from None
    return True


def _move(source: Path, target: Path) -> None:
    for name in owned(source):
        (source / name).rename(target / name)
    sync_folder(target)
    sync_folder(source)


def _note(folder: Path, phase: str, new: str, aside: str) -> None:
    draft = folder / f"{NOTE}.new"
    with open(draft, "w") as file:
        file.write(f"{phase}\n{new}\n{aside}\n")
        file.flush()
        os.fsync(file.fileno())
    owner = folder.stat()
    if os.geteuid() == 0:
        os.chown(draft, owner.st_uid, owner.st_gid)
    draft.rename(folder / NOTE)
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Make what was renamed in a folder last; OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
