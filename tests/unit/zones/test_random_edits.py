"""Random edits against a plain model of a zone."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nsblast.errors import NsblastError
from nsblast.store.engine import Database
from nsblast.zones.model import AppendRRs, DeleteName, DeleteRRs, DeleteTypes, Expect, MergeRRsets, PutName, RRset
from tests.unit.zones.editing import A1, A2, A3, APEX, CNAME, DNAME, NS, SOA, TXT, A, Zone, start, wire

LABELS = st.sampled_from([b"a", b"b", b"*", b"\0", b"\1", b"a-", b"A"])
NAMES = st.lists(LABELS, max_size=4).map(lambda labels: b"".join(bytes((len(x),)) + x for x in labels) + APEX)
SETS = st.lists(
    st.sampled_from(
        [
            RRset(A, 60, (A1,)),
            RRset(A, 60, (A2, A3)),
            RRset(TXT, 90, (b"\1a",)),
            RRset(NS, 60, (wire("ns.example."),)),
            RRset(DNAME, 60, (wire("x."),)),
            RRset(CNAME, 60, (wire("y."),)),
            RRset(A, 60, ()),
        ]
    ),
    max_size=2,
).map(tuple)
OPS = st.one_of(
    st.builds(PutName, NAMES, SETS),
    st.builds(MergeRRsets, NAMES, SETS),
    st.builds(AppendRRs, NAMES, SETS),
    st.builds(DeleteRRs, NAMES, SETS),
    st.builds(DeleteTypes, NAMES, st.lists(st.sampled_from([A, NS, TXT, DNAME]), max_size=2).map(tuple)),
    st.builds(DeleteName, NAMES, st.just(Expect.ANY)),
)

Model = dict[bytes, dict[int, tuple[int, frozenset[bytes]]]]


def expected(model: Model, op: Any) -> None:
    """What an operation means, on a dict of names; no checks."""
    name = op.owner.lower()
    sets = model.setdefault(name, {})
    if isinstance(op, PutName):
        sets.clear()
    if isinstance(op, DeleteName):
        sets.clear()
        return
    if isinstance(op, DeleteTypes):
        for rrtype in op.types:
            sets.pop(rrtype, None)
        return
    if isinstance(op, MergeRRsets):
        for rrset in op.rrsets:
            sets.pop(rrset.type, None)
    given: dict[int, tuple[int, frozenset[bytes]]] = {}
    for rrset in op.rrsets:
        if rrset.rdatas:
            ttl, values = given.get(rrset.type, (rrset.ttl, frozenset()))
            given[rrset.type] = (ttl, values | set(rrset.rdatas))
    for rrtype, (ttl, values) in given.items():
        had = sets.get(rrtype, (ttl, frozenset()))
        if isinstance(op, DeleteRRs):
            left = had[1] - values
            sets.pop(rrtype, None)
            if left:
                sets[rrtype] = (had[0], left)
        else:
            keep = had[1] if isinstance(op, AppendRRs) and rrtype not in (CNAME, DNAME) else frozenset()
            sets[rrtype] = (ttl, values | keep)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(OPS, min_size=1, max_size=3), max_size=8))
def test_random_edits_follow_a_plain_model(tmp_path_factory: pytest.TempPathFactory, changes: list[list[Any]]) -> None:
    database = Database.primary(tmp_path_factory.mktemp("db") / "db")
    try:
        zone = Zone(database)
        zone.do(*start())
        model: Model = {APEX: {NS: (300, frozenset((wire("ns.example."),)))}}
        replay = set(zone.rrs())
        for ops in changes:
            wanted = {name: dict(sets) for name, sets in model.items()}
            for op in ops:
                expected(wanted, op)
            try:
                result = zone.do(*ops)
            except NsblastError:
                continue
            model = {name: sets for name, sets in wanted.items() if sets}
            got = {(name.lower(), rrtype, ttl, value) for name, rrtype, ttl, value in zone.rrs() if rrtype != SOA}
            plain = {(name, t, ttl, v) for name, sets in model.items() for t, (ttl, vs) in sets.items() for v in vs}
            assert got == plain
            assert result.diff is not None
            fold = lambda rrs: {(name.lower(), *rest) for name, *rest in rrs}  # noqa: E731
            assert fold(result.diff.removed) <= fold(replay)
            replay = (fold(replay) - fold(result.diff.removed)) | fold(result.diff.added)
            assert replay == fold(zone.rrs())
    finally:
        database.close()
