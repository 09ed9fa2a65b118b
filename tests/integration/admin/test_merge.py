"""PATCH of a name changes what it names and the SOA serial, and nothing else: neither in the zone, nor beside it, nor over DNS."""

import copy
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.helpers.api import PASSWORD, Api, api
from tests.security.wire import Wire, basic, path

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "a": st.lists(st.sampled_from(["192.0.2.1", "192.0.2.2", "2001:db8::1"]), unique=True, max_size=3),
    "txt": st.lists(st.sampled_from(["one", "two", "three"]), unique=True, max_size=3),
    "mx": st.lists(
        st.sampled_from([{"priority": 5, "host": "m1.other.example."}, {"priority": 10, "host": "m2.other.example."}]),
        unique_by=lambda each: each["host"],
        max_size=2,
    ),
    "caa": st.lists(st.sampled_from(['0 issue "ca.example"', '0 iodef "mailto:x@example"']), unique=True, max_size=2),
    "ptr": st.lists(st.sampled_from(["p1.other.example.", "p2.other.example."]), unique=True, max_size=2),
    "cname": st.lists(st.sampled_from(["c.other.example."]), max_size=1),
    "rr": st.just([{"type": 65280, "rdata": "AAEC"}]),  # an empty one would name no type
}
ENTRIES = st.fixed_dictionaries({}, optional={**VALUES, "ttl": st.sampled_from([0, 60, 3600])}).filter(bool)
Zones = dict[str, dict[str, dict[str, Any]]]
MERGED = int(os.environ.get("MERGE_EXAMPLES", "40"))
"""Examples of up to ten merges each."""
LABELS = ["@", "a", "b", "a.b", "*.c", "sub", "x.sub"]
MERGES = st.lists(st.tuples(st.sampled_from(LABELS), ENTRIES, st.booleans()), min_size=1, max_size=10)
ZONES = ("merge.test", "sub.merge.test", "beside.test")


class World:
    """Three zones: one below another's name, one beside both."""

    def __init__(self, server: Api) -> None:
        self.wire = Wire(server, basic("admin", PASSWORD))
        for zone in ZONES:
            assert self.wire("POST", path("zone", zone), {"ns": ["ns1.example.net"]}).status == 201

    def reset(self) -> None:
        """To some contents in each zone, of several types."""
        for zone in ZONES:
            apex = {"fqdn": zone, "ns": ["ns1.example.net"], "txt": ["kept"]}
            names = [
                {"fqdn": f"{label}.{zone}", "ttl": 60, "txt": ["one"], "a": ["192.0.2.9"]} for label in ("a", "kept")
            ]
            # Made anew: what a replacement does not name of an SOA stays.
            assert self.wire("DELETE", path("zone", zone)).status == 200
            assert self.wire("PUT", path("zone", zone), [apex, *names]).status == 201

    def read(self) -> Zones:
        """Every zone's entries by name."""
        return {
            zone: {each.pop("fqdn"): each for each in self.wire("GET", path("zone", zone) + "?kind=verbose").value}
            for zone in ZONES
        }


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with api(tmp_path_factory.mktemp("merge"), workers=1) as server:
        made = World(server)
        yield made
        made.wire.close()


def listed(entry: dict[str, Any]) -> dict[str, list[str]]:
    """Values of each type in an order of their own; the SOA's serial and TTLs left out."""
    found = {}
    for kind, value in entry.items():
        if kind not in ("ttl", "ttls", "serial"):
            values = value if isinstance(value, list) else [value]
            found[kind] = sorted(repr(each) for each in values)
    return found


def ttls(entry: dict[str, Any]) -> dict[str, int]:
    """Of each type; addresses may differ by kind, which listed() does not tell apart, and numbered types are shown under other names."""
    return {kind: entry.get("ttls", {}).get(kind, entry["ttl"]) for kind in listed(entry) if kind not in ("a", "rr")}


@given(merges=MERGES)
@settings(max_examples=MERGED, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_merge_changes_what_it_names_and_the_serial(
    world: World, merges: list[tuple[str, dict[str, Any], bool]]
) -> None:
    world.reset()
    before = world.read()
    for label, entry, append in merges:
        name = "merge.test." if label == "@" else f"{label}.merge.test."
        zone = "sub.merge.test" if label.endswith("sub") else "merge.test"
        got = world.wire("PATCH", path("rr", name) + f"?append={str(append).lower()}", entry)
        after = world.read()
        if got.status >= 400:
            # a CNAME beside others, or at the apex; nothing there that could be taken away
            assert got.status in (400, 404), got.body
            assert after == before
        else:
            _check(before[zone].get(name, {}), after[zone].get(name, {}), entry, append)
            _check_rest(before, after, zone, name)
        before = after


def _check(had: dict[str, Any], now: dict[str, Any], entry: dict[str, Any], append: bool) -> None:
    """The name itself: types that are named are replaced, or added to; an empty value takes a type away."""
    wanted, found = listed(had), listed(now)
    for kind, values in entry.items():
        if kind == "ttl":
            continue
        told = {repr(each) for each in values}
        if kind == "a" and not append and values:
            # of addresses those kinds that are given
            kinds = {":" in each for each in values}
            told |= {each for each in wanted.get("a", []) if (":" in each) not in kinds}
        wanted[kind] = sorted(told | set(wanted.get(kind, []))) if append else sorted(told)
    wanted = {kind: values for kind, values in wanted.items() if values}
    if "soa" in wanted:
        assert {**had["soa"], "serial": 0} == {**now["soa"], "serial": 0}
        del wanted["soa"], found["soa"]
    assert found == wanted, (had, entry, append, now)
    old, new = ttls(had), ttls(now)
    for kind in set(old) & set(new):
        given = "ttl" in entry and (bool(entry.get(kind)) or set(entry) == {"ttl"})
        assert new[kind] == (entry["ttl"] if given else old[kind]), (kind, had, entry, append, now)


def _check_rest(before: Zones, after: Zones, zone: str, name: str) -> None:
    """All else is as it was, and the serial one higher exactly if anything changed."""
    first, second = copy.deepcopy(before), copy.deepcopy(after)
    serials = [each[zone][f"{zone}."]["soa"].pop("serial") for each in (first, second)]
    assert serials[1] - serials[0] == (0 if first == second else 1)
    for each in (first, second):
        each[zone].pop(name, None)
    assert first == second
