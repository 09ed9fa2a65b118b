"""Refusals of the admin API as errors. Each is also the kind that the same mistake has without HTTP (nsblast.errors), so exit codes agree.

Unreachable is no answer at all; every other is an ApiError with the server's message and its status.
"""

from typing import Any

from nsblast.errors import (
    Conflict,
    ControlError,
    Forbidden,
    InputError,
    NotFound,
    NotKept,
    NsblastError,
    Outdated,
    StoreError,
    TooMany,
    Unauthorized,
)


class ApiError(NsblastError):
    """The server refused, or what answered is no nsblast server."""

    def __init__(self, message: str, *, status: int, value: Any = None, request: str = "", **details: Any) -> None:
        super().__init__(message, status=status, **details)
        self.status = status
        """Of HTTP."""
        self.value = value
        """What the envelope held beside the message."""
        self.request = request
        """The request's id, by which the server's log speaks of it."""

    def to_wire(self) -> dict[str, Any]:
        """As the same mistake is told without HTTP."""
        kind = next(kind for kind in type(self).__mro__[1:] if kind.__module__ == NsblastError.__module__)
        return {**super().to_wire(), "error": kind.__name__}


class BadRequest(ApiError, InputError):
    """400, 413, 415 and other 4xx without a word of their own: what was sent is wrong."""


class NotLoggedIn(ApiError, Unauthorized):
    """401: no credentials, or wrong ones."""


class NotPermitted(ApiError, Forbidden):
    """403."""


class Missing(ApiError, NotFound):
    """404."""


class Taken(ApiError, Conflict):
    """409: it is there already, or in the way."""


class Gone(ApiError, NotKept):
    """410: history does not reach back so far."""


class Stale(ApiError, Outdated):
    """412: If-Match does not hold."""


class SlowDown(ApiError, TooMany):
    """429; details hold retry_after in seconds."""


class ServerFailed(ApiError, StoreError):
    """5xx."""


class Unreachable(ControlError):
    """Nothing answers at the URL, or not in time, or not with a certificate that is trusted."""


_KINDS: dict[int, type[ApiError]] = {
    401: NotLoggedIn,
    403: NotPermitted,
    404: Missing,
    409: Taken,
    410: Gone,
    412: Stale,
    429: SlowDown,
}


def error_of(status: int, message: str, **more: Any) -> ApiError:
    """The error of a status."""
    kind = _KINDS.get(status) or (ServerFailed if status >= 500 else BadRequest)
    return kind(message, status=status, **more)
