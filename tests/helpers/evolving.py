"""A zone whose contents follow from the number of times it was changed: what any version holds is known without asking anybody.

Every change touches the first and the last names of the zone and some between, so that a version mixed of two shows. The change with number
n is made by operations(n); contents(n) is the zone after it, in canonical form (tests/helpers/transfers.py), worked out without the product.
"""

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.update

from nsblast.records import name_from_text
from nsblast.zones.model import NameOp, PutName, RRset
from tests.helpers import transfers

HOSTS = 400
"""That never change: a transfer of several messages."""
MOVING = 7
_HEAD = """\
$TTL 60
@ SOA ns host 1 1 1 600 60
@ NS ns
ns A 192.0.2.1
WWW A 192.0.2.2
_sip._tcp SRV 1 2 5060 www
@ MX 10 mail.example.
*.w TXT "any" "thing"
child NS ns.child
ns.child A 192.0.2.3
odd TYPE65280 \\# 3 010203
"""
_STILL = (
    ("@", "NS", "ns"),
    ("ns", "A", "192.0.2.1"),
    ("www", "A", "192.0.2.2"),
    ("_sip._tcp", "SRV", "1 2 5060 www"),
    ("@", "MX", "10 mail.example."),
    ("*.w", "TXT", '"any" "thing"'),
    ("child", "NS", "ns.child"),
    ("ns.child", "A", "192.0.2.3"),
    ("odd", "TYPE65280", "\\# 3 010203"),
)


class Evolving:
    """One zone."""

    def __init__(self, apex: str, hosts: int = HOSTS) -> None:
        self.apex = apex
        self._origin = dns.name.from_text(apex)
        self._hosts = hosts
        still = [self._record(*one) for one in _STILL]
        still += [self._record(f"host{n}", "AAAA", f"2001:db8::{n:x}") for n in range(hosts)]
        self._still = frozenset(still)

    @property
    def text(self) -> str:
        """The zone file of version 0; its serial is 1, and each change adds one."""
        hosts = "".join(f"host{n} AAAA 2001:db8::{n:x}\n" for n in range(self._hosts))
        return f"$ORIGIN {self.apex}\n{_HEAD}{hosts}"

    def text_of(self, number: int) -> str:
        """The zone file of a later version."""
        lines = []
        for owner, rdtype, ttl, rdata in sorted(self.contents(number), key=lambda rr: rr[1] != "SOA"):
            kind = dns.rdatatype.from_text(rdtype)
            wire = bytes.fromhex(rdata)
            lines.append(f"{owner} {ttl} {rdtype} {dns.rdata.from_wire('IN', kind, wire, 0, len(wire)).to_text()}")
        return "\n".join(lines) + "\n"

    def update(self, number: int) -> dns.update.UpdateMessage:
        """The dynamic update that makes version `number` of the version before it."""
        message = dns.update.UpdateMessage(self._origin)
        for owner, rrs in self._moving(number).items():
            message.delete(owner)
            for _, rdtype, text in rrs:
                message.add(owner, 60, rdtype, text)
        return message

    def _record(self, owner: str, rdtype: str, text: str) -> transfers.Record:
        name = dns.name.from_text(owner, self._origin)
        rdata = dns.rdata.from_text(dns.rdataclass.IN, rdtype, text, self._origin, relativize=False)
        return transfers.show(name, 60, rdata)

    def _moving(self, number: int) -> dict[str, list[tuple[int, str, str]]]:
        """What one change makes of each name it touches: type, presentation form; nothing when it goes."""
        address = f"198.51.{number >> 8 & 255}.{number & 255}"
        put = {f"n{number % MOVING}": [(1, "A", address)] if number % 5 else []}
        for end in ("aaa", "zzz"):
            put[end] = [(16, "TXT", f'"{number}"')]
        if number % 3 == 0:
            put["alias"] = [(5, "CNAME", "www" if number % 2 else "ns")]
        elif number % 3 == 1:
            put["alias"] = [(1, "A", address), (16, "TXT", f'"alias {number}"')]
        return put

    def operations(self, number: int) -> tuple[NameOp, ...]:
        """The change-set that makes version `number` of the version before it; numbers begin with 1."""
        ops: list[NameOp] = []
        for owner, rrs in self._moving(number).items():
            sets = []
            for rdtype, _, text in rrs:
                rdata = dns.rdata.from_text("IN", rdtype, text, self._origin, relativize=False)
                sets.append(RRset(rdtype, 60, (rdata.to_wire(),)))
            ops.append(PutName(name_from_text(f"{owner}.{self.apex}"), tuple(sets)))
        return tuple(ops)

    def contents(self, number: int) -> frozenset[transfers.Record]:
        """The zone after that many changes."""
        now: dict[str, list[tuple[int, str, str]]] = {}
        for past in range(max(1, number - 5 * MOVING), number + 1):  # every name was touched in so many
            now.update(self._moving(past))
        moved = [self._record(owner, rdtype, text) for owner, rrs in now.items() for _, rdtype, text in rrs]
        soa = self._record("@", "SOA", f"ns host {number + 1} 1 1 600 60")
        return self._still | frozenset(moved) | {soa}

    def number_of(self, zone: frozenset[transfers.Record]) -> int:
        """Which version this claims to be."""
        return transfers.serial_of(zone) - 1
