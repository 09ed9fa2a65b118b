"""Entries to JSON: what a GET answers, which can be PUT back unchanged.

Owns: which member a record is shown under. Never: reading (entries.py). What its member cannot say (a host that is none, octets that are
no text) is shown in `rr` by number, so that nothing is lost.
"""

import base64
import hashlib
import socket
import struct
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from nsblast.admin.entries import AAAA, RRSIG, SOA, A, email_name, is_host, type_member
from nsblast.admin.entry_form import BY_NUMBER, ORDER
from nsblast.errors import InputError
from nsblast.records import name_to_text, to_text
from nsblast.types import Wire

Rrsets = Iterable[tuple[int, int, Iterable[bytes]]]
_PLACES = {name: place for place, name in enumerate(ORDER)}


def show(rrsets: Rrsets, fqdn: Wire | None = None) -> dict[str, Any]:
    """The entry's JSON, members in the order of the contract. fqdn: owner name, as spelled."""
    members: dict[str, Any] = {}
    others: list[dict[str, Any]] = []
    ttls: dict[str, int] = {}
    for rrtype, ttl, rdatas in rrsets:
        values: list[Any] = []
        writer = _WRITERS.get(rrtype)
        for rdata in rdatas:
            value = writer(rdata) if writer is not None else _presented(rrtype, rdata)
            if value is None:
                others.append({"type": rrtype, "rdata": base64.b64encode(rdata).decode()})
            else:
                values.append(value)
            if rrtype == RRSIG:
                ttls[f"rrsig:{type_member(int.from_bytes(rdata[:2], 'big'))}"] = ttl
        if rrtype != RRSIG:
            ttls[type_member(rrtype)] = ttl
        if values:
            member = "a" if rrtype == AAAA else BY_NUMBER[rrtype]
            members.setdefault(member, []).extend(values)
    shown: dict[str, Any] = {} if fqdn is None else {"fqdn": name_to_text(fqdn)}
    if ttls:
        ttl = Counter(ttls.values()).most_common(1)[0][0]
        shown["ttl"] = ttl
        different = {name: one for name, one in ttls.items() if one != ttl}
        if different:
            shown["ttls"] = different
    for member in sorted(members, key=_PLACES.__getitem__):
        values = members[member]
        shown[member] = values[0] if member in _ALONE and len(values) == 1 else values
    if others:
        shown["rr"] = others
    return shown


def etag_of(rrsets: Rrsets) -> str:
    """Changes whenever the entry's contents do; the serial of a SOA does not count."""
    digest = hashlib.blake2b(digest_size=12)
    for rrtype, ttl, rdatas in sorted((one[0], one[1], sorted(one[2])) for one in rrsets):
        digest.update(b"%d %d " % (rrtype, ttl))
        for rdata in rdatas:
            octets = rdata[:-20] + rdata[-16:] if rrtype == SOA else rdata
            digest.update(b"%d " % len(octets) + octets)
    return digest.hexdigest()


# Members that are no list when there is one record.
_ALONE = frozenset(("soa", "cname", "ptr", "hinfo", "rp", "dhcid", "openpgpkey"))


def _presented(rrtype: int, rdata: bytes) -> str | None:
    return to_text(rrtype, rdata) if rrtype in BY_NUMBER else None


def _names(rdata: bytes, at: int, count: int) -> list[str] | None:
    """So many names that fill the rdata from there on."""
    found: list[str] = []
    for _ in range(count):
        begin = at
        while at < len(rdata) and rdata[at]:
            at += 1 + rdata[at]
        at += 1
        if at > len(rdata):
            return None
        found.append(name_to_text(rdata[begin:at]))
    return found if at == len(rdata) else None


def _host(rdata: bytes, at: int) -> str | None:
    found = _names(rdata, at, 1)
    return found[0] if found is not None and is_host(found[0]) else None


def _strings(rdata: bytes) -> list[bytes] | None:
    found = []
    at = 0
    while at < len(rdata):
        end = at + 1 + rdata[at]
        if end > len(rdata):
            return None
        found.append(rdata[at + 1 : end])
        at = end
    return found or None


def _address(family: int, octets: int) -> Callable[[bytes], Any]:
    return lambda rdata: socket.inet_ntop(family, rdata) if len(rdata) == octets else None


def _ns(rdata: bytes) -> Any:
    return _host(rdata, 0)


def _name(rdata: bytes) -> Any:
    found = _names(rdata, 0, 1)
    return found[0] if found is not None else None


def _mx(rdata: bytes) -> Any:
    host = _host(rdata, 2)
    return None if host is None else {"priority": int.from_bytes(rdata[:2], "big"), "host": host}


def _afsdb(rdata: bytes) -> Any:
    host = _host(rdata, 2)
    return None if host is None else {"subtype": int.from_bytes(rdata[:2], "big"), "host": host}


def _srv(rdata: bytes) -> Any:
    host = _host(rdata, 6)
    if host is None:
        return None
    priority, weight, port = struct.unpack("!HHH", rdata[:6])
    return {"priority": priority, "weight": weight, "port": port, "target": host}


def _rp(rdata: bytes) -> Any:
    found = _names(rdata, 0, 2)
    return None if found is None else {"mbox": found[0], "txt": found[1]}


def _txt(rdata: bytes) -> Any:
    strings = _strings(rdata)
    if strings is None:
        return None
    try:
        if all(len(part) == 255 for part in strings[:-1]) and (strings[-1] or len(strings) == 1):
            return b"".join(strings).decode()
        return [part.decode() for part in strings]
    except UnicodeDecodeError:
        return None


def _hinfo(rdata: bytes) -> Any:
    strings = _strings(rdata)
    if strings is None or len(strings) != 2:
        return None
    try:
        return {"cpu": strings[0].decode(), "os": strings[1].decode()}
    except UnicodeDecodeError:
        return None


def _base64(rdata: bytes) -> Any:
    return base64.b64encode(rdata).decode() if rdata else None


def _soa(rdata: bytes) -> Any:
    names = _names(rdata[:-20], 0, 2)
    if names is None:
        raise InputError("the stored SOA is malformed")
    numbers = struct.unpack("!5I", rdata[-20:])
    shown: dict[str, Any] = {"mname": names[0], "rname": names[1]}
    email = _email(rdata[:-20])
    if email is not None:
        shown["email"] = email
    return {**shown, **dict(zip(("serial", "refresh", "retry", "expire", "minimum"), numbers, strict=True))}


def _email(two_names: bytes) -> str | None:
    """The mailbox as an address, where reading that gives the same name."""
    at = 0
    while two_names[at]:
        at += 1 + two_names[at]
    rname = two_names[at + 1 :]
    if not rname[0]:
        return None
    try:
        local = rname[1 : 1 + rname[0]].decode()
        email = f"{local}@{name_to_text(rname[1 + rname[0] :])}"
        email = email.removesuffix(".") if not email.endswith("@.") else email
        return email if local.isprintable() and email_name(email) == rname else None
    except (UnicodeDecodeError, InputError):
        return None


_WRITERS: dict[int, Callable[[bytes], Any]] = {
    A: _address(socket.AF_INET, 4),
    AAAA: _address(socket.AF_INET6, 16),
    2: _ns,
    5: _name,
    SOA: _soa,
    12: _name,
    13: _hinfo,
    15: _mx,
    16: _txt,
    17: _rp,
    18: _afsdb,
    33: _srv,
    49: _base64,
    61: _base64,
}
