"""Secondaries that the settings name: made and set at a reload, left as they are when they are taken out."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from nsblast.errors import UsageError
from nsblast.records import from_text, name_from_text
from nsblast.settings import Settings
from nsblast.store.values_v1 import ZoneKind
from nsblast.transfer.masters import Master
from nsblast.transfer.secondary_once import declared, settle_declared
from nsblast.zones.model import ChangeSet, ConfigureZone, CreateZone, PutName, RRset
from tests.helpers.masters import Following

A, B = name_from_text("a.test."), name_from_text("b.test.")


def test_what_the_lines_say() -> None:
    found = declared(Settings(secondaries=("A.test 192.0.2.1 [2001:db8::1]:5353 key:Xfr", "b.test ns.example@54")))
    assert found[A].masters == (Master("192.0.2.1", 53, "xfr."), Master("2001:db8::1", 5353, "xfr."))
    assert found[B].masters == (Master("ns.example.", 54),)


def test_a_zone_twice_is_an_error() -> None:
    with pytest.raises(UsageError, match="secondaries: a.test. is there twice"):
        declared(Settings(secondaries=("a.test 192.0.2.1", "A.TEST. 192.0.2.2")))


def test_reloads(tmp_path: Path) -> None:
    place = Following(tmp_path)

    def settle(*lines: str) -> None:
        asyncio.run(settle_declared(place.backend, Settings(secondaries=lines)))

    def master(apex: bytes) -> dict[str, Any]:
        record = place.backend.zone(apex)
        assert record is not None
        assert record.kind is ZoneKind.SECONDARY
        found: dict[str, Any] = record.settings["master"]
        return found

    try:
        settle("a.test 192.0.2.1")
        assert (master(A)["hostname"], master(A)["refresh"]) == ("192.0.2.1", 600)
        place.backend.apply(
            ChangeSet(A, (ConfigureZone(settings={"access": {}, "master": {**master(A), "refresh": 60}}),))
        )
        settle("a.test 192.0.2.2 192.0.2.3", "b.test 192.0.2.1:54")
        assert [master(A)["hostname"], *(one["hostname"] for one in master(A)["also"])] == ["192.0.2.2", "192.0.2.3"]
        assert master(A)["refresh"] == 60, "what the API set beside the masters stays"
        assert master(B)["port"] == 54
        before = place.backend.zone(B)
        settle("b.test 192.0.2.1:54")
        assert place.backend.zone(B) == before, "what is as it should be is not changed"
        assert master(A)["hostname"] == "192.0.2.2", "what is taken out stays a secondary"
        primary = name_from_text("c.test.")
        top = (
            RRset(6, 60, (from_text(6, "ns.c.test. host.c.test. 7 3600 600 86400 60"),)),
            RRset(2, 60, (name_from_text("ns.c.test."),)),
        )
        place.backend.apply(ChangeSet(primary, (CreateZone(), PutName(primary, top))))
        settle("c.test 192.0.2.1")
        record = place.backend.zone(primary)
        assert record is not None
        assert (record.kind, record.settings) == (ZoneKind.PRIMARY, {}), "a primary stays one"
    finally:
        place.backend.close()
