"""Which Backend a command gets: the running server's when its control socket answers, else the store itself.

Owns: that choice, the claim on the folder while a command has the store open, the wait while a server starts or another
command is at work. Never: what is asked.
Invariant: nobody opens the store without the claim; a server's claim lasts while its control process is replaced.
"""

import time

from nsblast.backend import Backend
from nsblast.backend.remote import RemoteBackend
from nsblast.backend.store import open_for_command
from nsblast.claim import Claim
from nsblast.control import Client
from nsblast.errors import NotRunning, StoreLocked, StoreMissing, TimedOut, from_os
from nsblast.settings import Settings
from nsblast.store import switch

ANSWERS_WITHIN = 10.0
"""Seconds for a server to say that it is there."""
WAIT = 5.0
"""Seconds until a database in use by something that does not answer is an error."""
_BETWEEN = 0.05


def connect(settings: Settings, who: str, *, create: bool = False, wait: float | None = None) -> Backend:
    """The running server, or the store of a stopped one; StoreLocked when somebody has it and does not answer.

    who: the command, for others to read in the claim. create: make the database when there is none.
    wait: seconds, WAIT when None.
    """
    deadline = time.monotonic() + (WAIT if wait is None else wait)
    while True:
        try:
            return _running(settings)
        except NotRunning:
            pass
        try:
            return _stopped(settings, who, create)
        except StoreLocked as error:
            # A server that starts, or whose control process is being replaced; or another command, soon done.
            if time.monotonic() >= deadline:
                raise StoreLocked(f"{error.message}, and no server answers on its control socket") from None
        time.sleep(_BETWEEN)


def _running(settings: Settings) -> Backend:
    # Asked with a limit of time on a connection of its own: what is asked later may take as long as it takes.
    try:
        with Client(settings.db_path, ANSWERS_WITHIN) as client:
            client.call("ping")
    except TimedOut:
        raise TimedOut(f"the server on {settings.db_path} has not answered within {ANSWERS_WITHIN:g} s") from None
    return RemoteBackend(settings.db_path)


def _stopped(settings: Settings, who: str, create: bool) -> Backend:
    path = settings.db_path
    if not (path / "CURRENT").is_file() and not switch.pending(path):
        if not create:
            raise StoreMissing(f"there is no database in {path}")
        try:
            path.mkdir(mode=0o750, parents=True, exist_ok=True)
        except OSError as error:
            raise from_os(error, f"make database folder {path}") from None
    claim = Claim(path, who)
    try:
        return open_for_command(settings, create=create, after=claim.release)
    except BaseException:
        claim.release()
        raise
