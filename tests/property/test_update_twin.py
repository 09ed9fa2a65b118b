"""Random UPDATE messages against a plain twin of RFC 2136 3.2 and 3.4: same response code, same zone, serial moved just when it differs."""

from collections.abc import Iterator

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from dns.update import UpdateMessage
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nsblast.transfer.rules import Act
from tests.helpers.updating import Updating, update, updating

NAMES = ("example.", "a.example.", "b.a.example.", "C.example.", "*.example.")
VALUES = {
    "A": ("192.0.2.1", "192.0.2.2", "192.0.2.3"),
    "TXT": ('"one"', '"two"'),
    "CNAME": ("a.example.", "elsewhere.test."),
    "NS": ("ns1.example.", "ns2.example."),
    "MX": ("10 a.example.", "20 b.example."),
}
START = """\
$ORIGIN example.
@ 300 IN SOA ns1 hostmaster 100 3600 600 86400 60
@ 300 IN NS ns1
@ 300 IN NS ns2
"""
Zone = dict[str, dict[str, tuple[int, dict[str, str]]]]
"""Name to type to (TTL, values as compared to values as spelled)."""

name = st.sampled_from(NAMES)
rrtype = st.sampled_from(tuple(VALUES))
record = rrtype.flatmap(lambda kind: st.tuples(st.just(kind), st.sampled_from(VALUES[kind])))
prerequisite = st.one_of(
    st.tuples(st.just("used"), name, st.none()),
    st.tuples(st.just("unused"), name, st.none()),
    st.tuples(st.just("set"), name, rrtype),
    st.tuples(st.just("no set"), name, rrtype),
    st.tuples(st.just("exactly"), name, record),
)
step = st.one_of(
    st.tuples(st.just("add"), name, st.tuples(record, st.sampled_from((60, 300)))),
    st.tuples(st.just("add"), name, st.tuples(record, st.sampled_from((60, 300)))),
    st.tuples(st.just("delete one"), name, record),
    st.tuples(st.just("delete set"), name, rrtype),
    st.tuples(st.just("delete all"), name, st.none()),
)
message = st.tuples(st.lists(prerequisite, max_size=2), st.lists(step, max_size=6))


def equal(kind: str, value: str) -> str:
    """What equal values have in common."""
    return value if kind == "TXT" else value.lower()


def failing(zone: Zone, prerequisites: list[tuple[str, str, object]]) -> str:
    """The response code."""
    exactly: dict[tuple[str, str], set[str]] = {}
    for kind, owner, what in prerequisites:
        sets = zone.get(owner.lower(), {})
        if kind == "used" and not sets:
            return "NXDOMAIN"
        if kind == "unused" and sets:
            return "YXDOMAIN"
        if kind == "set" and what not in sets:
            return "NXRRSET"
        if kind == "no set" and what in sets:
            return "YXRRSET"
        if kind == "exactly":
            assert isinstance(what, tuple)
            exactly.setdefault((owner.lower(), what[0]), set()).add(equal(*what))
    for (owner, rrset), wanted in exactly.items():
        if set(zone.get(owner, {}).get(rrset, (0, {}))[1]) != wanted:
            return "NXRRSET"
    return "NOERROR"


def done(zone: Zone, steps: list[tuple[str, str, object]]) -> Zone:
    """The zone afterwards, one step after another."""
    zone = {owner: {kind: (ttl, dict(values)) for kind, (ttl, values) in sets.items()} for owner, sets in zone.items()}
    for what, spelled, given_ in steps:
        owner = spelled.lower()
        apex = owner == "example."
        sets = zone.setdefault(owner, {})
        if what == "add":
            (kind, value), ttl = given_  # type: ignore[misc]
            if (kind == "CNAME" and set(sets) - {"CNAME"}) or (kind != "CNAME" and "CNAME" in sets):
                continue
            values = sets[kind][1] if kind in sets and kind != "CNAME" else {}
            sets[kind] = (ttl, {**values, equal(kind, value): value})
        elif what == "delete one":
            kind, value = given_  # type: ignore[misc]
            values = sets.get(kind, (0, {}))[1]
            if not (apex and kind == "NS" and len(values) == 1):
                values.pop(equal(kind, value), None)
            if kind in sets and not values:
                del sets[kind]
        elif what == "delete set":
            if not (apex and given_ in ("NS", "SOA")):
                sets.pop(given_, None)  # type: ignore[call-overload]
        else:
            zone[owner] = {kind: one for kind, one in sets.items() if apex and kind in ("NS", "SOA")}
    return {owner: sets for owner, sets in zone.items() if sets}


def written(prerequisites: list[tuple[str, str, object]], steps: list[tuple[str, str, object]]) -> UpdateMessage:
    """The message a client would send."""
    out = update()
    for kind, spelled, what in prerequisites:
        owner = dns.name.from_text(spelled)
        if kind in ("used", "set"):
            out.present(owner, *([what] if what else []))
        elif kind in ("unused", "no set"):
            out.absent(owner, *([what] if what else []))
        else:
            out.present(owner, *what)  # type: ignore[misc]
    for kind, spelled, what in steps:
        owner = dns.name.from_text(spelled)
        if kind == "add":
            (rdtype, value), ttl = what  # type: ignore[misc]
            out.add(owner, ttl, rdtype, value)
        else:
            out.delete(owner, *([] if what is None else [what] if isinstance(what, str) else what))  # type: ignore[misc]
    return out


def stored(place: Updating) -> Zone:
    """The zone as it is, without its SOA."""
    found: Zone = {}
    for owner in {each.lower() for each in NAMES}:
        for line in place.shows(owner):
            ttl, kind, value = line.split(" ", 2)
            if kind != "SOA":
                sets = found.setdefault(owner, {})
                values = sets[kind][1] if kind in sets else {}
                sets[kind] = (int(ttl), {**values, equal(kind, value): value})
    return found


@pytest.fixture(scope="module")
def place() -> Iterator[Updating]:
    with updating() as opened:
        yield opened


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(messages=st.lists(message, min_size=1, max_size=6))
def test_any_sequence(
    place: Updating, messages: list[tuple[list[tuple[str, str, object]], list[tuple[str, str, object]]]]
) -> None:
    place.reset(START)
    place.rules[Act.UPDATE] = ("any",)
    zone = stored(place)
    for prerequisites, steps in messages:
        serial = place.serial()
        rcode = failing(zone, prerequisites)
        assert place.rcode(written(prerequisites, steps), sign=None) == rcode
        after = done(zone, steps) if rcode == "NOERROR" else zone
        assert stored(place) == after
        assert (place.serial() != serial) == (after != zone)
        zone = after
