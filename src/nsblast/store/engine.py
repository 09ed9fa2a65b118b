"""Opens RocksDB as the one writer or as a follower, and speaks raw octets with it.

Owns: options, the format check, what the library's words of failure mean. Never: what keys and values say.
Facts of rocksdict and of a RocksDB secondary this rests on, each tried and kept by a test:
- A follower takes up a WriteBatch with delete_range in it, and an ingested file, but for two habits. It looks into its memtable
  before files, so that a key of the memtable hides a newer value in a file until the memtable is switched; and it switches
  only when it reads a record of a later log. Hence nudge(): a small record after each ingestion.
- Every commit writes `mseq`, so a get of `mseq` is never newer than what a get of any other key may give
  (position), while a merged iterator gives the newest that any get may give (horizon).
- Iterator bounds are encoded as typed keys even in raw mode: useless. Ranges are ended by comparing keys.
- get costs well under 1 us in the memtable and about 5 us in files. Every call holds the GIL throughout. A synced
  write would too, so log.py does the syncing.
"""

import contextlib
import os
import re
import resource
import secrets
import shutil
import threading
from collections.abc import Generator, Iterable, Iterator
from itertools import islice
from pathlib import Path

import rocksdict

from nsblast.errors import (
    DiskFull,
    NsblastError,
    PermissionMissing,
    StoreCorrupt,
    StoreError,
    StoreLocked,
    StoreMissing,
    TooFewFiles,
)
from nsblast.store import switch
from nsblast.store.layout import FORMAT_KEY, NUDGE_KEY, OWNED_KEY, SEED_KEY, SEQUENCE_KEY
from nsblast.store.log import Log, sync_folder

FORMAT = b"nsblast 1"
BLOCK_CACHE = 64 << 20
WAL_MAX = 16 << 20
"""A log above this is flushed: bounds recovery at start and the first catch-up of a follower."""
MEMTABLE = 8 << 20
FILES_MIN = 256
SLICE_STEP = 64
"""Entries of a slice that are read before their octets are counted."""
FOLLOWERS = "followers"
IMAGES = "images"
"""Workers keep whole transfers there (transfer/images.py)."""

Batch = rocksdict.WriteBatch

_MEANINGS: tuple[tuple[str, type[StoreError] | type[TooFewFiles] | type[PermissionMissing], str], ...] = (
    (r"lock hold|While lock file|LOCK: Resource temporarily", StoreLocked, "another process has the database open"),
    (r"No space left|Disk quota", DiskFull, "no room is left on the disk"),
    (r"File too large", DiskFull, "files may not grow that large for this user (ulimit -f)"),
    (r"Too many open files", TooFewFiles, "too few file handles are allowed (raise LimitNOFILE or ulimit -n)"),
    (r"Permission denied|Read-only file system", PermissionMissing, "the system does not allow it"),
    (r"Corruption|checksum|CURRENT file|Bad table|truncated", StoreCorrupt, "the database is damaged"),
    (r"No such file|does not exist|NotFound", StoreMissing, "there is no database"),
)


def meaning(error: Exception, path: str, doing: str) -> Exception:
    """The library's error in words of ours."""
    text = str(error).strip()
    for pattern, kind, words in _MEANINGS:
        if re.search(pattern, text, re.IGNORECASE):
            return kind(f"cannot {doing} {path}: {words} ({text})")
    return StoreError(f"cannot {doing} {path}: {text}")


class NotDurable(StoreError):
    """The database shows a batch that a crash may undo: only opening it anew tells which."""


class Database:
    """One open database. As primary it is the only writer; as follower it sees what the primary wrote up to the last catch_up()."""

    def __init__(self, path: Path, *, follower: Path | None, block_cache: int, create: bool) -> None:
        self.path = path
        self.follower = follower
        self._closed = False
        self._cache = rocksdict.Cache(block_cache)
        access = rocksdict.AccessType.read_write()
        if follower is None:
            _prepare(path, create)
        else:
            if not (path / "CURRENT").is_file():
                raise StoreMissing(f"cannot open {path}: there is no database")
            follower.mkdir(parents=True, exist_ok=True)
            access = rocksdict.AccessType.secondary(str(follower))
        try:
            self._options = self.options()
            if follower is None:
                self._options.enable_statistics()
            self._db = rocksdict.Rdict(str(path), self._options, access_type=access)
        except Exception as error:
            raise meaning(error, str(path), "open") from None
        self._log = Log(path)
        self._writing = threading.Lock()
        self._check_format(create)

    @classmethod
    def primary(
        cls, path: str | os.PathLike[str], *, block_cache: int = BLOCK_CACHE, create: bool = True
    ) -> "Database":
        """Open for writing; made when missing and create is set. StoreLocked when another process has it open."""
        return cls(Path(path), follower=None, block_cache=block_cache, create=create)

    @classmethod
    def secondary(cls, path: str | os.PathLike[str], name: str, *, block_cache: int = BLOCK_CACHE) -> "Database":
        """Open as a follower; `name` is the process id."""
        return cls(Path(path), follower=Path(path) / FOLLOWERS / name, block_cache=block_cache, create=False)

    def options(self) -> rocksdict.Options:
        """How files are written and read; also for files to be ingested."""
        blocks = rocksdict.BlockBasedOptions()
        blocks.set_block_cache(self._cache)
        blocks.set_bloom_filter(10, False)
        # A get reads one block: a page of it, that its hash index finds the key in.
        blocks.set_block_size(4 << 10)
        blocks.set_format_version(5)
        blocks.set_cache_index_and_filter_blocks(False)
        blocks.set_data_block_index_type(rocksdict.DataBlockIndexType.binary_and_hash())
        options = rocksdict.Options(raw_mode=True)
        options.create_if_missing(self.follower is None)
        options.set_block_based_table_factory(blocks)
        # Workers read blocks where the kernel has them, without copy, second cache or unpacking: half the time of a get.
        options.set_compression_type(rocksdict.DBCompressionType.none())
        options.set_allow_mmap_reads(self.follower is not None)
        # A follower must keep every file open: the primary deletes what it has compacted away.
        options.set_max_open_files(-1)
        options.set_write_buffer_size(MEMTABLE)
        options.set_max_write_buffer_number(4)
        options.set_max_total_wal_size(WAL_MAX)
        options.set_max_background_jobs(2)
        options.set_level_compaction_dynamic_level_bytes(True)
        options.set_bytes_per_sync(1 << 20)
        options.set_keep_log_file_num(4)
        options.set_max_log_file_size(4 << 20)
        options.set_skip_stats_update_on_db_open(True)
        options.set_wal_recovery_mode(rocksdict.DBRecoveryMode.point_in_time())
        if self.follower is not None:
            options.set_db_log_dir(str(self.follower))
        return options

    def _check_format(self, create: bool) -> None:
        found = self.get(FORMAT_KEY)
        if found is None and self.follower is None and create and next(self.range(b"", b"\xff"), None) is None:
            batch = Batch(raw_mode=True)
            batch.put(FORMAT_KEY, FORMAT)
            batch.put(SEED_KEY, secrets.token_bytes(16))
            batch.put(SEQUENCE_KEY, bytes(8))
            batch.put(OWNED_KEY, b"1")
            self.write(batch)
            return
        if found != FORMAT:
            self.close()
            told = found.decode("ascii", "replace") if found else "none"
            raise StoreCorrupt(
                f"cannot open {self.path}: its format is {told!r}, this version reads {FORMAT.decode()!r}"
            )

    # -- reading --

    def get(self, key: bytes) -> bytes | None:
        """The value, or None."""
        try:
            found: bytes | None = self._db.get(key)
        except Exception as error:
            raise meaning(error, str(self.path), "read") from None
        return found

    def range(self, low: bytes, high: bytes, *, backwards: bool = False) -> Generator[tuple[bytes, bytes], None, None]:
        """(key, value) of low <= key < high, as it was when the iteration began."""
        try:
            at = self._db.iter()
            if not backwards:
                at.seek(low)
                while at.valid():
                    key = at.key()
                    if key >= high:
                        return
                    yield key, at.value()
                    at.next()
            else:
                at.seek_for_prev(high)
                while at.valid():
                    key = at.key()
                    if key < low:
                        return
                    if key < high:
                        yield key, at.value()
                    at.prev()
            at.status()
        except GeneratorExit:
            raise
        except Exception as error:
            raise meaning(error, str(self.path), "read") from None

    def slices(self, low: bytes, high: bytes, most: int, octets: int) -> Iterator[list[tuple[bytes, bytes]]]:
        """The same in lists of about so many at most, that end when their values have so many octets; as it was at this very call.

        One call of the binding an entry instead of range()'s four. Its iterator ends alike at the end and at an error: so high must
        lie below some key of the database (SEQUENCE_KEY is always there), and an end before that is an error.
        """
        if high > SEQUENCE_KEY:
            raise ValueError("slices end below the commit number's key")
        try:
            at = self._db.items(from_key=low)
        except Exception as error:
            raise meaning(error, str(self.path), "read") from None
        return self._slices(at, high, most, octets)

    def _slices(
        self, at: Iterator[tuple[bytes, bytes]], high: bytes, most: int, octets: int
    ) -> Iterator[list[tuple[bytes, bytes]]]:
        step = min(most, SLICE_STEP)
        while True:
            found: list[tuple[bytes, bytes]] = []
            held = 0
            try:
                while len(found) < most and held < octets:
                    part = list(islice(at, step))
                    if not part:
                        raise StoreError(f"cannot read {self.path}: the database ends too early")
                    if part[-1][0] >= high:
                        found += [one for one in part if one[0] < high]
                        if found:
                            yield found
                        return
                    found += part
                    held += sum(len(value) for _, value in part)
            except NsblastError:
                raise
            except Exception as error:
                raise meaning(error, str(self.path), "read") from None
            yield found

    def still(self) -> "Still":
        """For a few keys here and there, all as they are at this very call."""
        try:
            return Still(self._db.iter(), self.path)
        except Exception as error:
            raise meaning(error, str(self.path), "read") from None

    def keys_below(self, low: bytes, high: bytes) -> Iterator[bytes]:
        """Keys alone, ascending."""
        return (key for key, _ in self.range(low, high))

    @property
    def seed(self) -> tuple[int, int]:
        """The secret of this database's name hashes."""
        octets = self.get(SEED_KEY) or bytes(16)
        return int.from_bytes(octets[:8], "little"), int.from_bytes(octets[8:], "little")

    @property
    def position(self) -> int:
        """Number of the last commit that every get sees."""
        return int.from_bytes(self.get(SEQUENCE_KEY) or b"", "big")

    @property
    def horizon(self) -> int:
        """Number of the last commit that some get may see; above position only between a flush and the next commit."""
        found = next(self.range(SEQUENCE_KEY, SEQUENCE_KEY + b"\0"), None)
        return int.from_bytes(found[1], "big") if found else 0

    def property(self, name: str) -> str | None:
        """One of RocksDB's own properties, "rocksdb.stats" for example."""
        value: str | None = self._db.property_value(name)
        return value

    def statistics(self) -> str:
        """RocksDB's counters since this process opened it, as RocksDB writes them; "" of a follower."""
        return str(self._options.get_statistics() or "")

    # -- following --

    def catch_up(self) -> None:
        """As a follower: see what the primary wrote meanwhile. Holds the GIL throughout."""
        try:
            self._db.try_catch_up_with_primary()
        except Exception as error:
            raise meaning(error, str(self.path), "follow") from None

    # -- writing --

    def write(self, batch: rocksdict.WriteBatch, *, sync: bool = True) -> None:
        """All of it or nothing, on the disk when this returns; NotDurable when it is written but perhaps not on the disk."""
        with self._writing:
            try:
                self._db.write(batch)
            except Exception as error:
                self._log.note()
                raise meaning(error, str(self.path), "write to") from None
            if not sync:
                self._log.note()
                return
            try:
                self._log.sync()
            except OSError as error:
                self._log.note()
                raise NotDurable(f"cannot sync {self.path}: {error.strerror}") from None

    def nudge(self) -> None:
        """Make followers take up what was ingested or flushed."""
        batch = Batch(raw_mode=True)
        batch.put(NUDGE_KEY, b"")
        self.write(batch, sync=False)

    def ingest(self, files: Iterable[Path]) -> None:
        """Take up sorted files, atomically; they are moved into the database."""
        options = rocksdict.IngestExternalFileOptions()
        options.set_move_files(True)
        try:
            self._db.ingest_external_file([str(file) for file in files], options)
        except Exception as error:
            raise meaning(error, str(self.path), "ingest into") from None

    def flush(self) -> None:
        """Memtable to file."""
        try:
            self._db.flush()
        except Exception as error:
            raise meaning(error, str(self.path), "flush") from None

    def checkpoint(self, path: Path) -> None:
        """A consistent copy made of hard links; path must not exist."""
        try:
            rocksdict.Checkpoint(self._db).create_checkpoint(str(path))
        except Exception as error:
            raise meaning(error, str(path), "make a checkpoint in") from None

    def close(self) -> None:
        """A follower's own folder goes with it. Closing twice is nothing."""
        if self._closed:
            return
        self._closed = True
        self._log.close()
        # Closing flushes the memtable, for which a full disk has no room; all of it is in the synced log as well.
        with contextlib.suppress(Exception):
            self._db.close()
        if self.follower is not None:
            shutil.rmtree(self.follower, ignore_errors=True)


class Still:
    """The database as it was when this was made; Database.still() makes it."""

    def __init__(self, at: rocksdict.RdictIter, path: Path) -> None:
        self._at = at
        self._path = path

    def get(self, key: bytes) -> bytes | None:
        """The value, or None."""
        try:
            self._at.seek(key)
            if self._at.valid():
                value: bytes = self._at.value()
                return value if self._at.key() == key else None
            self._at.status()
        except Exception as error:
            raise meaning(error, str(self._path), "read") from None
        return None


def _prepare(path: Path, create: bool) -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < FILES_MIN:
        raise TooFewFiles(f"cannot open {path}: only {soft} files may be open, {FILES_MIN} are needed (ulimit -n)")
    if path.is_dir():
        switch.finish(path)
    if not create and not (path / "CURRENT").is_file():
        raise StoreMissing(f"cannot open {path}: there is no database")
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder in missing:
            sync_folder(folder.parent)
    except OSError as error:
        raise PermissionMissing(f"cannot make the folder {path}: {error.strerror}") from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise PermissionMissing(f"cannot write to {path}: the system does not allow it")


def destroy(path: str | os.PathLike[str]) -> None:
    """Remove a database that nobody has open; other files in its folder stay, and all of it where the system refuses."""
    with contextlib.suppress(Exception):
        rocksdict.Rdict.destroy(str(path), rocksdict.Options(raw_mode=True))


def sweep_followers(path: str | os.PathLike[str]) -> None:
    """Remove what followers that are gone left behind; their folders are named by their process ids."""
    folder = Path(path) / FOLLOWERS
    if folder.is_dir():
        for child in folder.iterdir():
            if not Path("/proc", child.name).exists():
                shutil.rmtree(child, ignore_errors=True)


def sweep_images(path: str | os.PathLike[str]) -> None:
    """Remove what workers of an earlier server kept of transfers."""
    shutil.rmtree(Path(path) / IMAGES, ignore_errors=True)
