"""How accounts look: lines for people, the members of the API for programs.

Owns: these forms. Never: asking. A list is read page by page as it is printed.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import msgspec

from nsblast.cli.speak import say, say_json, say_json_list

T = TypeVar("T")


def listed(name: str, found: Iterator[T], line: Callable[[T], str], as_json: bool) -> None:
    """One a line, or {"name": [members…]}."""
    if as_json:
        say_json_list(name, map(members, found))
        return
    for each in found:
        say(line(each))


def shown(record: Any, as_json: bool) -> None:
    """Member by member; what is empty is left out for people."""
    told = members(record)
    if as_json:
        say_json(told)
        return
    width = max(map(len, told))
    for name, value in told.items():
        if value not in ("", None, [], {}):
            say(f"{name:<{width}}  {_text(value)}")


def deleted(kind: str, name: str, as_json: bool) -> None:
    """What is gone."""
    if as_json:
        say_json({"deleted": name})
    else:
        say(f"{kind} {name} deleted")


def members(record: Any) -> Any:
    """For JSON: what the API says, without what it never said."""
    told = msgspec.to_builtins(record)
    if isinstance(told, dict):
        for name in ("tenant", "key", "secret"):
            if told.get(name) == "":
                del told[name]
    return told


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{name}={_text(each)}" for name, each in value.items() if each not in ("", [], None))
    return str(value)
