"""Every error nsblast raises on purpose, as one tree.

NsblastError
├── UsageError            a command was given something it cannot take
├── SettingsError         a setting is unknown, malformed or contradicts another
├── InputError            data from outside (name, rdata, zone file) is wrong
│   └── ZoneFileError     at one place of a zone file
├── NotFound              the zone, name or type asked for is not there
├── NotKept               it was there once: history does not reach back so far
├── Conflict              it is there already, or changed meanwhile
│   └── Outdated          it is not what the asker last saw (If-Match)
├── Denied                not allowed here
│   ├── Unauthorized      nobody known asks: no credentials, or wrong ones
│   ├── Forbidden         who asks is known, and may not
│   └── TooMany           asked too often; details hold retry_after in seconds
├── StoreError            the database cannot do what was asked
│   ├── StoreLocked       another process has it open
│   ├── StoreCorrupt      it does not read as written
│   ├── StoreMissing      there is none in that folder
│   ├── DiskFull
│   └── Broken            a commit is stored but cannot be shown (store/writer.py)
├── StartError            the server cannot start
│   ├── AddressInUse
│   ├── AddressNotHere    no interface of this machine has that address
│   ├── PermissionMissing
│   └── TooFewFiles       RLIMIT_NOFILE is too low
└── ControlError          the running server cannot be asked
    ├── NotRunning
    └── TimedOut

Each carries the exit code of a command that ends with it, and a message that is whole by itself: it names file, line,
key or value. None of them is ever shown with a traceback. They cross the control socket by name (to_wire, from_wire).
"""

import errno
from typing import Any, ClassVar


class NsblastError(Exception):
    """Root of the tree; exit_code follows sysexits.h where it has a word for it."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    def to_wire(self) -> dict[str, Any]:
        """What crosses the control socket."""
        return {"error": type(self).__name__, "message": self.message, "details": self.details}


class UsageError(NsblastError):
    """A command was given something it cannot take."""

    exit_code = 64


class SettingsError(NsblastError):
    """A setting is unknown, malformed or contradicts another."""

    exit_code = 78


class InputError(NsblastError):
    """Data from outside is wrong; details may hold file, line, column."""

    exit_code = 65


class ZoneFileError(InputError):
    """A zone file is wrong at one place; line 0 = the file as a whole, column 0 = the line as a whole."""

    def __init__(self, path: str, line: int, column: int, expected: str, found: str = "") -> None:
        place = ":".join([path, *(str(number) for number in (line, column) if number)])
        what = f"{place}: expected {expected}" + (f", found {found}" if found else "")
        super().__init__(what, file=path, line=line, column=column, expected=expected, found=found)
        self.path, self.line, self.column, self.expected, self.found = path, line, column, expected, found


class NotFound(NsblastError):
    """What was asked for is not there."""

    exit_code = 3


class NotKept(NsblastError):
    """History does not reach back so far."""

    exit_code = 3


class Conflict(NsblastError):
    """What was to be made is there already, or changed since it was read."""

    exit_code = 4


class Outdated(Conflict):
    """It is not what the asker last saw."""


class Denied(NsblastError):
    """Not allowed here."""

    exit_code = 77


class Unauthorized(Denied):
    """Nobody known asks: there are no credentials, or wrong ones."""


class Forbidden(Denied):
    """Who asks is known, and may not do that."""


class TooMany(Denied):
    """Asked too often; details hold retry_after in seconds."""


class StoreError(NsblastError):
    """The database cannot do what was asked."""

    exit_code = 74


class StoreLocked(StoreError):
    """Another process has the database open."""

    exit_code = 75


class StoreCorrupt(StoreError):
    """The database does not read as it was written."""

    exit_code = 70


class StoreMissing(StoreError):
    """There is no database in that folder."""

    exit_code = 66


class DiskFull(StoreError):
    """No room is left where the database lies."""

    exit_code = 74


class StartError(NsblastError):
    """The server cannot start."""

    exit_code = 71


class AddressInUse(StartError):
    """Another process serves that address and port."""

    exit_code = 69


class AddressNotHere(StartError):
    """No interface of this machine has that address."""

    exit_code = 69


class PermissionMissing(StartError):
    """The system does not allow it to this user."""

    exit_code = 77


class TooFewFiles(StartError):
    """The process may open too few files."""

    exit_code = 71


class ControlError(NsblastError):
    """The running server cannot be asked."""

    exit_code = 69


class NotRunning(ControlError):
    """No server has this database open."""


class TimedOut(ControlError):
    """The answer did not come in the time allowed."""

    exit_code = 75


def _tree(kind: type[NsblastError]) -> dict[str, type[NsblastError]]:
    found = {kind.__name__: kind}
    for child in kind.__subclasses__():
        found.update(_tree(child))
    return found


def from_wire(data: dict[str, Any]) -> NsblastError:
    """The error another process raised; an unknown kind becomes a ControlError with its words kept."""
    kind = _tree(NsblastError).get(str(data.get("error", "")), ControlError)
    error = kind.__new__(kind)
    NsblastError.__init__(
        error, str(data.get("message", "the server gave no reason")), **dict(data.get("details") or {})
    )
    return error


def from_os(error: OSError, doing: str) -> NsblastError:
    """An operating system's refusal in words of ours; doing reads like "open /var/lib/nsblast"."""
    reason = error.strerror or str(error)
    kinds: dict[int, type[NsblastError]] = {
        errno.EADDRINUSE: AddressInUse,
        errno.EADDRNOTAVAIL: AddressNotHere,
        errno.EACCES: PermissionMissing,
        errno.EPERM: PermissionMissing,
        errno.EROFS: PermissionMissing,
        errno.ENOSPC: DiskFull,
        errno.EDQUOT: DiskFull,
        errno.EMFILE: TooFewFiles,
        errno.ENFILE: TooFewFiles,
    }
    return kinds.get(error.errno or 0, StartError)(f"cannot {doing}: {reason}")
