"""Entries from JSON: members to RRsets, with one clear InputError for the first thing wrong.

Owns: what each member means, defaults, relative names, which hosts are hosts. Never: rules of zones (zones/checks.py), the way back
(entry_show.py). Names without a final dot are absolute, but a single label in mname, ns, mx, srv, afsdb and cname is relative to the zone.
TTLs: `ttl` counts for every type that `ttls` does not name; what neither names keeps the TTL it has, new ones get TTL_DEFAULT.
"""

import base64
import binascii
import re
import socket
import struct
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

from nsblast.admin.entry_form import BY_NUMBER, FIELDS, MNEMONICS, Afsdb, EntryForm, Hinfo, Mx, Raw, Rp, Soa, Srv
from nsblast.errors import InputError
from nsblast.records import check_wire, from_text, name_from_text
from nsblast.types import Wire
from nsblast.zones.model import TTL_DEFAULT, RRset

A, NS, CNAME, SOA, PTR, HINFO, MX, TXT, RP, AFSDB, AAAA, SRV, RRSIG, DHCID, OPENPGPKEY = (
    1, 2, 5, 6, 12, 13, 15, 16, 17, 18, 28, 33, 46, 49, 61,
)  # fmt: skip
SOA_TIMES = {"refresh": 7200, "retry": 900, "expire": 1_209_600, "minimum": 3600}
"""Seconds, of a new zone's SOA that does not say."""
_STRING = 255
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")


def is_host(text: str) -> bool:
    """Whether a name (presentation form) may be a host's: letters, digits, hyphens, underscores; not an address (RFC 1123 2.1)."""
    if text in (".", "@"):
        return True
    labels = text.removesuffix(".").split(".")
    return all(_LABEL.fullmatch(label) for label in labels) and not (len(labels) > 1 and labels[-1].isdigit())


class Given(NamedTuple):
    """An entry as it was asked for."""

    sets: dict[int, list[bytes]]
    """Rdata by type; none = the type is to go."""
    soa: Soa | None
    ttl: int | None
    ttls: dict[tuple[int, int], int]
    """By (type, covered type or 0)."""

    def types(self) -> set[int]:
        """Types it speaks of."""
        return {*self.sets, SOA} if self.soa is not None else set(self.sets)

    def replaced(self, zone: Wire, had: tuple[RRset, ...]) -> list[RRset]:
        """The RRsets that take the place of all there were."""
        fresh = [one for rrtype, rdatas in self.sets.items() for one in self._sets(rrtype, rdatas, {})]
        return [*self._soa(zone, had, {}), *fresh]

    def merged(self, zone: Wire, had: tuple[RRset, ...]) -> list[RRset]:
        """What is there, with the types given in place of theirs; with a TTL alone, that on all."""
        ttls = _ttls(had)
        if not self.sets and self.soa is None:
            return [one for rrtype, _, rdatas in had for one in self._sets(rrtype, rdatas, ttls)]
        gone = self.types()
        kept = [rrset for rrset in had if rrset.type not in gone]
        fresh = [one for rrtype, rdatas in self.sets.items() for one in self._sets(rrtype, rdatas, ttls)]
        return [*self._soa(zone, had, ttls), *kept, *fresh]

    def appended(self, zone: Wire, had: tuple[RRset, ...]) -> list[RRset]:
        """What is there and what is given; of types that can have one record alone, what is given. With a TTL alone, that on all."""
        together = {
            rrtype: [*(rdata for rrset in had if rrset.type == rrtype for rdata in rrset.rdatas), *rdatas]
            if rrtype not in _SINGLE
            else rdatas
            for rrtype, rdatas in self.sets.items()
            if rdatas
        }
        return self._replace(sets={rrtype: list(dict.fromkeys(rdatas)) for rrtype, rdatas in together.items()}).merged(
            zone, had
        ) if together or self.soa is not None or not self.sets else list(had)  # fmt: skip

    def _sets(self, rrtype: int, rdatas: Iterable[bytes], ttls: dict[tuple[int, int], int]) -> list[RRset]:
        """One RRset; signatures one for each TTL they have."""
        if rrtype != RRSIG:
            # A type that was there may come as several sets only if it is RRSIG.
            return [RRset(rrtype, self._ttl((rrtype, 0), ttls), tuple(rdatas))]
        parts: dict[int, list[bytes]] = {}
        for rdata in rdatas:
            parts.setdefault(int.from_bytes(rdata[:2], "big"), []).append(rdata)
        return [RRset(rrtype, self._ttl((rrtype, covered), ttls), tuple(part)) for covered, part in parts.items()]

    def _ttl(self, key: tuple[int, int], ttls: dict[tuple[int, int], int]) -> int:
        if key in self.ttls:
            return self.ttls[key]
        return self.ttl if self.ttl is not None else ttls.get(key, TTL_DEFAULT)

    def _soa(self, zone: Wire, had: tuple[RRset, ...], ttls: dict[tuple[int, int], int]) -> list[RRset]:
        if self.soa is None:
            return []
        before = next((rrset.rdatas[0] for rrset in had if rrset.type == SOA), None)
        if before is None:
            raise InputError("soa: a SOA can stand at the zone's apex only")
        return [RRset(SOA, self._ttl((SOA, 0), ttls), (soa_rdata(self.soa, zone, before),))]


_SINGLE = frozenset((SOA, CNAME, 39))
_ATTRIBUTES = dict(FIELDS)


def _ttls(had: tuple[RRset, ...]) -> dict[tuple[int, int], int]:
    return {
        (rrtype, int.from_bytes(rdatas[0][:2], "big") if rrtype == RRSIG else 0): ttl for rrtype, ttl, rdatas in had
    }


def read(form: EntryForm, zone: Wire) -> Given:
    """What a form asks for. zone: apex, for relative names."""
    sets: dict[int, list[bytes]] = {}
    soa: Soa | None = None
    # Few of the many members there may be: msgspec tells which without a look at each.
    for member in msgspec.to_builtins(form):
        attribute = _ATTRIBUTES.get(member)
        if attribute is None:
            continue
        value = getattr(form, attribute)
        reader = _READERS.get(member)
        items = [] if value in (None, "", []) else value if isinstance(value, list) else [value]
        if member in ("a", "aaaa"):
            _addresses(items, sets, member)
        elif member == "soa":
            soa = value
            if soa is None:
                raise InputError("soa: the zone's SOA cannot be removed")
        elif reader is not None:
            sets.setdefault(MNEMONICS[member], []).extend(reader(item, zone, member) for item in items)
        else:
            number = MNEMONICS[member]
            sets.setdefault(number, []).extend(_presented(number, member, item) for item in items)
    if form.rr is not UNSET and form.rr is not None:
        for raw in form.rr if isinstance(form.rr, list) else [form.rr]:
            sets.setdefault(raw.type, []).append(_raw(raw))
    return Given(sets, soa, None if form.ttl is UNSET else form.ttl, _ttl_keys(form))


def _ttl_keys(form: EntryForm) -> dict[tuple[int, int], int]:
    if form.ttls is UNSET:
        return {}
    found = {}
    for name, ttl in form.ttls.items():
        main, _, covered = name.partition(":")
        try:
            found[_number(main), _number(covered) if covered else 0] = ttl
        except InputError:
            raise InputError(f"ttls: there is no type {name!r}") from None
    return found


def _number(name: str) -> int:
    lower = name.lower()
    if lower in MNEMONICS:
        return MNEMONICS[lower]
    if lower.startswith("type") and lower[4:].isdigit() and 0 < int(lower[4:]) <= 65535:
        return int(lower[4:])
    raise InputError(f"there is no type {name!r}")


def type_numbers(text: str) -> list[int]:
    """The types of a comma list; InputError names the one that is none."""
    return [_number(name.strip()) for name in text.split(",")]


def type_member(rrtype: int) -> str:
    """The member of a type, or typeNNN."""
    return BY_NUMBER.get(rrtype, f"type{rrtype}")


# -- members


def _addresses(items: list[str], sets: dict[int, list[bytes]], member: str) -> None:
    """An empty `a` removes addresses of both kinds, an empty `aaaa` its own; otherwise the kinds given count."""
    if not items:
        for rrtype in (A, AAAA) if member == "a" else (AAAA,):
            sets.setdefault(rrtype, [])
    for item in items:
        six = ":" in item
        try:
            rdata = socket.inet_pton(socket.AF_INET6 if six else socket.AF_INET, item)
        except (OSError, ValueError):
            what = "an IPv6 address" if member == "aaaa" else "an IPv4 or IPv6 address"
            raise InputError(f"{member}: {item!r} is not {what}") from None
        if member == "aaaa" and not six:
            raise InputError(f"{member}: {item!r} is not an IPv6 address")
        sets.setdefault(AAAA if six else A, []).append(rdata)


def name_of(text: str, member: str, zone: Wire | None = None) -> Wire:
    """A name; with zone, a single label alone is relative to it."""
    relative = zone is not None and "." not in text
    try:
        return name_from_text(text, zone if relative else None)
    except InputError as error:
        raise InputError(f"{member}: {error.message}") from None


def host_of(text: str, member: str, zone: Wire) -> Wire:
    """The name of a host."""
    if not is_host(text):
        raise InputError(f"{member}: {text!r} is not the name of a host")
    return name_of(text, member, zone)


def _string(text: str, member: str) -> bytes:
    octets = text.encode("utf-8", "surrogatepass")
    if len(octets) > _STRING:
        raise InputError(f"{member}: a string is longer than {_STRING} octets")
    return bytes((len(octets),)) + octets


def _txt(item: str | list[str], _: Wire, member: str) -> bytes:
    """A text of any length is cut into strings; a list is the strings of one record."""
    if isinstance(item, list):
        if not item:
            raise InputError(f"{member}: a record needs at least one string")
        wire = b"".join(_string(text, member) for text in item)
    else:
        octets = item.encode("utf-8", "surrogatepass")
        parts = [octets[at : at + _STRING] for at in range(0, len(octets), _STRING)] or [b""]
        wire = b"".join(bytes((len(part),)) + part for part in parts)
    if len(wire) > 65535:
        raise InputError(f"{member}: a record is larger than 65535 octets")
    return wire


def _base64(text: str, member: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        shown = text if len(text) <= 40 else text[:40] + "…"
        raise InputError(f"{member}: {shown!r} is not base64") from None


def _octets(number: int) -> Callable[[str, Wire, str], bytes]:
    def read_octets(item: str, _: Wire, member: str) -> bytes:
        rdata = _base64(item, member)
        _check(number, rdata, member)
        return rdata

    return read_octets


def _check(number: int, rdata: bytes, member: str) -> None:
    if len(rdata) > 65535:
        raise InputError(f"{member}: a record is larger than 65535 octets")
    try:
        check_wire(number, rdata)
    except InputError as error:
        raise InputError(f"{member}: {error.message}") from None


def _raw(raw: Raw) -> bytes:
    member = f"rr type {raw.type}"
    rdata = _base64(raw.rdata, member)
    _check(raw.type, rdata, member)
    return rdata


def _presented(number: int, member: str, item: str) -> bytes:
    try:
        return from_text(number, item)
    except InputError as error:
        raise InputError(f"{member}: {error.message}") from None


def _mx(item: Mx, zone: Wire, member: str) -> bytes:
    return item.priority.to_bytes(2, "big") + host_of(item.host, f"{member}.host", zone)


def _srv(item: Srv, zone: Wire, member: str) -> bytes:
    return struct.pack("!HHH", item.priority, item.weight, item.port) + host_of(item.target, f"{member}.target", zone)


def _afsdb(item: Afsdb, zone: Wire, member: str) -> bytes:
    return item.subtype.to_bytes(2, "big") + host_of(item.host, f"{member}.host", zone)


def _hinfo(item: Hinfo, _: Wire, member: str) -> bytes:
    return _string(item.cpu, f"{member}.cpu") + _string(item.os, f"{member}.os")


def _rp(item: Rp, _: Wire, member: str) -> bytes:
    return name_of(item.mbox, f"{member}.mbox") + name_of(item.txt, f"{member}.txt")


_READERS: dict[str, Callable[[Any, Wire, str], bytes]] = {
    "ns": lambda item, zone, member: host_of(item, member, zone),
    "cname": lambda item, zone, member: name_of(item, member, zone),
    "ptr": lambda item, _, member: name_of(item, member),
    "mx": _mx,
    "txt": _txt,
    "hinfo": _hinfo,
    "rp": _rp,
    "afsdb": _afsdb,
    "srv": _srv,
    "dhcid": _octets(DHCID),
    "openpgpkey": _octets(OPENPGPKEY),
}


# -- SOA


def mailbox(soa: Soa) -> Wire | None:
    """The mailbox a SOA names, by rname or email; InputError when they do not agree."""
    by_name = name_of(soa.rname, "soa.rname") if soa.rname is not UNSET else None
    by_email = email_name(soa.email) if soa.email is not UNSET else None
    if by_name is not None and by_email is not None and by_name != by_email:
        raise InputError(f"soa: rname {soa.rname!r} and email {soa.email!r} do not agree")
    return by_name if by_name is not None else by_email


def email_name(email: str) -> Wire:
    """RFC 1035 8: the local part becomes the first label."""
    local, at, domain = email.rpartition("@")
    octets = local.encode()
    if not at or not octets or len(octets) > 63 or not domain:
        raise InputError(f"soa.email: {email!r} is not a mailbox like hostmaster@example.com")
    wire = bytes((len(octets),)) + octets + name_of(domain, "soa.email")
    if len(wire) > 255:
        raise InputError(f"soa.email: {email!r} is too long")
    return wire


def soa_rdata(soa: Soa, zone: Wire, before: bytes) -> bytes:
    """Rdata with what the form says in place of what was there; the serial stands."""
    first = _end_of_name(before, 0)
    second = _end_of_name(before, first)
    serial, *times = struct.unpack("!5I", before[second:])
    mname = name_of(soa.mname, "soa.mname", zone) if soa.mname is not UNSET else before[:first]
    box = mailbox(soa)
    given = [getattr(soa, name) for name in SOA_TIMES]
    now = [had if value is UNSET else value for value, had in zip(given, times, strict=True)]
    return mname + (before[first:second] if box is None else box) + struct.pack("!5I", serial, *now)


def _end_of_name(wire: bytes, at: int) -> int:
    while wire[at]:
        at += 1 + wire[at]
    return at + 1
