"""Conditions of differences.toml: each decides for one difference whether the rule of that name fits.

Owns: when a lawful difference is one. Never: the RFC and the sentence, which stand in differences.toml.
A condition about content also demands that the reference (tests/reference/lookup.py) agrees with the server: a rule
excuses one known deviation and nothing beside it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from tests.interop.wireform import Record
from tests.reference.lookup import CHAIN_MAX
from tests.reference.model import CNAME, DS, NSEC, RRSIG, parent

if TYPE_CHECKING:
    from tests.interop.compare import Difference

ANY = 255
FORMERR, NOTIMP, REFUSED = 1, 4, 5


def as_reference(d: Difference) -> bool:
    """The server answers in this aspect as the reference does."""
    return d.aspect in d.asked.views["twin"] and d.got == d.asked.views["twin"][d.aspect]


def section(d: Difference, server: str, aspect: str = "answer") -> Collection[Record]:
    """A section of a server's answer, () when it was truncated or did not come."""
    found = d.asked.views[server].get(aspect, ())
    assert isinstance(found, frozenset | tuple)
    return found


def chain(d: Difference, server: str) -> list[bytes]:
    """The names that an answer's CNAMEs lead through, the question's first."""
    names = [d.asked.question.name.lower()]
    targets = {record.name: record.rdata for record in section(d, server) if record.rdtype == CNAME}
    while names[-1] in targets and targets[names[-1]] not in names:
        names.append(targets[names[-1]])
    return names


def chain_into_other_zone(d: Difference) -> bool:
    """A chain leaves the zone of the question for another zone that is served too."""
    if not as_reference(d):
        return False
    zones = [d.world.deepest(name) for name in chain(d, "twin")]
    return any(zone is not None and zone is not zones[0] for zone in zones[1:])


def chain_loops(d: Difference) -> bool:
    """A chain that never ends: servers give up at different points."""
    names = chain(d, "twin")
    targets = {record.name: record.rdata for record in section(d, "twin") if record.rdtype == CNAME}
    return as_reference(d) and (targets.get(names[-1]) in names or len(names) > CHAIN_MAX)


def nsec_at_alias(d: Difference) -> bool:
    """NSEC or RRSIG is asked of a name that is an alias and holds none."""
    return (
        as_reference(d)
        and d.asked.question.rdtype in (NSEC, RRSIG)
        and any(record.rdtype == CNAME for record in section(d, "twin"))
    )


def ds_without_cut(d: Difference) -> bool:
    """A DS is asked for at an apex whose parent zone is served and has no cut there."""
    name = d.asked.question.name.lower()
    if not as_reference(d) or d.asked.question.rdtype != DS or name not in d.world.zones or name == b"\0":
        return False
    above = d.world.deepest(parent(name))
    return above is not None and not above.is_cut(name)


def asterisk_below_nothing(d: Difference) -> bool:
    """NODATA from a wildcard for a name that starts with an asterisk itself: more proof than most give, as BIND does."""
    return (
        as_reference(d)
        and d.asked.question.name[:2] == b"\x01*"
        and isinstance(d.expected, frozenset)
        and set(d.expected) < set(section(d, d.server, "authority"))
        and d.got == d.asked.views["bind"].get("authority")
    )


def any_minimal(d: Difference) -> bool:
    """Type ANY: one RRset of those that the majority gives."""
    if d.asked.question.rdtype != ANY or not as_reference(d):
        return False
    return d.aspect != "answer" or (isinstance(d.expected, frozenset) and set(section(d, d.server)) <= d.expected)


def meta_type(d: Difference) -> bool:
    """A QTYPE from the range of meta types that this server does not implement."""
    return d.asked.question.rdtype in (41, *range(128, 255)) and d.asked.views[d.server].get("rcode") in (
        FORMERR,
        NOTIMP,
        REFUSED,
    )


def opt_with_formerr(d: Difference) -> bool:
    """The request had an OPT that cannot be understood, and the FORMERR carries an OPT."""
    return (
        d.asked.views[d.server].get("rcode") == FORMERR and d.got == (0, 0) and d.asked.question.odd.startswith("opt-")
    )


def trailing(d: Difference) -> bool:
    """Octets after the last record."""
    return d.asked.question.odd == "trailing" and d.asked.views[d.server].get("rcode") == FORMERR


def chaos_switched_off(d: Difference) -> bool:
    """Class CH without an identity configured."""
    return d.asked.question.odd == "chaos" and d.asked.views[d.server].get("rcode") == REFUSED


def malformed_cookie(d: Difference) -> bool:
    """A COOKIE option that is neither 8 nor 16 to 40 octets long."""
    return (
        d.asked.question.odd in ("opt-cookie-short", "opt-cookie-long")
        and d.asked.views[d.server].get("rcode") == FORMERR
    )
