"""Puts a backup in the place of a database: copied, checked, opened for trial, then switched.

Owns: the order of that. Never: the claim on the folder (the caller's), the switch itself (switch.py).
A restore that fails or is killed before the switch leaves the database as it was; what it had copied is removed by the next one.
"""

import contextlib
import os
import shutil
import time
from pathlib import Path

from nsblast.errors import DiskFull, NsblastError, StoreCorrupt, StoreError, from_os
from nsblast.quantities import format_size
from nsblast.store import switch
from nsblast.store.backup import Backups, open_and_read
from nsblast.store.backup_folder import Manifest, copy_file

COMING = "restoring"
ASIDE = "before-restore-"


def restore(backups: Backups, which: int | str, db_path: Path) -> tuple[Manifest, Path | None]:
    """The backup that took the place, and the folder the old database is kept in (None: there was none)."""
    manifest = backups.get(which)
    coming = db_path / COMING
    try:
        switch.finish(db_path)
        shutil.rmtree(coming, ignore_errors=True)
        coming.mkdir(mode=0o700)
        _bring(backups, manifest, coming)
        told = open_and_read(coming)
        if told["position"] != manifest.position:
            raise StoreCorrupt(f"backup {manifest.id} ends with commit {told['position']}, not {manifest.position}")
        _only(manifest, coming)
        aside = f"{ASIDE}{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}"
        while (db_path / aside).exists():
            aside += "x"
        had = bool(switch.owned(db_path))
        switch.switch(db_path, COMING, aside)
    except OSError as error:
        shutil.rmtree(coming, ignore_errors=True)
        told_os = from_os(error, f"restore backup {manifest.id} to {db_path}")
        raise told_os if isinstance(told_os, StoreError) else StoreError(told_os.message) from None
    except NsblastError:
        if not switch.pending(db_path):
            shutil.rmtree(coming, ignore_errors=True)
        raise
    if not had:
        with contextlib.suppress(OSError):
            (db_path / aside).rmdir()
        return manifest, None
    _own(db_path / aside, db_path)
    return manifest, db_path / aside


def _bring(backups: Backups, manifest: Manifest, coming: Path) -> None:
    stat = os.statvfs(coming)
    free = stat.f_bavail * stat.f_frsize
    if manifest.size > free:
        raise DiskFull(
            f"cannot restore backup {manifest.id} to {coming.parent}: {format_size(manifest.size)} are needed,"
            f" {format_size(free)} are free"
        )
    _own(coming, coming.parent)
    for file in manifest.files:
        source = backups.folder.files / file.sha256
        if not source.is_file():
            raise StoreCorrupt(f"backup {manifest.id}: {file.name} is missing ({source})")
        # Copied, never linked: what the server does to its files must not reach the backup.
        if copy_file(source, coming / file.name) != file.sha256:
            raise StoreCorrupt(f"backup {manifest.id}: {file.name} is damaged: its SHA-256 does not fit ({source})")
        _own(coming / file.name, coming.parent)
    switch.sync_folder(coming)


def _only(manifest: Manifest, coming: Path) -> None:
    """Remove what opening it left."""
    names = {file.name for file in manifest.files}
    for path in coming.iterdir():
        if path.name not in names:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _own(path: Path, like: Path) -> None:
    if os.geteuid() == 0:
        owner = like.stat()
        os.chown(path, owner.st_uid, owner.st_gid)
