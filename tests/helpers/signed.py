"""Zones that look signed: NSEC or NSEC3 chains and one RRSIG a set, made from plain text.

The chains are right; the signatures are not, because a server that answers from a signed zone never looks into them.
(The interoperability tests let a validator judge a zone with true signatures.)
"""

import base64
from collections.abc import Iterator

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.rdtypes.util import Bitmap

from tests.helpers.tables import Name, Zone

SIGNATURE = base64.b64encode(b"not a signature of anything....." * 2).decode()
DNSKEY = "257 3 13 " + base64.b64encode(bytes(64)).decode()
NSEC_TTL = 3600


def rrsig(zone: Zone, owner: Name, rdtype: int, ttl: int) -> str:
    """A record that covers a set."""
    labels = len(owner.labels) - 1 - (owner.labels[:1] == (b"*",))
    kind = dns.rdatatype.to_text(dns.rdatatype.RdataType.make(rdtype))
    return (
        f"{owner} {ttl} IN RRSIG {kind} 13 {labels} {ttl} 20380101000000 20200101000000 12345 {zone.apex} {SIGNATURE}"
    )


def bitmap(types: set[int]) -> str:
    windows = Bitmap.from_rdtypes([dns.rdatatype.RdataType.make(number) for number in types])
    return windows.to_text().strip()


def authoritative(zone: Zone) -> list[Name]:
    """Names that hold data this zone speaks for, cuts included, in canonical order."""
    return sorted(name for name in zone.records if not zone.occluded(name))


def signed_types(zone: Zone, name: Name) -> set[int]:
    """Types whose sets are signed: all, but at a cut only what the parent speaks for."""
    types = {rdtype for rdtype, _ in zone.records[name]}
    return types & {int(dns.rdatatype.DS)} if zone.cut(name) else types


def shown_types(zone: Zone, name: Name) -> set[int]:
    """Types that the chain tells of."""
    types = {rdtype for rdtype, _ in zone.records[name]}
    return types & {int(dns.rdatatype.NS), int(dns.rdatatype.DS)} if zone.cut(name) else types


def signatures(zone: Zone) -> Iterator[str]:
    for name in authoritative(zone):
        for rdtype in sorted(signed_types(zone, name)):
            yield rrsig(zone, name, rdtype, zone.records[name][rdtype, 0][0])


def sign_nsec(text: str) -> str:
    """The zone with a DNSKEY, an NSEC chain and signatures."""
    text += f"\n{Zone(text).apex} 3600 IN DNSKEY {DNSKEY}\n"
    zone = Zone(text)
    names = authoritative(zone)
    lines = [text, *signatures(zone)]
    for name, following in zip(names, [*names[1:], names[0]], strict=True):
        types = shown_types(zone, name) | {int(dns.rdatatype.NSEC), int(dns.rdatatype.RRSIG)}
        lines.append(f"{name} {NSEC_TTL} IN NSEC {following} {bitmap(types)}")
        lines.append(rrsig(zone, name, dns.rdatatype.NSEC, NSEC_TTL))
    return "\n".join(lines) + "\n"


def sign_nsec3(text: str, *, salt: str = "aabbccdd", iterations: int = 12, opt_out: bool = False) -> str:
    """The zone with a DNSKEY, an NSEC3 chain and signatures; with opt-out, unsigned delegations are not in the chain."""
    apex = Zone(text).apex
    text += f"\n{apex} 3600 IN DNSKEY {DNSKEY}\n{apex} 0 IN NSEC3PARAM 1 0 {iterations} {salt or '-'}\n"
    zone = Zone(text)
    types: dict[Name, set[int]] = {}
    for name in authoritative(zone):
        if opt_out and zone.cut(name) and not zone.has(name, "DS"):
            continue
        signature = {int(dns.rdatatype.RRSIG)} if signed_types(zone, name) else set()
        types[name] = shown_types(zone, name) | signature
        for above in zone.ancestors(name):
            types.setdefault(above, set())
    for name in authoritative(zone):
        if name in types and not types[name]:
            types[name] = shown_types(zone, name)
    hashed = {dns.dnssec.nsec3_hash(name, salt or None, iterations, 1).lower(): name for name in types}
    order = sorted(hashed)
    lines = [text, *signatures(zone)]
    for here, following in zip(order, [*order[1:], order[0]], strict=True):
        owner = dns.name.Name((here.encode(), *zone.apex.labels))
        shown = bitmap(types[hashed[here]])
        lines.append(f"{owner} {NSEC_TTL} IN NSEC3 1 {int(opt_out)} {iterations} {salt or '-'} {following} {shown}")
        lines.append(rrsig(zone, owner, dns.rdatatype.NSEC3, NSEC_TTL))
    return "\n".join(lines) + "\n"
