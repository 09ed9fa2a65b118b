"""A stored spelling that is not the entry's name once gave an answer whose owner name pointed into the middle of a label."""

import dns.message
import pytest

from nsblast._core.engine import MISS_ENTRY, Engine
from nsblast._core.rrset import IS_APEX, pack_entry
from tests.fuzz.world import judge
from tests.unit.serve.conftest import query, rdata, wire

APEX = wire("zone.example.")


@pytest.mark.parametrize("spelling", [APEX[2:], APEX[1:], b"\4ZONE" + APEX[5:], b"x" * 14, b"\0", wire("other.test.")])
def test_owner_name_is_the_entrys(spelling: bytes) -> None:
    engine = Engine()
    soa = (6, 300, [rdata("SOA", "ns.example. root.example. 1 2 3 4 5")])
    engine.fill(MISS_ENTRY, 0, APEX, APEX, pack_entry([soa], apex_labels=2, flags=IS_APEX, spelling=spelling))
    packet = query("zone.example.", "MX")
    answer = engine.answer(packet)
    judge(packet, answer, tcp=False)
    assert isinstance(answer, bytes)
    (owner,) = {str(rrset.name) for rrset in dns.message.from_wire(answer).authority}
    assert owner == ("ZONE.example." if spelling[1:5] == b"ZONE" else "zone.example.")
