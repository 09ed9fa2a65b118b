"""Each operation's meaning, what is refused, and what holds after every change."""

from typing import Any

import pytest

from nsblast._core.rrset import HAS_CNAME, HAS_DNAME, HAS_WILDCARD, IS_APEX, IS_CUT, IS_ENT, IS_OCCLUDED
from nsblast.errors import Conflict, InputError, NotFound, UsageError
from nsblast.store import layout
from nsblast.store.engine import Database
from nsblast.store.values_v1 import What, ZoneKind
from nsblast.zones.build import entries_of
from nsblast.zones.edit import Changed
from nsblast.zones.model import (
    AppendRRs,
    ConfigureZone,
    CreateZone,
    DeleteName,
    DeleteRRs,
    DeleteTypes,
    DeleteZone,
    Expect,
    MergeRRsets,
    PutName,
    ReplaceZone,
    RRset,
)
from tests.unit.zones.editing import A1, A2, A3, APEX, CNAME, DNAME, NS, RRSIG, SOA, TXT, A, Zone, a, soa, start, wire

# -- names come and go --


def test_creation(zone: Zone) -> None:
    assert zone.serial() == 1
    assert zone.flags("example.") == IS_APEX
    with pytest.raises(Conflict, match=r"zone example\. already"):
        zone.do(*start())


def test_each_change_is_one_serial_and_one_difference(zone: Zone) -> None:
    result = zone.do(PutName(wire("www.example."), a(A1)), PutName(wire("mail.example."), a(A2)))
    assert (result.serial_before, result.serial, zone.serial()) == (1, 2, 2)
    assert result.diff is not None
    assert set(result.diff.removed) == {(APEX, SOA, 300, soa(1))}
    added = {(APEX, SOA, 300, soa(2)), (wire("www.example."), A, 60, A1), (wire("mail.example."), A, 60, A2)}
    assert set(result.diff.added) == added
    (journal,) = zone.applied.journal
    assert (journal.serial_from, journal.serial_to, set(journal.added)) == (1, 2, added)


def test_nothing_changed_is_no_change(zone: Zone) -> None:
    zone.do(PutName(wire("www.example."), a(A1, A2)))
    result = zone.do(PutName(wire("www.example."), a(A2, A1, A2)))
    assert (result.number, result.serial, zone.applied.zone) == (0, 2, None)


def test_empty_non_terminals_come_and_go(zone: Zone) -> None:
    zone.do(PutName(wire("a.b.c.example."), a(A1)))
    assert zone.flags("b.c.example.") == zone.flags("c.example.") == IS_ENT
    zone.do(PutName(wire("x.c.example."), a(A1)))
    zone.do(DeleteName(wire("a.b.c.example.")))
    assert not zone.has("b.c.example.")
    assert zone.has("c.example.")
    zone.do(PutName(wire("c.example."), a(A1)))
    assert zone.flags("c.example.") == 0
    zone.do(DeleteName(wire("c.example.")))
    assert zone.flags("c.example.") == IS_ENT
    zone.do(DeleteName(wire("x.c.example.")))
    assert not zone.has("c.example.")


def test_wildcards_mark_their_parent(zone: Zone) -> None:
    zone.do(PutName(wire("*.w.example."), a(A1)), PutName(wire("*.example."), a(A1)))
    assert zone.flags("w.example.") == IS_ENT | HAS_WILDCARD
    assert zone.flags("example.") & HAS_WILDCARD
    zone.do(DeleteName(wire("*.example.")))
    assert not zone.flags("example.") & HAS_WILDCARD
    zone.do(PutName(wire("a.*.v.example."), a(A1)))
    assert zone.flags("v.example.") == IS_ENT | HAS_WILDCARD
    zone.do(DeleteName(wire("a.*.v.example.")))
    assert not zone.has("v.example.")


def test_cuts_occlude_what_lies_below(zone: Zone) -> None:
    zone.do(PutName(wire("ns.sub.example."), a(A1)), PutName(wire("deep.ns.sub.example."), a(A1)))
    zone.do(MergeRRsets(wire("sub.example."), (RRset(NS, 60, (wire("ns.sub.example."),)),)))
    assert zone.flags("sub.example.") == IS_CUT
    assert zone.flags("ns.sub.example.") == zone.flags("deep.ns.sub.example.") == IS_OCCLUDED
    zone.do(PutName(wire("other.new.sub.example."), a(A1)))
    assert zone.flags("new.sub.example.") == IS_OCCLUDED | IS_ENT
    zone.do(PutName(wire("ns.sub.example."), (RRset(NS, 60, (wire("x."),)),)))
    assert zone.flags("ns.sub.example.") == IS_OCCLUDED | IS_CUT
    zone.do(DeleteTypes(wire("sub.example."), (NS,)))
    assert zone.flags("sub.example.") == IS_ENT
    assert zone.flags("ns.sub.example.") == IS_CUT
    assert zone.flags("deep.ns.sub.example.") == IS_OCCLUDED
    assert zone.flags("other.new.sub.example.") == 0


def test_a_neighbour_that_shares_octets_is_not_below(zone: Zone) -> None:
    zone.do(PutName(wire("sub-x.example."), a(A1)), PutName(wire("subx.example."), a(A1)))
    zone.do(PutName(wire("sub.example."), (RRset(NS, 60, (wire("x."),)),)))
    assert zone.flags("sub-x.example.") == zone.flags("subx.example.") == 0


def test_spelling_is_kept(zone: Zone) -> None:
    owner = b"\3WwW\7example\0"
    zone.do(PutName(owner, a(A1)))
    assert zone.rrs()[-1][0] == owner
    zone.do(AppendRRs(wire("www.example."), a(A2)))
    assert zone.rrs()[-1][0] == owner
    result = zone.do(PutName(wire("www.example."), a(A1, A2)))
    assert zone.rrs()[-1][0] == wire("www.example.")
    assert result.serial == 4


# -- what operations mean --


def test_merge_replaces_by_type(zone: Zone) -> None:
    name = wire("m.example.")
    zone.do(PutName(name, (RRset(A, 60, (A1, A2)), RRset(TXT, 60, (b"\1a",)))))
    zone.do(MergeRRsets(name, a(A3)))
    assert {rr[1:] for rr in zone.rrs() if rr[0] == name} == {(A, 60, A3), (TXT, 60, b"\1a")}
    zone.do(MergeRRsets(name, (RRset(A, 0, ()),)))
    assert {rr[1:] for rr in zone.rrs() if rr[0] == name} == {(TXT, 60, b"\1a")}


def test_append_and_delete_values(zone: Zone) -> None:
    name = wire("m.example.")
    zone.do(AppendRRs(name, a(A1)))
    zone.do(AppendRRs(name, a(A2, A1, ttl=90)))
    assert {rr[1:] for rr in zone.rrs() if rr[0] == name} == {(A, 90, A1), (A, 90, A2)}
    result = zone.do(DeleteRRs(name, a(A1, A3)))
    assert result.diff is not None
    assert (name, A, 90, A1) in result.diff.removed
    zone.do(DeleteRRs(name, a(A2)))
    assert not zone.has("m.example.")


def test_deleting_a_type_takes_its_signatures(zone: Zone) -> None:
    sigs = [kind.to_bytes(2, "big") + b"\5\2" + bytes(12) + b"\0\0\0" + b"sig" for kind in (A, TXT)]
    name = wire("m.example.")
    zone.do(PutName(name, (RRset(A, 60, (A1,)), RRset(TXT, 60, (b"\1a",)), RRset(RRSIG, 60, tuple(sigs)))))
    zone.do(DeleteTypes(name, (A,)))
    assert {rr[1:] for rr in zone.rrs() if rr[0] == name} == {(TXT, 60, b"\1a"), (RRSIG, 60, sigs[1])}


def test_expectations(zone: Zone) -> None:
    name = wire("m.example.")
    with pytest.raises(NotFound, match=r"nothing at m\.example\."):
        zone.do(PutName(name, a(A1), Expect.PRESENT))
    zone.do(PutName(name, a(A1), Expect.ABSENT))
    with pytest.raises(Conflict, match=r"something at m\.example\."):
        zone.do(PutName(name, a(A1), Expect.ABSENT))
    with pytest.raises(NotFound):
        zone.do(DeleteName(wire("none.example.")))
    zone.do(PutName(wire("x.ent.example."), a(A1)))
    with pytest.raises(NotFound):
        zone.do(DeleteName(wire("ent.example.")))


def test_a_guard_sees_the_zone_and_may_refuse(zone: Zone) -> None:
    def guard(contents: Any) -> None:
        assert contents.exists
        assert contents.rrsets(wire("none.example.")) == ()
        if contents.serial != 7:
            raise Conflict(f"serial is {contents.serial}")

    with pytest.raises(Conflict, match="serial is 1"):
        zone.do(PutName(wire("m.example."), a(A1)), guard=guard)
    assert not zone.has("m.example.")


# -- serial --


@pytest.mark.parametrize(
    ("had", "given", "becomes"),
    [(1, 1, 2), (1, 5, 5), (5, 1, 6), (0xFFFFFFFF, 0xFFFFFFFF, 1), (0xFFFFFFFF, 3, 3), (10, 10 + 0x80000000, 11)],
)
def test_serial_rfc1982(database: Database, had: int, given: int, becomes: int) -> None:
    zone = Zone(database)
    zone.do(*start(had))
    zone.do(AppendRRs(APEX, (RRset(SOA, 300, (soa(given),)),)), PutName(wire("x.example."), a(A1)))
    assert zone.serial() == becomes


def test_an_older_soa_alone_changes_nothing(zone: Zone) -> None:
    zone.do(AppendRRs(APEX, (RRset(SOA, 300, (soa(9),)),)))
    assert zone.serial() == 9
    assert zone.do(AppendRRs(APEX, (RRset(SOA, 300, (soa(3),)),))).number == 0
    assert zone.do(AppendRRs(APEX, (RRset(SOA, 301, (soa(3),)),))).serial == 10


# -- refusals --

LONG = tuple(bytes((255,)) + bytes((number // 256, number % 256)) + b"x" * 253 for number in range(260))


@pytest.mark.parametrize(
    ("ops", "words"),
    [
        ((PutName(wire("www.other."), a(A1)),), r"www\.other\. is not in the zone example\."),
        ((PutName(b"\3www", a(A1)),), "is not a name"),
        ((PutName(wire("c.example."), (RRset(CNAME, 1, (wire("x."),)), *a(A1))),), "CNAME must stand alone"),
        ((PutName(wire("c.example."), (RRset(CNAME, 1, (wire("x."), wire("y."))),)),), "only one"),
        ((PutName(wire("c.example."), (RRset(SOA, 1, (soa(1),)),)),), "apex only"),
        ((PutName(wire("c.example."), a(A1, ttl=1 << 31)),), "TTL"),
        ((PutName(wire("c.example."), a(A1, ttl=-1)),), "TTL"),
        ((PutName(wire("c.example."), (RRset(255, 1, (A1,)),)),), "ANY cannot stand"),
        ((PutName(wire("c.example."), (RRset(41, 1, (A1,)),)),), "OPT cannot stand"),
        ((PutName(wire("c.example."), (RRset(TXT, 1, LONG),)),), "larger than one message"),
        ((PutName(wire("c.example."), (RRset(DNAME, 1, (wire("x."),)), RRset(NS, 1, (wire("y."),)))),), "beside NS"),
        ((PutName(APEX, a(A1)),), "must have a SOA"),
        ((DeleteTypes(APEX, (SOA,)),), "SOA cannot be deleted"),
        ((DeleteTypes(APEX, (NS,)),), "NS cannot be deleted"),
        ((MergeRRsets(APEX, (RRset(NS, 1, ()),)),), "at least one NS"),
        ((DeleteRRs(APEX, (RRset(NS, 1, (wire("ns.example."),)),)),), "at least one NS"),
        ((AppendRRs(APEX, (RRset(CNAME, 1, (wire("x."),)),)),), "CNAME"),
        ((DeleteName(APEX),), "apex cannot be deleted"),
        ((AppendRRs(APEX, (RRset(SOA, 1, (b"junk",)),)),), "malformed"),
        (
            (PutName(wire("d.example."), (RRset(DNAME, 1, (wire("x."),)),)), PutName(wire("a.d.example."), a(A1))),
            "below the DNAME",
        ),
        (
            (PutName(wire("a.d.example."), a(A1)), PutName(wire("d.example."), (RRset(DNAME, 1, (wire("x."),)),))),
            "below the DNAME",
        ),
    ],
)
def test_refused_whole(zone: Zone, ops: tuple[Any, ...], words: str) -> None:
    before = zone.rrs()
    with pytest.raises(InputError, match=words):
        zone.do(PutName(wire("first.example."), a(A1)), *ops)
    assert zone.rrs() == before


def test_a_dname_may_take_the_place_of_what_is_deleted_with_it(zone: Zone) -> None:
    zone.do(PutName(wire("a.d.example."), a(A1)))
    zone.do(PutName(wire("d.example."), (RRset(DNAME, 1, (wire("x."),)),)), DeleteName(wire("a.d.example.")))
    assert zone.flags("d.example.") == HAS_DNAME


def test_a_cname_with_its_dnssec_records_stands(zone: Zone) -> None:
    sig = CNAME.to_bytes(2, "big") + bytes(16) + b"\0" + b"sig"
    nsec = wire("z.example.") + b"\0\1\4"
    sets = (RRset(CNAME, 1, (wire("x."),)), RRset(RRSIG, 1, (sig,)), RRset(47, 1, (nsec,)))
    zone.do(PutName(wire("c.example."), sets))
    assert zone.flags("c.example.") & HAS_CNAME


# -- zones --


def test_deletion(zone: Zone) -> None:
    zone.do(PutName(wire("x.example."), a(A1)))
    result = zone.do(DeleteZone())
    assert (result.serial_before, result.serial) == (2, None)
    assert zone.applied.zone is not None
    assert zone.applied.zone.what is What.DELETED
    assert zone.rrs() == []
    with pytest.raises(NotFound):
        zone.do(DeleteZone())
    with pytest.raises(NotFound):
        zone.do(PutName(wire("x.example."), a(A1)))


def test_a_deletion_stands_alone(zone: Zone) -> None:
    with pytest.raises(UsageError):
        zone.do(DeleteZone(), *start())


def test_settings_leave_the_serial(zone: Zone) -> None:
    result = zone.do(ConfigureZone(tenant="t", settings={"k": 1}))
    assert result.serial == 1
    (mark,) = zone.applied.journal
    assert not mark.leads
    assert (mark.before["tenant"], mark.after["tenant"], mark.after["settings"]) == ("", "t", {"k": 1})
    record = zone.view.zone(APEX)
    assert record is not None
    assert (record.tenant, record.settings) == ("t", {"k": 1})
    assert zone.do(ConfigureZone(tenant="t")).number == 0


def test_a_secondary_may_wait_for_its_contents(database: Database) -> None:
    zone = Zone(database)
    zone.do(CreateZone(ZoneKind.SECONDARY))
    assert zone.flags("example.") & IS_APEX
    with pytest.raises(InputError, match="SOA"):
        Zone(database).do(CreateZone())


def test_child_zones_leave_the_parent_alone(zone: Zone) -> None:
    zone.do(PutName(wire("a.sub.example."), a(A1)))
    before = zone.rrs()
    child = wire("sub.example.")
    sets = (RRset(SOA, 300, (soa(1),)), RRset(NS, 300, (wire("ns.example."),)))
    zone.do(CreateZone(), PutName(child, sets), PutName(wire("a.sub.example."), a(A2)), apex=child)
    assert zone.rrs() == before
    zone.do(DeleteName(wire("a.sub.example.")))
    assert not zone.has("sub.example.")
    assert len(zone.rrs(child)) == 3


def test_replacement_by_prepared_changes(zone: Zone) -> None:
    changes: list[tuple[bytes, bytes | None]] = [
        (b"e" + key, blob)
        for key, blob in entries_of(APEX, [*zone.rrs(), (wire("*.b.example."), A, 60, A1)])
        if key != layout.entry_key(APEX, 1)[1:]
    ]
    result = zone.do(ReplaceZone(Changed(changes)))
    assert (result.serial, zone.flags("b.example.")) == (2, IS_ENT | HAS_WILDCARD)


def test_the_root_zone(database: Database) -> None:
    zone = Zone(database)
    root = b"\0"
    sets = (RRset(SOA, 300, (soa(1),)), RRset(NS, 300, (wire("ns.example."),)))
    zone.do(
        CreateZone(), PutName(root, sets), PutName(wire("ns.example."), a(A1)), PutName(wire("*."), a(A1)), apex=root
    )
    assert zone.contents(root)[root].flags == IS_APEX | HAS_WILDCARD
    zone.do(DeleteName(wire("ns.example.")), apex=root)
    assert set(zone.contents(root)) == {root, wire("*.")}
