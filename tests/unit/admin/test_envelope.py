"""Envelope: member order, statuses, and words that name the member and its value."""

from typing import Annotated, Any, Literal

import msgspec
import orjson
import pytest

from nsblast import errors
from nsblast.admin.calls import Answer, Page, Refused
from nsblast.admin.envelope import explain, pack, pack_error, status_of


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)]
    kind: Literal["x", "y"] | None = None


class Form(msgspec.Struct, forbid_unknown_fields=True):
    inner: Inner | None = None
    inners: list[Inner] = []
    mode: Literal["a", "b"] = "a"


def said(body: bytes) -> str:
    with pytest.raises((msgspec.MsgspecError, RecursionError)) as caught:
        msgspec.json.decode(body, type=Form)
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        given = None
    return explain(caught.value, given, "body", Form)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"inner": {"port": 70000}}', "body: inner.port = 70000: expected int <= 65535"),
        (b'{"inner": {"port": "x"}}', 'body: inner.port = "x": expected int, got str'),
        (b'{"inners": [{"port": 1}, {"prt": 1}]}', "body: inners[1]: there is no member prt"),
        (b'{"nothing": 1}', "body: there is no member nothing"),
        (b'{"inner": {}}', "body: inner: object missing required field port"),
        (b"[]", "body: expected object, got array"),
        (b'{"inner": ', "body: JSON is malformed: it ends too early"),
        (b'{"inner": }', "body: JSON is malformed: invalid character (byte 10)"),
        (b'{"mode": "c"}', 'body: mode = "c": it is none of a, b'),
        (b'{"inners": [{"port": 1}, {"port": 1, "kind": "z"}]}', 'body: inners[1].kind = "z": it is none of x, y'),
        (b'{"mode": "' + b"c" * 200 + b'"}', 'body: mode = "' + "c" * 79 + "…: it is none of a, b"),
    ],
)
def test_what_is_wrong_is_named(body: bytes, words: str) -> None:
    assert said(body) == words


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"port": "many"}, 'query: port = "many": expected int'),
        ({"port": "70000"}, 'query: port = "70000": expected int <= 65535'),
        ({"port": "1", "prt": "1"}, "query: there is no parameter prt"),
    ],
)
def test_parameters_are_called_so(query: dict[str, str], words: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(query, Inner, strict=False)
    assert explain(caught.value, query, "query", Inner) == words


def test_too_deep_is_told() -> None:
    assert explain(RecursionError(), None, "body", Form) == "body: nested too deeply"


@pytest.mark.parametrize(
    ("answer", "members"),
    [
        (Answer("x"), {"rcode": 200, "error": False, "message": "", "value": "x"}),
        (
            Answer(1, 201, replicated=True),
            {"rcode": 201, "error": False, "message": "", "replicated": True, "value": 1},
        ),
        (
            Answer([], page=Page(True, 5, "a", "b")),
            {
                "rcode": 200,
                "error": False,
                "message": "",
                "value": [],
                "more": True,
                "limit": 5,
                "kfirst": "a",
                "klast": "b",
            },
        ),
    ],
)
def test_members_come_in_one_order(answer: Answer, members: dict[str, Any]) -> None:
    assert list(orjson.loads(pack(answer)).items()) == list(members.items())


def test_an_error_may_quote_what_is_no_text() -> None:
    assert orjson.loads(pack_error(400, "a \udcff b"))["message"] == "a \\udcff b"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InputError(""), 400),
        (errors.Forbidden(""), 403),
        (errors.NotFound(""), 404),
        (errors.Conflict(""), 409),
        (errors.NotKept(""), 410),
        (errors.Outdated(""), 412),
        (errors.TooMany(""), 429),
        (errors.NsblastError(""), 500),
        (errors.StoreError(""), 503),
        (errors.DiskFull(""), 507),
        (Refused("", status=415), 415),
    ],
)
def test_each_kind_of_error_has_its_status(error: errors.NsblastError, status: int) -> None:
    assert status_of(error) == status
