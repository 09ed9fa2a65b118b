"""Server-sent events as an iterator that lasts: it comes again from where it was when the connection ends.

Owns: the event stream format (WHATWG HTML 9.2), resuming by Last-Event-ID. Never: what to do about an event.
"""

import time
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from nsblast.client.errors import ServerFailed, Unreachable
from nsblast.client.shapes import Event
from nsblast.client.transport import Transport

_QUIET = 3
"""So many heartbeats without a sign of life: the connection is dead."""


class Place:
    """How far a listener has come."""

    def __init__(self, after: str) -> None:
        self.id = after
        self.retry = 2.0
        """Seconds before coming again, as the server asks for."""


def listen(
    transport: Transport, query: dict[str, Any], after: str, heartbeat: float, patience: float
) -> Iterator[Event]:
    """Events after an id ("" = from now on), for ever; Unreachable when no server answered for `patience` seconds."""
    place = Place(after)
    lost = 0.0
    while True:
        headers = {"accept": "text/event-stream", "cache-control": "no-store"}
        if place.id:
            headers["last-event-id"] = place.id
        try:
            wait = max(_QUIET * heartbeat, 5.0)
            with transport.stream("/events", query=query, headers=headers, timeout=wait) as answer:
                lost = 0.0
                yield from parse(answer.iter_lines(), place)
        except (Unreachable, ServerFailed):
            now = time.monotonic()
            lost = lost or now
            if now - lost >= patience:
                raise
        time.sleep(place.retry)


def parse(lines: Iterable[str], place: Place) -> Iterator[Event]:
    """Events of a stream; `place` follows it. A block that the stream's end cut off is dropped."""
    kind, ident = "", place.id
    data: list[str] = []
    for line in lines:
        if not line:
            place.id = ident
            if data:
                yield _event(ident, kind, "\n".join(data))
            kind, data = "", []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            kind = value
        elif name == "data":
            data.append(value)
        elif name == "id" and "\0" not in value:
            ident = value
        elif name == "retry" and value.isdigit():
            place.retry = int(value) / 1000


def _event(ident: str, kind: str, data: str) -> Event:
    try:
        told = msgspec.json.decode(data, type=dict[str, Any])
        return msgspec.convert({**told, "id": ident, "kind": kind or "message"}, Event)
    except msgspec.MsgspecError as error:
        raise Unreachable(f"an event that does not read: {error}") from None
