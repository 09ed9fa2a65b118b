"""The endpoint of events. What they are: events.py."""

from typing import Annotated

import msgspec
from msgspec import Meta

from nsblast.access.permissions import Permission
from nsblast.admin.calls import Acting, Answer, Call, Endpoint
from nsblast.admin.events import Events, place_of


class Listening(Acting, kw_only=True, frozen=True):
    """Where to begin, how often to hear that nothing happened."""

    start: Annotated[str, Meta(description="as Last-Event-ID, for who cannot send headers")] = msgspec.field(
        default="", name="from"
    )
    heartbeat: Annotated[float, Meta(ge=0.1, le=60, description="seconds between two signs of life at most")] = 15.0


async def listen(call: Call) -> Answer:
    """GET /events."""
    events: Events = call.site.parts["events"]
    given = call.header("last-event-id") or call.query.start
    after = place_of(given) if given else None
    return Answer(
        stream=events.stream(call.actor, after, call.query.heartbeat),
        headers={"content-type": "text/event-stream", "x-accel-buffering": "no"},
    )


ENDPOINTS = (
    Endpoint(
        method="GET", path="/events", handler=listen, permission=Permission.LIST_ZONES, query=Listening, tag="zones",
        summary="Server-sent events: zones created, changed and deleted, with their serial; Last-Event-ID resumes",
        answers={200: "a stream that does not end by itself for 15 minutes"}, produces="text/event-stream",
    ),
)  # fmt: skip
