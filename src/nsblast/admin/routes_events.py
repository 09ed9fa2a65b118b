"""The endpoint of events. What they are: events.py."""

import time
from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta

from nsblast.access.may import Actor
from nsblast.access.permissions import Permission
from nsblast.admin.calls import Acting, Answer, Call, Endpoint
from nsblast.admin.events import Events, place_of
from nsblast.errors import Forbidden


class Listening(Acting, kw_only=True, frozen=True):
    """Where to begin, how often to hear that nothing happened."""

    start: Annotated[str, Meta(description="as Last-Event-ID, for who cannot send headers")] = msgspec.field(
        default="", name="from"
    )
    heartbeat: Annotated[float, Meta(ge=0.1, le=60, description="seconds between two signs of life at most")] = 15.0


def _who(call: Call) -> Callable[[], Actor | None]:
    """Who asked, as that one's accounts are by then; None when the credentials would no longer be taken."""
    asked, accounts = call.actor, call.accounts
    first = accounts.user(asked.user)

    def who() -> Actor | None:
        user = accounts.user(asked.user)
        key = accounts.key(asked.key) if asked.key else None
        if first is None or user is None or (asked.key and key is None) or user.tenant != asked.home:
            return None
        if not asked.key and user.password != first.password:
            return None
        actor = accounts.actor(user, key, now=time.time())
        try:
            actor = actor.within(asked.tenant) if actor is not None else None
        except Forbidden:
            return None
        return actor if actor is not None and actor.may(Permission.LIST_ZONES) else None

    return who


async def listen(call: Call) -> Answer:
    """GET /events."""
    events: Events = call.site.parts["events"]
    events.demand_room(call.actor.home)  # while there can be another status than 200
    header = call.header("last-event-id")
    given = header or call.query.start
    after = place_of(given, "Last-Event-ID" if header else "from") if given else None
    return Answer(
        stream=events.stream(_who(call), after, call.query.heartbeat),
        headers={"content-type": "text/event-stream", "x-accel-buffering": "no"},
    )


ENDPOINTS = (
    Endpoint(
        method="GET", path="/events", handler=listen, permission=Permission.LIST_ZONES, query=Listening, tag="zones",
        summary="Server-sent events: zones created, changed and deleted, with their serial; Last-Event-ID resumes",
        answers={200: "a stream that does not end by itself for 15 minutes", 503: "too many listen already"}, produces="text/event-stream",
    ),
)  # fmt: skip
