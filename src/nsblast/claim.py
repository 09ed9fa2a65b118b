"""The claim on a database folder: one server, or one command that opens the store itself, never both.

RocksDB's own lock guards its files while a process has them open; this one also spans the moments when a server's
control process has died and is coming back. It is a flock on `nsblast.lock`, kept by the supervisor and (by fork) its
children, so it ends with the last of them, however they end.
"""

import errno
import fcntl
import os
from pathlib import Path

from nsblast.errors import StoreLocked, from_os

LOCK_NAME = "nsblast.lock"


class Claim:
    """Held from construction until release() or the end of the process."""

    def __init__(self, db_path: Path, who: str) -> None:
        """Take it; StoreLocked says who has it. who: "server" or the command's name."""
        path = db_path / LOCK_NAME
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise from_os(error, f"lock the database: open {path}") from None
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._fd, 200, 0).decode(errors="replace").strip()
            os.close(self._fd)
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise from_os(error, f"lock {path}") from None
            raise StoreLocked(f"database {db_path} is in use by {holder or 'another process'}") from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{who}, process {os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Give it back. The file stays: removing it would let two claims lie on two files of one name."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
