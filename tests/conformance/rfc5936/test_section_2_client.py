"""RFC 5936 2.2, 3, as a client: what a transfer may look like, and that the zone is what came, in one step, with the master's serial."""

import asyncio
from collections.abc import Sequence

import dns.message
import pytest

from nsblast.records import name_from_text
from tests.helpers.masters import APEX, Said, answer, axfr, following, soa, wire

Query = dns.message.Message
WWW = "WWW.example. 300 A 192.0.2.99"


def fetched(said: Sequence[str], *, serial: int = 5, each: int = 100, questions: bool = True) -> list[str]:
    """The zone after a transfer of these records, some in each message."""
    told: list[str] = []

    def tcp(query: Query) -> Sequence[Said]:
        messages: list[Said] = []
        for at in range(0, len(said), each):
            message = answer(query, said[at : at + each])
            if at and not questions:
                message.question.clear()
            messages.append(message.to_wire(max_size=65535))
        return messages

    async def run() -> None:
        async with following(tcp, serial=serial) as (place, master):
            done = await place.fetch(master.master)
            assert done.times.serial == place.record.serial == serial
            told.extend(place.contents())

    asyncio.run(run())
    return told


@pytest.mark.parametrize("each", [1, 2, 3, 100])
@pytest.mark.parametrize("questions", [True, False])
def test_2_2_any_number_of_records_a_message(each: int, questions: bool) -> None:
    shown = fetched(axfr(5, WWW), each=each, questions=questions)
    assert shown == sorted(shown)
    assert [line for line in shown if "www" in line.lower()] == ["WWW.example. A 192.0.2.99"]


def test_2_2_records_in_any_order_and_twice() -> None:
    top, *rest, end = axfr(5, WWW, "a.b.example. 300 TXT x")
    assert fetched([top, *reversed(rest), rest[0], end]) == fetched([top, *rest, end])


def test_3_5_glue_and_what_lies_below_a_cut_comes_along() -> None:
    shown = fetched(axfr(5, "sub.example. 300 NS ns.sub.example.", "ns.sub.example. 300 A 192.0.2.53"))
    assert "ns.sub.example. A 192.0.2.53" in shown


def test_the_serial_is_the_masters_whatever_was_served_before() -> None:
    async def run() -> None:
        async with following(lambda q: [wire(q, axfr(1, WWW))]) as (place, master):
            # By force even an equal serial brings other contents.
            await place.fetch(master.master, force=True)
            assert place.record.serial == 1
            assert "WWW.example. A 192.0.2.99" in place.contents()

    asyncio.run(run())


def test_a_primary_that_becomes_a_secondary_takes_what_its_master_has() -> None:
    async def run() -> None:
        async with following(lambda q: [wire(q, axfr(7, WWW))], serial=7) as (place, master):
            before = place.contents()
            assert any(soa(1).split(" ", 3)[3] in line for line in before)
            place.backend.entry(name_from_text(APEX))
            await place.fetch(master.master)
            assert place.record.serial == 7

    asyncio.run(run())
