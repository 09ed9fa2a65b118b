"""The description of the API, OpenAPI 3.1, made from the same table and structs that requests are served by: it cannot lie.

Owns: how an Endpoint and its structs become a description. Never: endpoints themselves. Every status an endpoint may answer is named, those
included that the rim gives for all.
"""

import re
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import UNSET

from nsblast import __version__
from nsblast.admin.calls import Endpoint, Nothing, Writing

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REFS = "#/components/schemas/{name}"
_PATH = re.compile(r"\{([a-z_]+)\}")
_EXAMPLES = {"zone": "example.com", "fqdn": "www.example.com", "types": "a,txt", "vzone": "sub.example.com"}
_ALWAYS = {
    400: "the request is wrong; message names the member and its value",
    413: "the body is larger than the server takes",
    414: "the query string is too long",
    431: "the request's head is too large",
    500: "the server failed; its log tells more under the request's id",
    503: "the server is starting, stopping or overloaded",
}
_LOGIN = {401: "credentials are missing or wrong", 403: "not permitted", 429: "too many failed attempts"}
_WRITES = {504: "a part of the server did not answer in time", 507: "no room is left on the disk"}


def describe(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """The whole document."""
    table = list(endpoints)
    kinds = [
        kind for one in table for kind in (one.query, one.body, one.value) if kind is not None and kind is not Nothing
    ]
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_REFS)
    found = iter(schemas)
    paths: dict[str, dict[str, Any]] = {}
    for one in table:
        query = next(found) if one.query is not Nothing else None
        body = next(found) if one.body is not None else None
        value = next(found) if one.value is not None else None
        paths.setdefault(one.full_path, {})[one.method.lower()] = _operation(one, query, body, value, components)
    used = _used({"paths": paths}, components)
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": DIALECT,
        "info": {
            "title": "nsblast admin API",
            "version": __version__,
            "description": "Zones, records, accounts and operation of an nsblast server.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in dict.fromkeys(one.tag for one in table if one.tag)],
        "paths": paths,
        "components": {
            "schemas": {**{name: components[name] for name in sorted(used)}, "Error": _ERROR},
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic"},
                "bearer": {"type": "http", "scheme": "bearer", "description": "an API key"},
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


_ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["rcode", "error", "message"],
    "properties": {
        "rcode": {"type": "integer", "description": "the HTTP status"},
        "error": {"type": "boolean"},
        "message": {"type": "string", "description": "names the offending member and value"},
        "value": {},
    },
}


def _operation(
    one: Endpoint, query: dict[str, Any] | None, body: dict[str, Any] | None, value: Any, components: dict[str, Any]
) -> dict[str, Any]:
    parameters = [_path_parameter(name) for name in _PATH.findall(one.path)]
    parameters += _query_parameters(one, query, components)
    statuses = {**_ALWAYS, **(_LOGIN if one.login else {}), **(_WRITES if one.method != "GET" else {}), **one.answers}
    if one.body is not None or one.media != ("application/json",):
        statuses.setdefault(415, "the body is of a kind that is not taken here")
    if issubclass(one.query, Writing):
        parameters.append(_IF_MATCH)
        statuses.setdefault(412, "If-Match does not hold")
        statuses.setdefault(200, "a dry run: what would be changed")
    if any(parameter["name"] == "tenant" for parameter in parameters):
        statuses.setdefault(404, "there is no such tenant")
    told: dict[str, Any] = {
        "operationId": one.method.lower() + _PATH.sub(r"by_\1", one.full_path).replace("/", "_").replace(".", "_"),
        "summary": one.summary,
        "tags": [one.tag] if one.tag else [],
        "responses": {str(status): _response(one, status, statuses[status], value) for status in sorted(statuses)},
        "security": [{"basic": []}, {"bearer": []}, {"key": []}] if one.login else [],
    }
    if one.permission is not None:
        told["description"] = f"Needs the permission {one.permission.value}."
    if parameters:
        told["parameters"] = parameters
    if body is not None:
        content: dict[str, Any] = {"application/json": {"schema": body}}
        content |= {media: {"schema": {"type": "string"}} for media in one.media if media != "application/json"}
        told["requestBody"] = {"content": content}
    return told


_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "the change is made only if the ETag of what it changes is this",
    "schema": {"type": "string"},
}


def _path_parameter(name: str) -> dict[str, Any]:
    example = {"example": _EXAMPLES[name]} if name in _EXAMPLES else {}
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}, **example}


def _query_parameters(one: Endpoint, query: dict[str, Any] | None, components: dict[str, Any]) -> list[dict[str, Any]]:
    if query is None:
        return []
    schema = components[query["$ref"].rsplit("/", 1)[1]] if "$ref" in query else query
    needed = schema.get("required", [])
    parameters = []
    for name, kind in schema["properties"].items():
        plain = dict(kind)
        words = plain.pop("description", "")
        told = {"name": name, "in": "query", "required": name in needed, "schema": plain}
        parameters.append({**told, **({"description": words} if words else {})})
    return parameters


def _response(one: Endpoint, status: int, words: str, value: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"description": words}
    if status == 304:
        return told
    if status == 401:
        told["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    if status >= 300:
        told["content"] = {"application/json": {"schema": {"$ref": _REFS.format(name="Error")}}}
    elif one.produces != "application/json":
        told["content"] = {one.produces: {"schema": {"type": "string"}}}
    else:
        told["content"] = {"application/json": {"schema": _envelope(value if value is not None else {}, one)}}
    return told


def _envelope(value: Any, one: Endpoint) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "rcode": {"type": "integer"},
        "error": {"type": "boolean", "const": False},
        "message": {"type": "string"},
        "value": value,
    }
    if "limit" in {field.encode_name for field in msgspec.structs.fields(one.query)}:
        properties |= {
            "more": {"type": "boolean", "description": "there is a further page"},
            "limit": {"type": "integer"},
            "kfirst": {"type": "string", "description": "key of the first item"},
            "klast": {"type": "string", "description": "key to go on from"},
        }
    if issubclass(one.query, Writing):
        properties["replicated"] = {
            "type": "boolean",
            "description": "with wait: whether the zone's secondaries have it",
        }
    return {"type": "object", "required": ["rcode", "error", "message", "value"], "properties": properties}


def _used(root: Any, components: dict[str, Any]) -> set[str]:
    """Names of the schemas that are referred to, from the paths or from one another."""
    names: set[str] = set()
    waiting: list[Any] = [root]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            ref = item.get("$ref", UNSET)
            if isinstance(ref, str) and (name := ref.rsplit("/", 1)[1]) in components and name not in names:
                names.add(name)
                waiting.append(components[name])
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
    return names
