"""What of the DNS a role's filter lets through, compiled once and asked often.

Owns: the meaning of `fqdn`, `recursive`, `regex` and `types`; all parts given must match. Never: permissions (may.py).
A regex must match the whole name, in lower case without its final dot ("www.example.com"), so that a pattern cannot let
through more than it seems to. It runs in RE2: linear in the name's length, whatever the pattern; look-around and back
references are refused because RE2 has none.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import dns.exception
import dns.rdatatype
import re2

from nsblast._core.name import fold
from nsblast.errors import InputError
from nsblast.records.names import name_from_text, name_to_text
from nsblast.types import Wire

REGEX_LENGTH = 500
REGEX_MEMORY = 1 << 16
"""Octets RE2 may use for one pattern."""
TYPES_MAX = 200


def _options() -> Any:
    options = re2.Options()
    options.max_mem = REGEX_MEMORY
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    options.never_capture = True
    return options


@dataclass(frozen=True, slots=True)
class Filter:
    """Compiled. Parts that were not given let everything through."""

    fqdn: Wire | None = None
    recursive: bool = True
    pattern: Any = None
    types: frozenset[int] | None = None

    def covers(self, name: Wire) -> bool:
        """Whether a name (lower case) gets through; types are not looked at."""
        if self.fqdn is not None and name != self.fqdn and not (self.recursive and _is_below(name, self.fqdn)):
            return False
        return self.pattern is None or bool(self.pattern.fullmatch(name_to_text(name)[:-1].encode()))

    def covers_below(self, apex: Wire) -> bool:
        """Whether whatever is at or below a name gets through, of every type; a pattern's word on names to come is not known."""
        if self.pattern is not None or self.types is not None:
            return False
        return self.fqdn is None or (self.recursive and (apex == self.fqdn or _is_below(apex, self.fqdn)))


EVERYTHING = Filter()


def _is_below(name: Wire, apex: Wire) -> bool:
    """Whether name lies below apex: a suffix of it that begins where a label does."""
    rest = len(name) - len(apex)
    if rest <= 0 or not name.endswith(apex):
        return False
    at = 0
    while at < rest:
        at += name[at] + 1
    return at == rest


@lru_cache(maxsize=8192)
def compile_filter(
    fqdn: str = "", recursive: bool = True, regex: str = "", types: tuple[str, ...] = (), where: str = "filter"
) -> Filter:
    """From what is stored; InputError names the member that is wrong. Empty parts were not given."""
    return Filter(
        fqdn=name_of(fqdn, f"{where}.fqdn") if fqdn else None,
        recursive=recursive,
        pattern=_pattern(regex, f"{where}.regex") if regex else None,
        types=types_of(types, f"{where}.types") if types else None,
    )


def name_of(text: str, where: str) -> Wire:
    """A name in wire form, lower case; InputError names the member."""
    try:
        return fold(name_from_text(text))
    except InputError as error:
        raise InputError(f"{where}: {error.message}", member=where, value=text) from None


def types_of(names: Iterable[str], where: str) -> frozenset[int]:
    """Record types by mnemonic or TYPEnnn, in either case; InputError names the one that is none."""
    found = set()
    for name in names:
        try:
            found.add(int(dns.rdatatype.from_text(name)))
        except (dns.exception.DNSException, ValueError):
            raise InputError(f"{where}: {name!r} is no record type", member=where, value=name) from None
    if len(found) > TYPES_MAX:
        raise InputError(f"{where}: more than {TYPES_MAX} types", member=where)
    return frozenset(found)


def _pattern(regex: str, where: str) -> Any:
    if len(regex) > REGEX_LENGTH:
        raise InputError(f"{where}: longer than {REGEX_LENGTH} characters", member=where)
    try:
        return re2.compile(regex.encode(), _options())
    except (re2.error, UnicodeEncodeError) as error:
        why = error.args[0] if error.args else ""
        why = why.decode("utf-8", "replace") if isinstance(why, bytes) else str(why)
        raise InputError(f"{where}: {regex!r} is no regular expression of RE2: {why}", member=where) from None
