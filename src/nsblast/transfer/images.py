"""Large zones as the messages they were sent in, kept for those who ask for the same version next.

Owns: files that hold whole transfers, which version and question they are of, how many octets of them there are and how long they stay.
Never: what is in a message (outgoing.py packs it), signatures, access. A zone's secondaries come one after another for one version, and
reading it from the store costs ten times what sending costs; a file costs no memory of the process.
Invariants: an image is whole, of exactly one version (the zone's creation and last change by commit number) and of one spelling of the
question, to which its names point; files have no names, so that nothing is left of a worker that died. What cannot be written is not kept.
"""

import contextlib
import os
import tempfile
from asyncio import TimerHandle, get_running_loop
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from nsblast.store.values_v1 import ZoneRecord
from nsblast.types import Wire

WORTH = 5000
"""Names of a zone, at least: a smaller one is read as fast."""
ROOM = 512
"""Octets that messages of an image leave free for whatever OPT and signature a client's need."""
STAYS = 600.0
"""Seconds after its last use."""
_PIECE = 256 << 10
_ANCOUNT = slice(6, 8)

Key = tuple[Wire, int, int, bytes]


def key_of(apex: Wire, record: ZoneRecord, question: bytes) -> Key:
    """What an image is of."""
    return apex, record.incarnation, record.changed_in, question


class Image:
    """One whole transfer in a file; each message behind its length in two octets."""

    def __init__(self, file: BinaryIO, octets: int) -> None:
        self._file = file
        self.octets = octets

    def messages(self, head: bytes) -> Iterator[bytes]:
        """All messages, under this header and question. OSError when they cannot be read."""
        fd = os.dup(self._file.fileno())  # the image may be dropped while somebody reads it
        try:
            at, begun = 0, b""
            while at < self.octets:
                piece = os.pread(fd, _PIECE, at)
                if not piece:
                    raise OSError("a file of a transfer is shorter than it was")
                at += len(piece)
                piece = begun + piece
                place = 0
                while place + 2 <= len(piece):
                    end = place + 2 + int.from_bytes(piece[place : place + 2], "big")
                    if end > len(piece):
                        break
                    message = piece[place + 2 : end]
                    yield head[:6] + message[_ANCOUNT] + head[8:] + message[len(head) :]
                    place = end
                begun = piece[place:]
        finally:
            os.close(fd)

    def close(self) -> None:
        """Nobody may begin to read it any more."""
        self._file.close()


class Making:
    """An image under way: add() each message, keep() at the end, drop() in any case."""

    def __init__(self, file: BinaryIO, room: int, keep: Callable[[Image], None]) -> None:
        self._file: BinaryIO | None = file
        self._room = room
        self._keep = keep
        self._octets = 0

    def add(self, message: bytes) -> None:
        """The next message; when there is no place for it, the image is given up."""
        self._octets += 2 + len(message)
        if self._file is None:
            return
        if self._octets > self._room or len(message) > 65535 - ROOM:
            self.drop()
            return
        try:
            self._file.write(len(message).to_bytes(2, "big") + message)
        except OSError:
            self.drop()

    def keep(self) -> None:
        """It is whole."""
        if self._file is None:
            return
        try:
            self._file.flush()
        except OSError:
            self.drop()
            return
        file, self._file = self._file, None
        self._keep(Image(file, self._octets))

    def drop(self) -> None:
        """Nothing more comes; what was kept stays."""
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):  # what was buffered has no place on the disk
                file.close()


class Images:
    """A worker's."""

    def __init__(self, folder: Path, most: int) -> None:
        """folder: where files are made; most: octets of all together, 0 = none."""
        self._folder = folder
        self.most = most
        self._kept: dict[Key, tuple[Image, TimerHandle]] = {}
        self._under_way: set[Key] = set()

    @property
    def octets(self) -> int:
        """Of all that are kept."""
        return sum(image.octets for image, _ in self._kept.values())

    def find(self, key: Key) -> Image | None:
        """The image of this very version, which was used now."""
        found = self._kept.pop(key, None)
        if found is None:
            return None
        found[1].cancel()
        self._put(key, found[0])
        return found[0]

    def begin(self, key: Key, names: int) -> Making | None:
        """Make one, unless that is not worth it, somebody does already, or there is no place."""
        if names < WORTH or not self.most or key in self._under_way:
            return None
        try:
            # With names it would be left behind by a worker that is killed.
            file = cast(BinaryIO, tempfile.TemporaryFile(dir=self._folder, buffering=_PIECE))  # noqa: SIM115 - it outlives this call
        except OSError:
            return None
        self._under_way.add(key)

        def keep(image: Image) -> None:
            for old in [one for one in self._kept if one[0] == key[0]]:
                self._drop(old)  # an older version, or another spelling
            self._put(key, image)
            self.adjust(self.most)

        return Making(file, self.most, keep)

    def end(self, key: Key) -> None:
        """What begin() began is over."""
        self._under_way.discard(key)

    def adjust(self, most: int) -> None:
        """Another limit; what was not used longest goes first."""
        self.most = most
        while self.octets > most:
            self._drop(next(iter(self._kept)))

    def _put(self, key: Key, image: Image) -> None:
        self._kept[key] = image, get_running_loop().call_later(STAYS, self._drop, key)

    def _drop(self, key: Key) -> None:
        image, timer = self._kept.pop(key)
        timer.cancel()
        image.close()
