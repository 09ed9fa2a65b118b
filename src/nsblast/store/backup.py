"""Backups of an open database: made while it serves, listed, verified, deleted.

Owns: the order of the work. Never: the layout of the folder (backup_folder.py), putting one back (restore.py).
A backup begins with a RocksDB checkpoint: hard links to immutable files and a flushed memtable, milliseconds, one commit's state.
Its files then go to the folder of backups, each content once, by a link where both lie in one file system, else by copy; what the last
backup has from the same file is not read again. Counting and hashing are done here without the interpreter's lock; opening
a backup is done by a process of its own (store/verify.py), so that a damaged one can harm nobody.
"""

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from nsblast import __version__
from nsblast.errors import DiskFull, InputError, NotFound, NsblastError, StoreCorrupt, StoreError, from_os
from nsblast.quantities import format_size
from nsblast.store.backup_folder import File, Folder, Manifest, copy_file, link_or_copy, sha256_of
from nsblast.store.engine import Database
from nsblast.types import Clock

CHECKPOINTS = "checkpoints"
"""In the database's folder; what is found there when an operation begins was left by who was killed."""
ROOM = 64 << 20
"""Octets that must be free beside the database before its memtable is flushed: a flush that fails for want of room stops all writes."""


class Verified(msgspec.Struct, frozen=True):
    """What a backup was found to hold."""

    id: int
    files: int
    octets: int
    zones: int
    names: int
    position: int


@dataclass(slots=True)
class Tally:
    """Operations by how they ended, for metrics."""

    made: int = 0
    failed: int = 0


class Backups:
    """The backups of one database."""

    def __init__(self, db_path: Path, path: Path | None = None, *, clock: Clock = time.time) -> None:
        """path: the folder of backups, `backups` in the database's when None."""
        self.folder = Folder(path or db_path / "backups", db_path)
        self.tally = Tally()
        self._db_path = db_path
        self._clock = clock

    def tidy(self) -> None:
        """Remove what was left by who was killed, unless an operation is under way."""
        with contextlib.suppress(NsblastError), self.folder.locked():
            self._sweep_checkpoints()

    def all(self) -> list[Manifest]:
        """All, the oldest first."""
        return self.folder.all()

    def get(self, which: int | str) -> Manifest:
        """By id or uuid; "latest" is the newest. NotFound."""
        ids = self.folder.ids()
        if which == "latest":
            if not ids:
                raise NotFound(f"there is no backup in {self.folder.path}")
            return self.folder.manifest(ids[-1])
        if isinstance(which, int) or which.isdecimal():
            return self.folder.manifest(int(which))
        for number in ids:
            with contextlib.suppress(StoreCorrupt):
                found = self.folder.manifest(number)
                if found.uuid == which:
                    return found
        raise NotFound(f"there is no backup {which} in {self.folder.path}", backup=which)

    # -- making one --

    def create(self, database: Database, comment: str = "") -> Manifest:
        """A backup of the last commit. Conflict while another operation is under way; DiskFull leaves nothing."""
        try:
            with self.folder.locked(create=True), _os_errors(f"back up {database.path} to {self.folder.path}"):
                made = self._create(database, comment)
        except BaseException:
            self.tally.failed += 1
            raise
        self.tally.made += 1
        return made

    def _create(self, database: Database, comment: str) -> Manifest:
        self._sweep_checkpoints()
        free = _free(database.path)
        if free < ROOM:
            raise DiskFull(
                f"cannot back up {database.path}: {format_size(ROOM)} must be free beside it, there are {format_size(free)}"
            )
        checkpoint = database.path / CHECKPOINTS / secrets.token_hex(8)
        checkpoint.parent.mkdir(mode=0o700, exist_ok=True)
        now = self._clock()
        try:
            database.checkpoint(checkpoint)
            files = self._take(checkpoint)
            manifest = Manifest(
                id=self.folder.next_id(),
                uuid=str(uuid.uuid4()),
                timestamp=now,
                version=__version__,
                position=_position(checkpoint),
                files=files,
                comment=comment,
            )
            self.folder.put(manifest)
        finally:
            shutil.rmtree(checkpoint, ignore_errors=True)
        return manifest

    def _take(self, checkpoint: Path) -> list[File]:
        """Bring a checkpoint's files into the folder, as far as they are not there."""
        known = self._known()
        there = set(os.listdir(self.folder.files))
        found = [(path, path.stat()) for path in sorted(checkpoint.iterdir()) if path.name != "LOG"]
        sources = {path: (stat.st_dev, stat.st_ino, stat.st_mtime_ns) for path, stat in found}
        new = [stat.st_size for path, stat in found if known.get((path.name, stat.st_size, sources[path])) not in there]
        if os.stat(self.folder.files).st_dev != os.stat(checkpoint).st_dev and sum(new) > _free(self.folder.files):
            raise DiskFull(
                f"cannot back up to {self.folder.path}: {format_size(sum(new))} are needed,"
                f" {format_size(_free(self.folder.files))} are free"
            )
        return [self._take_one(path, stat.st_size, sources[path], known, there) for path, stat in found]

    def _take_one(
        self, path: Path, size: int, source: tuple[int, int, int], known: "dict[Any, str]", there: set[str]
    ) -> File:
        digest = known.get((path.name, size, source))
        if digest is not None and digest in there:
            return File(path.name, size, digest, source)
        draft = self.folder.work / path.name
        if path.suffix == ".sst":
            link_or_copy(path, draft)
            digest = sha256_of(draft)
        else:
            # A manifest or a log of the checkpoint may be a link to one that still grows.
            digest = copy_file(path, draft)
            size = draft.stat().st_size
        self.folder.give(draft)
        if digest in there:
            draft.unlink()
        else:
            draft.rename(self.folder.files / digest)
            there.add(digest)
        return File(path.name, size, digest, source)

    def _known(self) -> "dict[Any, str]":
        """SHA-256 of the immutable files of the newest backup, by name, size and source."""
        for number in reversed(self.folder.ids()):
            with contextlib.suppress(StoreCorrupt):
                files = self.folder.manifest(number).files
                return {(one.name, one.size, one.source): one.sha256 for one in files if one.name.endswith(".sst")}
        return {}

    def _sweep_checkpoints(self) -> None:
        shutil.rmtree(self._db_path / CHECKPOINTS, ignore_errors=True)

    # -- the others --

    def verify(self, which: int | str) -> Verified:
        """Check every file's size and checksum, open the backup and read all of it. StoreCorrupt says what is wrong."""
        with self.folder.locked(), _os_errors(f"verify backup {which}"):
            manifest = self.get(which)
            for file in manifest.files:
                self._check(manifest, file)
            place = self.folder.work / "open"
            place.mkdir(mode=0o700)
            for file in manifest.files:
                link_or_copy(self.folder.files / file.sha256, place / file.name)
            told = open_and_read(place)
            if told["position"] != manifest.position:
                raise StoreCorrupt(
                    f"backup {manifest.id} ends with commit {told['position']}, its manifest says {manifest.position}"
                )
            return Verified(
                manifest.id, len(manifest.files), manifest.size, told["zones"], told["names"], manifest.position
            )

    def _check(self, manifest: Manifest, file: File) -> None:
        path = self.folder.files / file.sha256
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            raise StoreCorrupt(f"backup {manifest.id}: {file.name} is missing ({path})") from None
        if size != file.size:
            raise StoreCorrupt(
                f"backup {manifest.id}: {file.name} has {size} octets, {file.size} were written ({path})"
            )
        if sha256_of(path) != file.sha256:
            raise StoreCorrupt(f"backup {manifest.id}: {file.name} is damaged: its SHA-256 does not fit ({path})")

    def delete(self, which: int | str) -> int:
        """Remove one; its id. A damaged one goes by its id."""
        with self.folder.locked(), _os_errors(f"delete backup {which}"):
            number = int(which) if str(which).isdecimal() else self.get(which).id
            if number not in self.folder.ids():
                raise NotFound(f"there is no backup {which} in {self.folder.path}", backup=which)
            self.folder.remove(number)
        return number

    def keep(self, number: int) -> list[int]:
        """Remove all but the newest so many, at least one; the ids removed. InputError."""
        if number < 1:
            raise InputError(f"keep: {number}: at least one backup stays; delete the last by its id")
        with self.folder.locked(), _os_errors("delete backups"):
            ids = self.folder.ids()
            gone = ids[: max(0, len(ids) - number)]
            for each in gone:
                self.folder.remove(each)
        return gone


def open_and_read(place: Path) -> dict[str, int]:
    """Open a database's files in a process of its own and read all of them; what was found. StoreCorrupt."""
    done = subprocess.run(
        [sys.executable, "-m", "nsblast.store.verify", str(place)],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    try:
        told: dict[str, Any] = msgspec.json.decode(done.stdout)
    except msgspec.MsgspecError:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        raise StoreCorrupt(
            f"{place} cannot be opened: the process that tried ended with {done.returncode}"
            + (f" ({words[-1]})" if words else "")
        ) from None
    if "error" in told:
        raise StoreCorrupt(f"the backup does not open: {told['error']}")
    return told


def _position(checkpoint: Path) -> int:
    """The last commit of a checkpoint, read as followers do."""
    found = Database.secondary(checkpoint, "position", block_cache=1 << 20)
    try:
        return found.position
    finally:
        found.close()
        shutil.rmtree(checkpoint / "followers", ignore_errors=True)


def _free(path: Path) -> int:
    stat = os.statvfs(path)
    return stat.f_bavail * stat.f_frsize


@contextlib.contextmanager
def _os_errors(doing: str) -> Iterator[None]:
    """The system's refusals as errors of the store."""
    try:
        yield
    except OSError as error:
        told = from_os(error, doing)
        raise told if isinstance(told, StoreError) else StoreError(told.message) from None
