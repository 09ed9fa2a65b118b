"""What an endpoint of the admin API is, what it is handed and what it answers: the face every routes_*.py is written against.

Owns: Endpoint (one line of the table), Call, Answer, the query parameters that many endpoints share, Site (what endpoints work on).
Never: HTTP itself (rim.py), what an endpoint does. Errors are raised as NsblastError; rim.py alone turns them into a status.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Protocol

import msgspec
from msgspec import Meta, Struct

from nsblast.access.accounts import Accounts
from nsblast.access.login import Login
from nsblast.access.may import Actor
from nsblast.access.permissions import Permission
from nsblast.backend.local import LocalBackend
from nsblast.errors import NsblastError
from nsblast.settings import Settings

BASE = "/api/v1"
PAGE_MAX = 1000
WAIT_MAX = 300


class Refused(NsblastError):
    """An error that only HTTP has a word for: its status, and headers that go with it."""

    status: ClassVar[int] = 400

    def __init__(self, message: str, *, status: int = 0, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code = status or self.status
        self.headers = dict(headers or {})


# -- query parameters; an endpoint's own struct inherits from those it takes


class Nothing(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """An endpoint that takes no parameters."""


class Acting(Nothing, kw_only=True, frozen=True):
    """Work in another tenant."""

    tenant: Annotated[str, Meta(description="act in this tenant (id or name); needs IMPERSONATE_TENANT")] = ""


class Writing(Acting, kw_only=True, frozen=True):
    """A change."""

    wait: Annotated[
        float, Meta(ge=0, le=WAIT_MAX, description="seconds to wait until the zone's secondaries have the change")
    ] = 0.0
    dry_run: Annotated[bool, Meta(description="same checks, same errors; answers the difference, changes nothing")] = (
        False
    )


class Changing(Writing, kw_only=True, frozen=True):
    """A change of one zone's contents."""

    diff: Annotated[bool, Meta(description="tell the difference that was made, as a dry run does")] = False


class Appending(Changing, kw_only=True, frozen=True):
    """A merge that may add to what is there."""

    append: Annotated[bool, Meta(description="add values to those that are there, without duplicates")] = False


class Paging(Acting, kw_only=True, frozen=True):
    """A list, in pages by key."""

    limit: Annotated[int, Meta(ge=1, le=PAGE_MAX, description="items at most")] = 100
    start: Annotated[str, Meta(description="start after this key (klast of the page before)")] = msgspec.field(
        default="", name="from"
    )
    direction: Annotated[Literal["forward", "backward"], Meta(description="order of keys")] = "forward"
    kind: Annotated[Literal["id", "brief", "default", "verbose"], Meta(description="how much of each item")] = "default"

    @property
    def backwards(self) -> bool:
        """Whether keys descend."""
        return self.direction == "backward"


# -- who asks, what is worked on


class Command(Protocol):
    """Operations of the control process."""

    async def __call__(self, op: str, **args: Any) -> Any:
        """status, set (changes={…}), reload."""


@dataclass
class Site:
    """What endpoints work on. One for the process's life; `settings` follows reloads."""

    settings: Settings
    backend: LocalBackend
    command: Command
    accounts: Accounts | None = None
    login: Login | None = None
    parts: dict[str, Any] = field(default_factory=dict)
    """What further parts of the API keep for themselves (events, backups, …), by their name."""
    streams: int = 0
    """Answers without end under way."""
    alone: Callable[[], bool] = lambda: False
    """Whether at most one request is under way, streams apart: then nobody waits for what it does in the loop."""


# -- one request and its answer


class Call:
    """One request, checked and decoded."""

    __slots__ = ("_actor", "address", "body", "endpoint", "headers", "path", "query", "raw", "site")

    def __init__(
        self,
        endpoint: "Endpoint",
        site: Site,
        actor: Actor | None,
        path: dict[str, str],
        query: Any,
        body: Any,
        raw: bytes,
        address: str,
        headers: dict[bytes, bytes],
    ) -> None:
        self.endpoint = endpoint
        self.site = site
        self._actor = actor
        self.path = path
        """Path parameters, percent-decoded."""
        self.query = query
        """The endpoint's query struct."""
        self.body = body
        """The decoded body; None when the endpoint declares none, or the request brings none."""
        self.raw = raw
        """The body as it came."""
        self.address = address
        """Of the client."""
        self.headers = headers
        """Lower-case names."""

    @property
    def actor(self) -> Actor:
        """Who asks; an endpoint open to all has none."""
        if self._actor is None:
            raise Refused("credentials are missing", status=401)
        return self._actor

    @property
    def accounts(self) -> Accounts:
        """Accounts of the server."""
        assert self.site.accounts is not None  # somebody got in
        return self.site.accounts

    def header(self, name: str) -> str:
        """One request header; "" when it is not there."""
        return self.headers.get(name.encode(), b"").decode("latin-1")


class Page(NamedTuple):
    """Where a list was cut."""

    more: bool
    limit: int
    kfirst: str
    klast: str


class Answer(NamedTuple):
    """What goes into the envelope, or beside it."""

    value: Any = None
    status: int = 200
    message: str = ""
    page: Page | None = None
    etag: str | None = None
    headers: Mapping[str, str] | None = None
    stream: AsyncIterator[bytes] | None = None
    """Sent instead of an envelope, as it comes; headers name its Content-Type."""
    replicated: bool | None = None
    content: bytes | None = None
    """Sent instead of an envelope, whole; headers name its Content-Type."""


Handler = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One line of the table: all that is to be known of an operation, for serving it and for describing it."""

    method: str
    path: str
    """Below BASE, or from the root with rooted; {name} is one segment."""
    handler: Handler
    permission: Permission | None = None
    """Demanded before the handler runs, without a name; what depends on names the handler demands."""
    summary: str = ""
    query: type[Nothing] = Nothing
    body: Any = None
    """Type of the JSON body; None = no JSON is decoded (call.raw has what came)."""
    answers: Mapping[int, str] = field(default_factory=dict)
    """Status and when; what every endpoint may answer (400, 401, …) is added by the description."""
    value: Any = None
    """Type of `value` in the envelope, for the description."""
    rooted: bool = False
    login: bool | Callable[[Settings], bool] = True
    """Whether credentials are needed, and with them the permission."""
    media: tuple[str, ...] = ("application/json",)
    """Content types of the body."""
    produces: str = "application/json"
    """Content type of a successful answer."""
    tag: str = ""

    @property
    def full_path(self) -> str:
        """From the root."""
        return self.path if self.rooted else BASE + self.path
