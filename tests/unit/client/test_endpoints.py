"""The client has a method for every endpoint, and no method asks for one that is not there."""

import inspect
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import msgspec
import pytest

from nsblast.admin.app import endpoints
from nsblast.admin.calls import Endpoint
from nsblast.client import ApiError, Client, shapes

# Pages for browsers.
NOT_FOR_PROGRAMS = {
    ("GET", one.full_path) for one in endpoints() if one.tag == "docs" and one.path != "/api/v1/openapi.json"
}
MASTER = shapes.Master("192.0.2.1")
SAMPLES: dict[str, Any] = {
    "zone": "example.com",
    "vzone": "sub.example.com",
    "fqdn": "www.example.com",
    "contents": "text",
    "entry": {"a": ["192.0.2.1"]},
    "changes": [{"method": "DELETE", "fqdn": "www.example.com"}],
    "serial": 4,
    "to": "other",
    "master": MASTER,
    "members": {},
    "catalog": {"role": "producer", "of": "all"},
    "membership": {"group": "g"},
    "secondaries": [shapes.Secondary("192.0.2.1")],
    "rules": {"transfer": ["192.0.2.0/24"]},
    "name": "somebody",
    "ident": "1",
    "number": 3,
    "roles": ["all"],
    "role": shapes.Role("all"),
    "user": shapes.User("ann"),
    "tenant": shapes.Tenant("other", "1"),
    "key": shapes.TsigKey("key"),
}
OWN = {"ask", "close", "done", "page", "pages", "request", "stream"}


def find(request: httpx.Request) -> Endpoint:
    """The endpoint that a request means; words count before parameters."""
    path = request.url.raw_path.split(b"?")[0].decode()
    for each in sorted(endpoints(), key=lambda each: each.full_path.count("{")):
        pattern = re.sub(r"\{\w+\}", "[^/]+", re.escape(each.full_path).replace(r"\{", "{").replace(r"\}", "}"))
        if each.method == request.method and re.fullmatch(pattern, path):
            return each
    raise AssertionError(f"there is no endpoint {request.method} {path}")


def calls() -> Iterator[tuple[str, Callable[..., Any], dict[str, Any]]]:
    for name, method in inspect.getmembers(Client, inspect.isfunction):
        if name.startswith("_") or name in OWN:
            continue
        needed = [
            each
            for each in inspect.signature(method).parameters.values()
            if each.name != "self"
            and each.default is inspect.Parameter.empty
            and each.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        yield name, method, {each.name: SAMPLES[each.name] for each in needed}
    yield "delete_entry", Client.delete_entry, {"fqdn": "www.example.com", "types": ["a", "mx"]}


def test_every_endpoint_has_a_method_and_every_method_an_endpoint() -> None:
    table = endpoints()
    asked: set[tuple[str, str]] = set()
    count = 0

    def answer(request: httpx.Request) -> httpx.Response:
        found = find(request)
        nonlocal count
        count += 1
        asked.add((request.method, found.full_path))
        return httpx.Response(403, json={"rcode": 403, "error": True, "message": "no", "value": None})

    for name, method, given in calls():
        count = 0
        with (
            Client("http://127.0.0.1:1", user="a", password="b", transport=httpx.MockTransport(answer)) as made,
            pytest.raises(ApiError, match="no"),
        ):
            next(method(made, **given))
        assert count == 1, name
    there = {(each.method, each.full_path) for each in table}
    assert there - asked - NOT_FOR_PROGRAMS == set(), "endpoints without a method in nsblast.client"


def test_query_parameters_are_those_of_the_endpoint() -> None:
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        known = {each.encode_name for each in msgspec.structs.fields(find(request).query)}
        assert set(request.url.params) <= known, f"{request.method} {request.url}"
        seen.append(request)
        return httpx.Response(403, json={"message": "no"})

    for _, method, given in calls():
        variable = any(each.kind is each.VAR_KEYWORD for each in inspect.signature(method).parameters.values())
        if variable and method is not Client.set_log:
            given |= {"dry_run": True, "wait": 1, "tenant": "x", "if_match": "y"}
            if not method.__name__.endswith(("_master", "_access", "_secondaries", "_catalog", "_membership")):
                given["diff"] = True
        with (
            Client("http://127.0.0.1:1", user="a", password="b", transport=httpx.MockTransport(answer)) as made,
            pytest.raises(ApiError),
        ):
            next(method(made, **given))
    assert len(seen) > 50


def test_the_client_needs_nothing_of_the_server() -> None:
    code = "import sys, nsblast.client; print(*(m for m in sys.modules if m.startswith('nsblast')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert {each.split(".")[1] for each in done.stdout.split() if "." in each} == {"client", "errors"}
