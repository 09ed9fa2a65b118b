"""Large zones as the messages they were sent in, in files that all workers share: for who asks next, and for the next version.

Owns: the format of these files in both directions, which version each is of, how many octets there are of them and how long they stay.
Never: what is in a message (outgoing.py packs it), what of it a newer version keeps (renewed.py), signatures, access. A zone's secondaries
come one after another for one version, and reading it from the store costs ten times what sending costs; a file costs no memory.

A zone has one image, of two files. The version file says which version it is of, and names stretches of the data file, in their order:
whole frames, each of octets of a body, records in it, octets of its key (NO_KEY = none), key, body. The body is a message without header and
question. No name in it points into the question, so that any spelling of it and any client's header fit. A message that begins with
the first record of an owner name has a key: the owner's key below the apex. From there to the next key is a piece.
Invariants: an image is whole, of exactly one version. A version file is never changed, only replaced; a data file only grows, by one
worker at a time (flock), so that readers of older versions keep what they read; one of which half is no more used is written anew. Who reads
makes sure of the version. What cannot be written is not kept. A server begins with none.
"""

import contextlib
import fcntl
import hashlib
import io
import os
import struct
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self

from nsblast.store.engine import IMAGES
from nsblast.store.values_v1 import ZoneRecord
from nsblast.types import Wire

WORTH = 5000
"""Names of a zone, at least: a smaller one is read as fast."""
ROOM = 512
"""Octets that messages of an image leave free for whatever OPT and signature a client's need."""
SLACK = 1024
"""Octets more that fresh ones leave free: a newer version's message may grow by them without becoming two."""
WORN = 8192
"""An image whose messages have fewer octets than this on average is no more worth renewing."""
STRETCHES = 4_000
"""An image in more of them is written anew."""
STAYS = 86400.0
"""Seconds after its last use; swept when another is kept."""
NO_KEY = 0xFFFF
_AT_ONCE = 256 << 10
_MAGIC = b"nsbimg1\0"
_HEAD = struct.Struct(">8sQQIQQQ32p256p")
_STRETCH = struct.Struct(">QQ")
_FRAME = struct.Struct(">HHH")

Stretch = tuple[int, int]
"""Offset and octets, in a data file."""


class Of(NamedTuple):
    """The version an image is of."""

    apex: Wire
    incarnation: int
    changed_in: int
    serial: int
    journalled: int


def of_zone(apex: Wire, record: ZoneRecord) -> Of:
    """The version that a zone's record tells of."""
    return Of(apex, record.incarnation, record.changed_in, record.serial, record.journalled)


class Frame(NamedTuple):
    """One message of an image."""

    key: bytes | None
    records: int
    body: bytes
    at: Stretch


class Piece(NamedTuple):
    """The messages that hold the owner names from a key to the next: a whole number of entries."""

    key: bytes
    end: bytes | None
    """The next piece's key; None: the last one."""
    frames: list[Frame]
    octets: int


class Image:
    """One whole transfer; close() it."""

    def __init__(
        self, data: BinaryIO, of: Of, records: int, messages: int, name: str, stretches: list[Stretch]
    ) -> None:
        """name: of the data file."""
        self._data = data
        self.of = of
        self.records = records
        self.messages = messages
        self.name = name
        self.stretches = stretches
        self.octets = sum(length for _, length in stretches)

    def is_of(self, now: Of) -> bool:
        """Whether it holds this very version."""
        mine = self.of
        return (mine.incarnation, mine.changed_in, mine.serial) == (now.incarnation, now.changed_in, now.serial)

    @property
    def worn(self) -> bool:
        """Whether its messages have become too small by renewals."""
        return self.messages > 16 and self.octets < self.messages * WORN

    @property
    def scattered(self) -> bool:
        """Whether it is better written anew than added to."""
        return len(self.stretches) > STRETCHES or os.fstat(self._data.fileno()).st_size > 2 * self.octets

    def wires(self, head: bytes) -> Iterator[bytes]:
        """All messages, under this header and question. OSError when they cannot be read."""
        before, after = head[:6], head[8:]
        for _, records, body, _ in self._frames():
            yield before + records.to_bytes(2, "big") + after + body

    def pieces(self) -> Iterator[Piece]:
        """All pieces in their order. OSError when they cannot be read."""
        begun = b""
        frames: list[Frame] = []
        octets = 0
        for frame in self._frames():
            if frame.key is not None and frames:
                yield Piece(begun, frame.key, frames, octets)
                begun, frames, octets = frame.key, [], 0
            frames.append(frame)
            octets += len(frame.body)
        yield Piece(begun, None, frames, octets)

    def _frames(self) -> Iterator[Frame]:
        fd = os.dup(self._data.fileno())  # it may be closed while somebody reads it
        try:
            for start, length in self.stretches:
                at, end = start, start + length
                octets, place = b"", 0
                while at < end:
                    while len(octets) - place < _FRAME.size or len(octets) - place < _length(octets, place):
                        offset = at + len(octets) - place
                        more = os.pread(fd, min(_AT_ONCE, end - offset), offset)
                        if not more:
                            raise OSError("a file of a transfer is shorter than it was")
                        octets, place = octets[place:] + more, 0
                    size, records, key_size = _FRAME.unpack_from(octets, place)
                    key_at = place + _FRAME.size
                    body_at = key_at + (0 if key_size == NO_KEY else key_size)
                    key = None if key_size == NO_KEY else octets[key_at:body_at]
                    taken = body_at + size - place
                    yield Frame(key, records, octets[body_at : body_at + size], (at, taken))
                    at += taken
                    place += taken
        finally:
            os.close(fd)

    def more(self) -> BinaryIO | None:
        """The data file, to be added to; None when another worker does, or it is no more the zone's, or has no room."""
        try:
            fd = os.open(self._data.name, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        except OSError:
            return None
        file = _named(fd, self._data.name)
        with contextlib.suppress(OSError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file.seek(0, os.SEEK_END)
            if os.fstat(fd).st_nlink:
                return file
        file.close()
        return None

    def close(self) -> None:
        """Nobody may begin to read it any more."""
        self._data.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _length(octets: bytes, place: int) -> int:
    """Of the frame at a place, when its head is there."""
    size, _, key_size = _FRAME.unpack_from(octets, place)
    return int(_FRAME.size + size + (0 if key_size == NO_KEY else key_size))


class Making:
    """An image under way: add() each message, keep() at the end, drop() in any case."""

    def __init__(self, file: BinaryIO, of: Of, room: int, head: int, keep: Callable[[bytes], None]) -> None:
        """file: its data, from where it stands; head: octets of header and question; keep: takes the version file's contents."""
        self._file: BinaryIO | None = file
        self._start = self._at = file.tell()
        self._of = of
        self._room = room
        self._head = head
        self._keep = keep
        self._records = self._messages = 0
        self._stretches: list[Stretch] = []

    def add(self, key: bytes | None, message: bytes, at: Stretch | None = None) -> None:
        """The next message, and the key of the owner name that begins with it; without place for it the image is given up.

        at: where it stands, in the image that this one comes from.
        """
        if self._file is None:
            return
        records = message[6:8]
        self._messages += 1
        self._records += int.from_bytes(records, "big")
        if at is None or not self._start:
            length = len(message) - self._head
            frame = length.to_bytes(2, "big") + records
            frame += NO_KEY.to_bytes(2, "big") if key is None else len(key).to_bytes(2, "big") + key
            at = self._at, len(frame) + length
            self._at += at[1]
            if self._at > self._room or len(message) > 65535 - ROOM:
                self.drop()
                return
            try:
                self._file.write(frame)
                self._file.write(memoryview(message)[self._head :])
            except OSError:
                self.drop()
                return
        last = self._stretches[-1] if self._stretches else (0, 0)
        if sum(last) == at[0] and self._stretches:
            self._stretches[-1] = last[0], last[1] + at[1]
        else:
            self._stretches.append(at)

    def keep(self) -> None:
        """It is whole."""
        if self._file is None:
            return
        of, name = self._of, Path(self._file.name).name
        numbers = (of.incarnation, of.changed_in, of.serial, of.journalled, self._records, self._messages)
        head = _HEAD.pack(_MAGIC, *numbers, name.encode(), of.apex)
        try:
            self._file.flush()
            self._keep(head + b"".join(_STRETCH.pack(*one) for one in self._stretches))
        except OSError:
            self.drop()
            return
        file, self._file = self._file, None
        file.close()

    def drop(self) -> None:
        """Nothing more comes; what was kept stays."""
        file, self._file = self._file, None
        if file is None:
            return
        with contextlib.suppress(OSError):
            file.flush()
        with contextlib.suppress(OSError):
            if self._start:
                os.ftruncate(file.fileno(), self._start)
            else:
                Path(file.name).unlink()
        with contextlib.suppress(OSError):  # what was buffered has no place on the disk
            file.close()


class Images:
    """As a worker sees them."""

    def __init__(self, database: Path, most: int) -> None:
        """database: in whose folder they are; most: octets of all together, 0 = none."""
        self._folder = database / IMAGES
        self.most = most
        self._under_way: set[Wire] = set()
        self._numbers = count()

    def find(self, apex: Wire) -> Image | None:
        """The zone's image, of whatever version, which was used now."""
        if not self.most:
            return None
        path = self._place(apex)
        for _ in range(2):  # between its two files it may be replaced
            image = _read(path, apex)
            if image is not None:
                with contextlib.suppress(OSError):
                    os.utime(path)
                return image
        return None

    def begin(self, of: Of, names: int, head: int, older: Image | None = None) -> Making | None:
        """Make one, unless that is not worth it, this worker does already, or there is no place.

        head: octets of header and question; older: what the new one comes from, and is written behind.
        """
        if names < WORTH or not self.most or of.apex in self._under_way:
            return None
        file = self._new(of.apex) if older is None or older.scattered else older.more()
        if file is None:
            return None
        self._under_way.add(of.apex)

        def keep(version: bytes) -> None:
            self._keep(of, file, version)

        return Making(file, of, self.most, head, keep)

    def _new(self, apex: Wire) -> BinaryIO | None:
        """A data file."""
        path = self._folder / f"{self._place(apex).name[:16]}.{os.getpid()}.{next(self._numbers)}"
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError:
            return None
        return _named(fd, str(path))

    def _keep(self, of: Of, data: BinaryIO, version: bytes) -> None:
        place, name = self._place(of.apex), Path(data.name).name
        with self._alone():
            former = _read(place, of.apex)
            if former is not None and former.of.changed_in > of.changed_in:
                former.close()
                raise OSError("another worker has kept a newer version meanwhile")
            part = self._folder / f"{name}.version"
            try:
                if not os.fstat(data.fileno()).st_nlink:
                    raise OSError("another worker has removed the data meanwhile")
                part.write_bytes(version)
                part.replace(place)
            except OSError:
                part.unlink(missing_ok=True)
                raise
            finally:
                if former is not None:
                    former.close()
            # From here on it counts: nothing may have it taken back.
            if former is not None and former.name != name:
                with contextlib.suppress(OSError):
                    (self._folder / former.name).unlink()
        self.adjust(self.most)

    def end(self, apex: Wire) -> None:
        """What begin() began is over."""
        self._under_way.discard(apex)

    def forget(self, apex: Wire) -> None:
        """The zone's image is of no use."""
        with contextlib.suppress(OSError), self._alone():
            self._remove(self._place(apex))

    def adjust(self, most: int) -> None:
        """Another limit; what was not used longest goes first, and what nobody used for long, or a worker that died was making."""
        self.most = most
        with contextlib.suppress(OSError), self._alone():
            sizes = {path.name: path.stat().st_size for path in self._folder.iterdir()}
            kept: list[tuple[float, int, Path]] = []
            used: set[str] = set()
            for name in sizes:
                path = self._folder / name
                if "." not in name:
                    kept.append((path.stat().st_mtime, sizes[name] + sizes.get(_data_of(path), 0), path))
                    used.add(_data_of(path))
            for name in sizes:
                if "." in name and name not in used and not Path("/proc", name.split(".")[1]).exists():
                    (self._folder / name).unlink()
            left = sum(octets for _, octets, _ in kept)
            old = time.time() - STAYS
            for since, octets, path in sorted(kept):
                if left <= most and since > old:
                    break
                self._remove(path)
                left -= octets

    def _remove(self, path: Path) -> None:
        """Of a version, both files."""
        data = _data_of(path)
        path.unlink(missing_ok=True)
        if data:
            (self._folder / data).unlink(missing_ok=True)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """While no other worker puts or takes files. OSError when one does just now, or there is no folder."""
        fd = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        finally:
            os.close(fd)

    def _place(self, apex: Wire) -> Path:
        return self._folder / hashlib.sha256(apex).hexdigest()[:32]


def _named(fd: int, name: str) -> BinaryIO:
    """A file to be written to, that knows its name."""
    raw = io.FileIO(fd, "wb")
    raw.name = name
    return io.BufferedWriter(raw, _AT_ONCE)


def _data_of(path: Path) -> str:
    """The name of a version's data file; "" when there is none."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD.size)
        return str(_HEAD.unpack(head)[7].decode())
    except (OSError, struct.error, ValueError):
        return ""


def _read(path: Path, apex: Wire) -> Image | None:
    """The image of a version file; None when it is none of this zone, or its data are gone."""
    try:
        octets = path.read_bytes()
        magic, incarnation, changed_in, serial, journalled, records, messages, name, zone = _HEAD.unpack_from(octets)
        if magic != _MAGIC or zone != apex or (len(octets) - _HEAD.size) % _STRETCH.size:
            return None
        data = (path.parent / name.decode()).open("rb", buffering=0)
    except (OSError, struct.error, ValueError):
        return None
    stretches = list(_STRETCH.iter_unpack(octets[_HEAD.size :]))
    of = Of(apex, incarnation, changed_in, serial, journalled)
    return Image(data, of, records, messages, name.decode(), stretches)
