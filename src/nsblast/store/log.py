"""Makes what RocksDB wrote to its log durable, without holding the interpreter's lock while the disk works.

Owns: which log files hold what was written since the last sync. Never: writing them, reading them.
The binding holds the GIL in a synced write, a quarter of a millisecond and at times many, while nothing else of the process can
run. os.fdatasync() does not. A write that did not go to RocksDB's sync is in the page cache when it returns, in the log of
the highest number at that time. Logs are synced in their order, all of them, as RocksDB does: recovery ends at the first hole.
"""

import os
from pathlib import Path

SUFFIX = ".log"


def sync_folder(folder: Path) -> None:
    """What a folder names now, it names after a power cut. OSError."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


class Log:
    """The logs of one open database, whose writer calls note() or sync() after each write and before the next."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = -1
        """Of the newest log known; all older ones are durable."""
        self._named = -1
        """Newest log that the folder names for good."""
        self._file = -1
        self._size = 0
        """Of that log after the last write; -1: unknown."""

    def note(self) -> None:
        """Something was written that need not be durable yet."""
        self._size = -1

    def sync(self) -> None:
        """All that was written is on the disk when this returns. OSError when it cannot be said that it is."""
        if self._file >= 0:
            size = os.fstat(self._file).st_size
            # The last write made it grow, so it went there, whatever logs were begun meanwhile.
            if 0 <= self._size < size:
                os.fdatasync(self._file)
                self._size = size
                return
        self._sync_all()

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _sync_all(self) -> None:
        """The log known and all that were begun since, which the folder must name for good."""
        for name in sorted(self._names()):
            try:
                file = os.open(self._folder / f"{name:06}{SUFFIX}", os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue  # what it held is in a synced table by now
            if self._file >= 0 and name > self._number:
                os.fdatasync(self._file)
            self.close()
            self._file, self._number = file, name
            self._size = os.fstat(file).st_size
            os.fdatasync(file)
        if self._named != self._number:
            sync_folder(self._folder)
            self._named = self._number

    def _names(self) -> list[int]:
        """Numbers of the logs from the one known."""
        stems = (name.removesuffix(SUFFIX) for name in os.listdir(self._folder) if name.endswith(SUFFIX))
        return [int(stem) for stem in stems if stem.isdecimal() and int(stem) >= self._number]
