"""Rdata between wire form and text: compiled for the common types, dnspython for the others, RFC 3597 for unknown ones.

Owns: the choice between the three. Never: owner names, TTLs, which types may stand where.
Wire form is always uncompressed. Any rdata that is written as text here reads back to the same octets.
"""

from collections.abc import Sequence

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
from dns.rdatatype import RdataType

from nsblast._core import rdshow, scan
from nsblast._core.mnemonic import known_types, type_name
from nsblast.errors import InputError
from nsblast.types import Wire

_KNOWN = frozenset(known_types().values())
_IN = dns.rdataclass.IN
# What dnspython raises for rdata it does not like.
_REFUSALS = (dns.exception.DNSException, ValueError, OverflowError, AssertionError, IndexError, TypeError)


def _escaped(raw: bytes) -> str:
    """The octets as master file text that dnspython takes for the same octets, whatever they are."""
    return "".join(chr(octet) if 0x20 <= octet <= 0x7E else f"\\{octet:03d}" for octet in raw)


def _reason(error: Exception) -> str:
    """What dnspython says, in one line."""
    return " ".join(str(error).split()) or type(error).__name__


def from_words(rrtype: int, words: Sequence[tuple[bytes, bool, bool]], origin: Wire | None) -> bytes:
    """Wire form from the words of an entry: (as written, quoted, directly behind the one before). InputError says what is wrong."""
    if words and words[0] == (b"\\#", False, words[0][2]):
        return _from_generic(rrtype, [raw for raw, _, _ in words[1:]])
    text = ""
    for raw, quoted, glued in words:
        if text and not glued:
            text += " "
        text += f'"{_escaped(raw)}"' if quoted else _escaped(raw)
    return _by_dnspython(rrtype, text, origin)


def from_text(rrtype: int, text: str | bytes, origin: Wire | None = None) -> bytes:
    """Wire form of rdata given as text on one line; names in it are completed with origin, or with the root. InputError."""
    octets = text.encode("utf-8") if isinstance(text, str) else text
    base = b"\x00" if origin is None else origin
    try:
        if not octets.lstrip(b" \t(").startswith(b"\\#"):
            wire = scan.rdata_from_text(rrtype, octets, base)
            if wire is not None:
                return wire
        words = scan.split_words(octets)
    except ValueError as error:
        raise InputError(f"{type_name(rrtype)} {_escaped(octets)}: {error}") from None
    return from_words(rrtype, words, base)


def _from_generic(rrtype: int, words: Sequence[bytes]) -> bytes:
    """RFC 3597 5: a length, then hexadecimal digits in any number of words."""
    try:
        length, wire = int(words[0]), bytes.fromhex(b"".join(words[1:]).decode("ascii"))
    except (IndexError, ValueError):
        raise InputError(f"rdata of {type_name(rrtype)}: after \\# a length and hexadecimal digits") from None
    if length != len(wire) or length > 0xFFFF:
        raise InputError(f"rdata of {type_name(rrtype)}: {len(wire)} octets after \\# {length}")
    check_wire(rrtype, wire)
    return wire


def _by_dnspython(rrtype: int, text: str, origin: Wire | None) -> bytes:
    base = dns.name.from_wire(origin, 0)[0] if origin is not None else None
    try:
        wire = dns.rdata.from_text(_IN, RdataType.make(rrtype), text, origin=base, relativize=False).to_wire()
    except _REFUSALS as error:
        raise InputError(f"rdata of {type_name(rrtype)}: {_reason(error)}") from None
    if wire is None or len(wire) > 0xFFFF:
        raise InputError(f"rdata of {type_name(rrtype)}: at most 65535 octets")
    return wire


def check_wire(rrtype: int, rdata: bytes) -> None:
    """InputError unless rdata is well-formed, uncompressed rdata of the type; types nobody knows hold anything."""
    if rrtype not in _KNOWN or rdshow.rdata_to_text(rrtype, rdata) is not None:
        return
    try:
        again = dns.rdata.from_wire(_IN, RdataType.make(rrtype), rdata, 0, len(rdata)).to_wire()
    except _REFUSALS as error:
        raise InputError(f"rdata of {type_name(rrtype)}: {_reason(error)}") from None
    if again != rdata:
        raise InputError(f"rdata of {type_name(rrtype)}: the octets are not what this type holds")


def _generic(rdata: bytes) -> str:
    """RFC 3597 5."""
    return f"\\# {len(rdata)} {rdata.hex()}".rstrip()


def to_text(rrtype: int, rdata: bytes) -> str:
    """Text on one line, names absolute; the generic form when rdata is not what the type should hold."""
    text = rdshow.rdata_to_text(rrtype, rdata)
    if text is not None:
        return text
    if rrtype not in _KNOWN:
        return _generic(rdata)
    try:
        shown = dns.rdata.from_wire(_IN, RdataType.make(rrtype), rdata, 0, len(rdata)).to_text()
        words = scan.split_words(shown.encode("utf-8"))
        if from_words(rrtype, words, b"\x00") == rdata:
            return shown
    except (*_REFUSALS, InputError):
        pass
    return _generic(rdata)
