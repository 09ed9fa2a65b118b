"""The one shape of every answer, and which status an error has.

Owns: member order, the table of statuses, the words for a body or a query that does not decode. Never: HTTP.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
import orjson
from msgspec import inspect

from nsblast.admin.calls import Answer, Refused
from nsblast.errors import (
    Conflict,
    ControlError,
    Denied,
    DiskFull,
    InputError,
    NotFound,
    NotKept,
    NsblastError,
    Outdated,
    SettingsError,
    StoreError,
    TimedOut,
    TooMany,
    Unauthorized,
    UsageError,
)

_STATUS: dict[type[NsblastError], int] = {
    InputError: 400,
    UsageError: 400,
    SettingsError: 400,
    Unauthorized: 401,
    TooMany: 429,
    Denied: 403,
    NotFound: 404,
    NotKept: 410,
    Conflict: 409,
    Outdated: 412,
    DiskFull: 507,
    StoreError: 503,
    TimedOut: 504,
    ControlError: 503,
}
_SHOWN = 80  # characters of a wrong value in a message
_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z


def status_of(error: NsblastError) -> int:
    """The HTTP status of an error."""
    if isinstance(error, Refused):
        return error.code
    for kind in type(error).__mro__:
        if kind in _STATUS:
            return _STATUS[kind]
    return 500


def pack(answer: Answer) -> bytes:
    """The envelope of a success."""
    value: dict[str, Any] = {"rcode": answer.status, "error": answer.status >= 400, "message": answer.message}
    if answer.replicated is not None:
        value["replicated"] = answer.replicated
    value["value"] = answer.value
    if answer.page is not None:
        value.update(answer.page._asdict())
    return orjson.dumps(value, default=_plain, option=_OPTIONS)


def pack_error(status: int, message: str) -> bytes:
    """The envelope of a failure."""
    # A message may quote octets that are no text.
    told = message.encode("utf-8", "backslashreplace").decode()
    return orjson.dumps({"rcode": status, "error": True, "message": told, "value": None})


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value)


_PLACE = re.compile(r"^(.*?)(?: - at `(\$|key)([^`]*)`)?$", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_UNKNOWN = "object contains unknown field "
_NO_CHOICE = "invalid enum value"
_MISSING = object()
_SECRETS = re.compile(r"(^|\.)(password|secret)\b")
"""Members whose values no message repeats."""


def explain(error: Exception, given: Any, what: str, kind: Any) -> str:
    """What msgspec found wrong, with the member and its value. given: the value as plain JSON; what: body or query; kind: its type."""
    if isinstance(error, RecursionError):
        return f"{what}: nested too deeply"
    match = _PLACE.match(str(error))
    said, where = (match[1], match[3] or "") if match else (str(error), "")
    if not isinstance(error, msgspec.ValidationError):
        return f"{what}: {'JSON is malformed: it ends too early' if 'truncated' in said else said}"
    said = said.replace("`", "")
    said = said[:1].lower() + said[1:]
    if said.startswith(_UNKNOWN):
        said = f"there is no {'parameter' if what == 'query' else 'member'} {said.removeprefix(_UNKNOWN)}"
    if said.startswith(_NO_CHOICE):
        said = f"it is none of {', '.join(_choices(inspect.type_info(kind), _STEP.findall(where)))}"
    if what == "query":
        said = said.partition(", got str")[0]  # all of a query is text
    place = where.lstrip(".")
    found = _walk(given, where)
    if found is _MISSING or isinstance(found, Mapping) or not place or _SECRETS.search(place):
        return f"{what}: {place + ': ' if place else ''}{said}"
    try:
        shown = orjson.dumps(found, default=str).decode()
    except TypeError:  # nested too deeply to be shown
        return f"{what}: {place}: {said}"
    return f"{what}: {place} = {shown if len(shown) <= _SHOWN else shown[:_SHOWN] + '…'}: {said}"


def _choices(kind: inspect.Type, steps: list[tuple[str, str]]) -> list[str]:
    """The words that a member may be, found along its place."""
    match kind:
        case inspect.Metadata():
            return _choices(kind.type, steps)
        case inspect.UnionType():
            return [word for one in kind.types for word in _choices(one, steps)]
        case inspect.ListType() if steps:
            return _choices(kind.item_type, steps[1:])
        case inspect.DictType() if steps:
            return _choices(kind.value_type, steps[1:])
        case inspect.StructType() if steps:
            return [
                word for one in kind.fields if one.encode_name == steps[0][0] for word in _choices(one.type, steps[1:])
            ]
        case inspect.LiteralType():
            return [str(value) for value in kind.values]
    return []


def _walk(value: Any, where: str) -> Any:
    for name, index in _STEP.findall(where):
        try:
            value = value[int(index)] if index and index != "..." else value[name]
        except (KeyError, IndexError, TypeError):
            return _MISSING
    return value
