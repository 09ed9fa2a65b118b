"""Whose a name is, and where a tenant may make zones."""

import pytest

from nsblast.access.changes import Delete, Put
from nsblast.access.may import Actor, Grant
from nsblast.access.permissions import ALL
from nsblast.access.records_v1 import FIRST_TENANT, Tenant, Vzone
from nsblast.errors import Conflict, Forbidden, InputError, NotFound
from nsblast.zones.model import Expect
from tests.unit.access.conftest import EVERY, OTHER, THIRD, Place, wire


def actor(tenant: str) -> Actor:
    """May everything there."""
    return Actor("somebody", tenant, tenant, (Grant(ALL),))


def vzone(place: Place, name: str, zone: str, tenant: str, expect: Expect = Expect.ABSENT) -> None:
    """Give a subtree away."""
    record = place.reader.zone(wire(zone))
    incarnation = record.incarnation if record is not None else 0
    place.do(Put(Vzone(tenant=tenant, name=name, zone=zone, incarnation=incarnation), expect))


def owner(place: Place, name: str) -> str | None:
    """Id."""
    found = place.accounts.owner_of(wire(name))
    return found.tenant if found is not None else None


def test_the_deepest_zone_or_virtual_zone_owns(place: Place) -> None:
    place.zone("example.")
    place.zone("b.example.", OTHER)
    vzone(place, "a.example.", "example.", THIRD)
    vzone(place, "x.b.example.", "b.example.", THIRD)
    vzone(place, "deep.a.example.", "example.", OTHER)
    assert owner(place, "org.") is None
    assert owner(place, "example.") == owner(place, "www.example.") == owner(place, "aa.example.") == FIRST_TENANT
    assert owner(place, "a.example.") == owner(place, "1.2.a.example.") == THIRD
    assert owner(place, "b.example.") == owner(place, "y.b.example.") == OTHER
    assert owner(place, "1.x.b.example.") == THIRD
    assert owner(place, "1.deep.a.example.") == OTHER
    place.zone("z.a.example.", OTHER)
    assert owner(place, "1.z.a.example.") == OTHER
    with pytest.raises(Forbidden):
        place.accounts.demand_name(actor(FIRST_TENANT), wire("nothing.there.a.example."))
    assert place.accounts.demand_name(actor(THIRD), wire("nothing.there.a.example.")) is not None
    place.do(Delete(Vzone, "a.example."))
    assert owner(place, "a.example.") == FIRST_TENANT


def test_a_virtual_zone_ends_with_its_zone(place: Place) -> None:
    place.zone("example.")
    vzone(place, "a.example.", "example.", THIRD)
    with pytest.raises(Conflict, match="virtual zone"):
        place.do(Delete(Tenant, THIRD))
    place.drop_zone("example.")
    assert place.accounts.vzone(wire("a.example.")) is None
    place.zone("example.", OTHER)
    assert owner(place, "a.example.") == OTHER
    assert not list(place.accounts.vzones())
    vzone(place, "b.example.", "example.", FIRST_TENANT)
    with pytest.raises(Conflict, match="another tenant's"):
        vzone(place, "b.example.", "example.", OTHER, Expect.ANY)
    vzone(place, "c.example.", "example.", OTHER)


def test_virtual_zones_lie_below_a_zone(place: Place) -> None:
    place.zone("example.")
    for name, zone, kind in (
        ("example.", "example.", InputError),
        ("other.", "example.", InputError),
        ("a.org.", "org.", NotFound),
    ):
        with pytest.raises(kind):
            vzone(place, name, zone, OTHER)
    place.zone("sub.example.")
    with pytest.raises(Conflict):
        vzone(place, "sub.example.", "example.", OTHER)
    with pytest.raises(NotFound, match="tenant"):
        vzone(place, "a.example.", "example.", "99999999-9999-9999-9999-999999999999")


def test_where_zones_may_be_made(place: Place) -> None:
    place.zone("example.")
    place.zone("taken.rooted.example.", OTHER)
    accounts = place.accounts

    def may(tenant: str, name: str) -> bool:
        try:
            accounts.demand_new_zone(actor(tenant), wire(name))
        except Forbidden:
            return False
        return True

    assert may(FIRST_TENANT, "sub.example.")
    assert not may(OTHER, "sub.example.")
    assert may(OTHER, "org.")
    place.do(Put(Tenant(id=THIRD, name="third", allowed=EVERY, root="rooted.example.")))
    assert may(THIRD, "rooted.example.")
    assert may(THIRD, "a.rooted.example.")
    assert not may(THIRD, "a.taken.rooted.example.")
    assert not may(THIRD, "unrooted.example.")
    assert not may(THIRD, "org.")
    place.zone("rooted.example.", THIRD)
    assert may(THIRD, "b.a.rooted.example.")
    place.drop_zone("rooted.example.")
    place.zone("rooted.example.", OTHER)
    assert not may(THIRD, "a.rooted.example.")


def test_a_zone_needs_its_tenant(place: Place) -> None:
    with pytest.raises(NotFound, match="no tenant"):
        place.zone("example.", "99999999-9999-9999-9999-999999999999")
    assert place.reader.zone(wire("example.")) is None
    place.zone("example.", OTHER)
    with pytest.raises(Conflict, match=r"example\."):
        place.do(Delete(Tenant, OTHER))
    place.drop_zone("example.")
    place.do(Delete(Tenant, OTHER))
    assert place.accounts.user("other") is None
