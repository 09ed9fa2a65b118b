"""The API's own description: the OpenAPI document, and a page to browse it by, with everything it needs from here.

Owns: which files the page is made of. Never: what the document says (openapi.py). Nothing is fetched from another host.
"""

from collections.abc import Callable, Iterable
from importlib.resources import files
from typing import Any

import orjson

from nsblast.admin.calls import BASE, Answer, Call, Endpoint
from nsblast.admin.openapi import describe

_TYPES = {
    "docs.html": "text/html; charset=utf-8",
    "docs.js": "text/javascript; charset=utf-8",
    "docs.css": "text/css; charset=utf-8",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'"
)


class Description:
    """The document, made when it is first asked for."""

    def __init__(self, table: Callable[[], Iterable[Endpoint]]) -> None:
        self._table = table
        self._made = b""

    async def get(self, _: Call) -> Answer:
        """GET /openapi.json."""
        if not self._made:
            self._made = orjson.dumps(describe(self._table()))
        return Answer(content=self._made, headers={"content-type": "application/json"})


async def _lead(_: Call) -> Answer:
    return Answer(status=307, message="see /api/docs", headers={"location": "/api/docs"})


def _page(name: str) -> Any:
    content = files("nsblast").joinpath("data", name).read_bytes()
    headers = {"content-type": _TYPES[name], "content-security-policy": _POLICY, "cache-control": "no-cache"}

    async def get(_: Call) -> Answer:
        return Answer(content=content, headers=headers)

    return get


def endpoints_of(table: Callable[[], Iterable[Endpoint]]) -> tuple[Endpoint, ...]:
    """The endpoints that tell of all others; open to all, as they tell nothing of this server's data."""
    documents = tuple(
        Endpoint(
            method="GET", path=path, handler=_page(name), rooted=True, login=False, tag="docs", summary=summary,
            produces=_TYPES[name].split(";")[0], answers={200: "the file"},
        )
        for path, name, summary in (
            ("/api/docs", "docs.html", "A page to browse this API by"),
            ("/api/docs/docs.js", "docs.js", "Its script"),
            ("/api/docs/docs.css", "docs.css", "Its style"),
        )
    )  # fmt: skip
    ways = tuple(
        Endpoint(
            method="GET", path=path, handler=_lead, rooted=True, login=False, tag="docs", summary="Leads to /api/docs",
            answers={307: "the page to browse this API by"},
        )
        for path in ("/", "/api", "/api/docs/")
    )  # fmt: skip
    description = Endpoint(
        method="GET", path=f"{BASE}/openapi.json", rooted=True, handler=Description(table).get, login=False, tag="docs",
        summary="This API as OpenAPI 3.1", answers={200: "the document"},
    )  # fmt: skip
    return (description, *documents, *ways)
