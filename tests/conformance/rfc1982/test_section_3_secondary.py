"""RFC 1982 3.2: a secondary takes what is newer in serial number arithmetic, and nothing else."""

import asyncio

import pytest

from nsblast.transfer.inbound_message import Fault
from tests.helpers.masters import Scripted, axfr, following, wire

HALF = 1 << 31


@pytest.mark.parametrize(
    ("have", "offered", "newer"),
    [
        (1, 2, True),
        (1, HALF, True),
        (1, HALF + 1, False),  # undefined: not taken
        (1, HALF + 2, False),
        (2**32 - 1, 0, True),
        (2**32 - 1, 5, True),
        (5, 2**32 - 1, False),
        (HALF, 0, False),
        (HALF + 5, 4, True),
        (7, 6, False),
    ],
)
def test_newer_or_not(have: int, offered: int, newer: bool) -> None:
    async def run() -> None:
        async with following(lambda q: [wire(q, axfr(offered))], serial=offered) as (place, master):
            first = Scripted(lambda q: [wire(q, axfr(have))], serial=have)
            async with first:
                await place.fetch(first.master, force=True)
            assert place.record.serial == have
            if newer:
                await place.fetch(master.master)
                assert place.record.serial == offered
            else:
                with pytest.raises(Fault, match="older than ours"):
                    await place.fetch(master.master)
                assert place.record.serial == have

    asyncio.run(run())
