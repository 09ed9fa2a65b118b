"""Server-sent events: their form, and coming again."""

from collections.abc import Iterator
from itertools import islice

import httpx
import pytest

from nsblast.client import Client, NotLoggedIn, Unreachable
from nsblast.client.events import Place, parse

STREAM = """\
retry: 10
id: 7

: 1790000000
id: 8

id: 9.0
event: created
data: {"zone": "a.", "serial": 1,
data:  "time": 2.5}

id: 9.1
event: deleted
data: {"zone": "b.", "serial": null, "time": 3}

id: 10
event: changed
data: {"zone": "cut off."""


def test_parse() -> None:
    place = Place("")
    created, deleted = parse(STREAM.splitlines(), place)
    assert (created.id, created.kind, created.zone, created.serial, created.time) == ("9.0", "created", "a.", 1, 2.5)
    assert (deleted.kind, deleted.serial) == ("deleted", None)
    assert (place.id, place.retry) == ("9.1", 0.01)  # the one that was cut off comes again


def test_parse_of_nonsense() -> None:
    with pytest.raises(Unreachable, match="does not read"):
        list(parse(["data: {", ""], Place("")))


def test_comes_again_from_where_it_was() -> None:
    asked: list[str | None] = []

    def body(cut: bool) -> Iterator[bytes]:
        yield STREAM.encode()
        if cut:
            raise httpx.ReadError("gone")

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers.get("last-event-id"))
        if len(asked) == 3:
            raise httpx.ConnectError("down", request=request)
        return httpx.Response(200, content=body(cut=len(asked) == 1))

    with Client("http://127.0.0.1:1", api_key="k", retries=0, transport=httpx.MockTransport(answer)) as made:
        found = list(islice(made.events(after="5"), 6))
    assert [each.id for each in found] == ["9.0", "9.1"] * 3
    assert asked == ["5", "9.1", "9.1", "9.1"]


def test_gives_up_in_the_end_and_at_once_when_refused() -> None:
    def down(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("down", request=request)

    with (
        Client("http://127.0.0.1:1", retries=0, transport=httpx.MockTransport(down)) as made,
        pytest.raises(Unreachable, match="down"),
    ):
        next(made.events(patience=0))
    with (
        Client("http://127.0.0.1:1", transport=httpx.MockTransport(lambda _: httpx.Response(401))) as made,
        pytest.raises(NotLoggedIn),
    ):
        next(made.events())
