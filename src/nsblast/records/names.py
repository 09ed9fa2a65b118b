"""Names between wire form and the presentation form of RFC 1035 5.1.

Owns: both directions, for any octet. Never: IDNA; a name is octets here.
"""

import re

from nsblast._core import scan
from nsblast.errors import InputError
from nsblast.types import Wire

_LONG = 60  # characters of a wrong name that an error shows
_SPECIAL = {ord(c): f"\\{c}" for c in '".;\\()@$'}
_SHOWN = [_SPECIAL.get(octet) or (chr(octet) if 0x21 <= octet <= 0x7E else f"\\{octet:03d}") for octet in range(256)]
_PLAIN = re.compile(rb"[A-Za-z0-9_-]*")


def name_from_text(text: str | bytes, origin: Wire | None = None) -> Wire:
    """Wire form, spelling kept; relative names are completed with origin, or with the root. InputError when it is no name."""
    octets = text.encode("utf-8") if isinstance(text, str) else text
    try:
        return scan.name_from_text(octets, b"\x00" if origin is None else origin)
    except ValueError as error:
        shown = octets.decode("utf-8", "surrogateescape")
        reason = str(error).partition(", found ")[0] if len(shown) > _LONG else str(error)
        shown = shown if len(shown) <= _LONG else f"{shown[:_LONG]}…"
        raise InputError(f"not a domain name: {quoted(shown)}: {reason}") from None


def quoted(text: str) -> str:
    """As it was written, in quotes, for messages; what cannot be printed as \\DDD. (repr() doubles backslashes, and names are full of them.)"""
    mark = '"' if "'" in text and '"' not in text else "'"
    return f"{mark}{''.join(each if each.isprintable() else _octets_of(each) for each in text)}{mark}"


def _octets_of(character: str) -> str:
    return "".join(_SHOWN[octet] for octet in character.encode("utf-8", "surrogateescape"))


def name_to_text(wire: Wire) -> str:
    """Absolute presentation form, with its final dot; octets that are not printable ASCII as \\DDD."""
    if wire == b"\x00":
        return "."
    parts: list[str] = []
    at = 0
    while wire[at]:
        end = at + 1 + wire[at]
        label = wire[at + 1 : end]
        parts.append(label.decode("ascii") if _PLAIN.fullmatch(label) else "".join([_SHOWN[octet] for octet in label]))
        parts.append(".")
        at = end
    return "".join(parts)
