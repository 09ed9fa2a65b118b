"""The folder of backups: what lies in it, its lock, its sweeping.

    lock                 held (flock) by the one operation that may be under way
    files/<sha256>       what backups are made of, each content once, never altered
    manifests/<id>.json  one backup: its files by name, size and SHA-256; the rename to this name makes it
    work/                what is being made; nothing in it counts

Owns: these. Never: a database. A manifest carries a checksum of itself. What was written by who was killed is in work/, or a
file that no manifest names: sweep(), which begins every operation and is called when the server starts, removes both.
Everything belongs to the owner of the database's folder, so that root's backups are the server's as well.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec

from nsblast.errors import Conflict, NotFound, StoreCorrupt, from_os
from nsblast.store.switch import sync_folder

_CHUNK = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class File(msgspec.Struct, frozen=True):
    """One file of a database."""

    name: str
    size: int
    sha256: str
    source: tuple[int, int, int] = (0, 0, 0)
    """Device, inode and time (ns) of the database's file: the same again is the same content, and need not be read."""


class Manifest(msgspec.Struct, frozen=True):
    """One backup."""

    id: int
    uuid: str
    timestamp: float
    """Seconds since 1970."""
    version: str
    """Of nsblast that made it."""
    position: int
    """Its last commit."""
    files: list[File]
    comment: str = ""

    @property
    def size(self) -> int:
        """Octets that a restore writes; what it shares with others is counted in each."""
        return sum(file.size for file in self.files)


class _Sealed(msgspec.Struct):
    sha256: str
    manifest: msgspec.Raw


class Folder:
    """One folder of backups; made by the first operation that writes."""

    def __init__(self, path: Path, owner: Path) -> None:
        """owner: the folder whose owner all that is made gets."""
        self.path = path
        self.files = path / "files"
        self.work = path / "work"
        self._manifests = path / "manifests"
        self._owner = owner

    @contextlib.contextmanager
    def locked(self, *, create: bool = False) -> Iterator[None]:
        """For one operation, which begins on a swept folder; Conflict while another is under way, in any process."""
        if create:
            self._make()
        elif not self.path.is_dir():
            yield
            return
        try:
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise from_os(error, f"open {self.path / 'lock'}") from None
        try:
            self.give(self.path / "lock")
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                    raise from_os(error, f"lock {self.path}") from None
                raise Conflict(f"another backup operation is under way in {self.path}") from None
            self.sweep()
            try:
                yield
            finally:
                self.sweep()
        finally:
            os.close(descriptor)

    def _make(self) -> None:
        try:
            for folder in (self.path, self.files, self._manifests, self.work):
                if not folder.is_dir():
                    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                    self.give(folder)
        except OSError as error:
            raise from_os(error, f"make the folder of backups {self.path}") from None

    def give(self, path: Path) -> None:
        """Make the file its owner's."""
        if os.geteuid() == 0:
            owner = self._owner.stat()
            os.chown(path, owner.st_uid, owner.st_gid)

    def sweep(self) -> None:
        """Remove what belongs to no backup. The caller holds the lock."""
        shutil.rmtree(self.work, ignore_errors=True)
        if self.path.is_dir():
            with contextlib.suppress(OSError):
                self.work.mkdir(mode=0o700)
                self.give(self.work)
        if self.files.is_dir():
            try:
                used = {file.sha256 for manifest in self.all() for file in manifest.files}
            except StoreCorrupt:
                return  # what a damaged manifest names is not known: nothing is removed
            for name in os.listdir(self.files):
                if name not in used:
                    (self.files / name).unlink(missing_ok=True)

    # -- manifests --

    def ids(self) -> list[int]:
        """Of all backups, damaged ones too, ascending."""
        if not self._manifests.is_dir():
            return []
        names = (Path(name) for name in os.listdir(self._manifests))
        return sorted(int(name.stem) for name in names if name.suffix == ".json" and name.stem.isdecimal())

    def all(self) -> list[Manifest]:
        """Every backup, ascending; StoreCorrupt when one does not read."""
        return [self.manifest(number) for number in self.ids()]

    def manifest(self, number: int) -> Manifest:
        """One backup; NotFound, or StoreCorrupt when it does not read as written."""
        path = self._manifests / f"{number}.json"
        try:
            octets = path.read_bytes()
        except FileNotFoundError:
            raise NotFound(f"there is no backup {number} in {self.path}", backup=number) from None
        except OSError as error:
            raise from_os(error, f"read {path}") from None
        try:
            sealed = msgspec.json.decode(octets, type=_Sealed)
            if hashlib.sha256(sealed.manifest).hexdigest() != sealed.sha256:
                raise StoreCorrupt(f"{path} is damaged: its checksum does not fit", backup=number)
            found = msgspec.json.decode(sealed.manifest, type=Manifest)
        except msgspec.MsgspecError as error:
            raise StoreCorrupt(f"{path} is damaged: {error}", backup=number) from None
        if found.id != number:
            raise StoreCorrupt(f"{path} is damaged: it says it is backup {found.id}", backup=number)
        for file in found.files:
            # They become paths, and whoever may write here could have made the checksum too.
            if not _NAME.fullmatch(file.name) or not _SHA256.fullmatch(file.sha256):
                raise StoreCorrupt(f"{path} is damaged: it names a file {file.name!r}", backup=number)
        return found

    def put(self, manifest: Manifest) -> None:
        """The backup exists when this returns. OSError."""
        body = msgspec.json.encode(manifest)
        sealed = msgspec.json.encode(_Sealed(hashlib.sha256(body).hexdigest(), msgspec.Raw(body)))
        draft = self.work / f"{manifest.id}.json"
        with open(draft, "xb") as file:
            file.write(sealed)
            file.flush()
            os.fsync(file.fileno())
        self.give(draft)
        sync_folder(self.files)
        draft.rename(self._manifests / draft.name)
        sync_folder(self._manifests)

    def remove(self, number: int) -> None:
        """The backup is gone when this returns; sweep() takes the files that were its alone. OSError."""
        (self._manifests / f"{number}.json").unlink()
        sync_folder(self._manifests)

    def next_id(self) -> int:
        """Above all there are."""
        return max(self.ids(), default=0) + 1


def sha256_of(path: Path) -> str:
    """Of a file's contents; OSError."""
    with open(path, "rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def copy_file(source: Path, target: Path) -> str:
    """Copy, synced; the SHA-256 of what was read. OSError; the target must not exist."""
    digest = hashlib.sha256()
    with open(source, "rb", buffering=0) as read, open(target, "xb", buffering=0) as write:
        while part := read.read(_CHUNK):
            digest.update(part)
            left = memoryview(part)
            while left:
                left = left[write.write(left) :]
        os.fsync(write.fileno())
    return digest.hexdigest()


def link_or_copy(source: Path, target: Path) -> None:
    """The same file under another name, or a copy where the file system has no such thing. OSError."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP):
            raise
        copy_file(source, target)
