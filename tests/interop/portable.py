"""Rewrites a zone so that every peer's own parser takes it, with the same meaning.

Owns: the spelling for peers. Never: changes what is served; data below a DNAME, which no server may serve (RFC 6672 2.4)
and which NSD and Knot refuse to load, is the only thing left out.
"""

from __future__ import annotations

from pathlib import Path

import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.zone
from dns.rdatatype import RdataType

# Types that all four peers of Debian 12 read by mnemonic; the rest goes in RFC 3597 form.
PLAIN = frozenset(
    RdataType.make(name)
    for name in [
        "A",
        "AAAA",
        "AFSDB",
        "CAA",
        "CNAME",
        "DNAME",
        "DNSKEY",
        "DS",
        "HINFO",
        "KX",
        "LOC",
        "MX",
        "NAPTR",
        "NS",
        "NSEC",
        "NSEC3",
        "NSEC3PARAM",
        "OPENPGPKEY",
        "PTR",
        "RP",
        "RRSIG",
        "SOA",
        "SPF",
        "SRV",
        "SSHFP",
        "TLSA",
        "TXT",
        "URI",
        "CDS",
        "CDNSKEY",
        "EUI48",
        "EUI64",
        "SMIMEA",
        "SVCB",
        "HTTPS",
        "CERT",
        "DHCID",
        "IPSECKEY",
        "CSYNC",
    ]
)
SAFE = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_*")


def name_text(name: dns.name.Name) -> str:
    """A name with every octet that a parser might stumble over as \\DDD."""
    if len(name) == 1:
        return "."
    return ".".join("".join(chr(o) if o in SAFE else f"\\{o:03d}" for o in label) for label in name.labels)


def generic(data: bytes) -> str:
    """RFC 3597 section 5."""
    return f"\\# {len(data)} {data.hex()}".rstrip()


def load(path: Path, origin: str) -> dns.zone.Zone:
    """The zone by dnspython, names absolute."""
    return dns.zone.from_file(str(path), origin, relativize=False, check_origin=False)


def write(zone: dns.zone.Zone, target: Path, plain: frozenset[RdataType] = PLAIN) -> int:
    """Writes the zone, one record a line, all names absolute; gives the number of owner names left out."""
    left_out = 0
    dnames = {name for name, node in zone.nodes.items() if node.get_rdataset(dns.rdataclass.IN, RdataType.DNAME)}
    assert zone.origin is not None
    lines = [f"$ORIGIN {name_text(zone.origin)}"]
    for name in sorted(zone.nodes, key=lambda name: (name != zone.origin, name)):
        if any(name != owner and name.is_subdomain(owner) for owner in dnames):
            left_out += 1
            continue
        owner = name_text(name)
        for rdataset in sorted(
            zone.nodes[name].rdatasets, key=lambda s: (s.rdtype != RdataType.SOA, s.rdtype, s.covers)
        ):
            rdtype = rdataset.rdtype
            for rdata in rdataset:
                if rdtype in plain and not isinstance(rdata, dns.rdata.GenericRdata):
                    text, kind = rdata.to_text(), dns.rdatatype.to_text(rdtype)
                else:
                    text, kind = generic(rdata.to_wire() or b""), f"TYPE{int(rdtype)}"
                lines.append(f"{owner} {rdataset.ttl} IN {kind} {text}")
    target.write_text("\n".join(lines) + "\n", "utf-8")
    return left_out
