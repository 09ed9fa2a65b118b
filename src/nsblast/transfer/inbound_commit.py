"""What a master sent becomes the zone: one commit for a whole zone, one for each version of differences.

Owns: the change-sets, and that differences fit what is there to the last record. Never: the network, when it is done.
The serial is the master's. Each commit's guard sees to it that the zone is still the secondary whose version the answer was asked for;
what does not fit leaves the zone as it is, or as a version that its master had. RFC 1995 4, 5936 3.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from itertools import chain

from nsblast._core.name import fold
from nsblast.errors import Conflict, InputError
from nsblast.records import name_to_text, type_name
from nsblast.store.overlay import SetKey, set_key
from nsblast.store.values_v1 import ZoneKind, ZoneRecord
from nsblast.transfer.inbound import Incoming, Step
from nsblast.transfer.inbound_message import SOA
from nsblast.transfer.update_rules import canonical
from nsblast.types import Rr, Wire
from nsblast.zones.model import ChangeSet, ConfigureZone, Contents, EditName, Guard, ReplaceZone, Result, RRset

ACTOR = "transfer"
AHEAD = 64
"""Versions handed to the writer before the first of them must be committed: they share commits' syncs."""

Submit = Callable[[ChangeSet], "Future[Result]"]


class Unfit(InputError):
    """The differences are not of the version we have: the whole zone is needed."""


def whole(incoming: Incoming, record: ZoneRecord, place: str) -> ChangeSet:
    """Makes the zone what came."""
    return ChangeSet(
        incoming.apex,
        (ReplaceZone(incoming.pairs(), create=False, keep_serial=True),),
        actor=ACTOR,
        address=place,
        comment=f"AXFR from {place}",
        guard=_still(incoming.apex, record, record.serial),
        inbound=True,
    )


def steps(incoming: Incoming, record: ZoneRecord, place: str, submit: Submit) -> int:
    """Bring the zone from version to version; how many there were. In a thread. Unfit when one does not fit: it stays at the version before."""
    waiting: list[Future[Result]] = []
    done = 0
    try:
        for step in incoming.steps():
            waiting.append(submit(_change(incoming.apex, record, step, place)))
            if len(waiting) >= AHEAD:
                waiting.pop(0).result()
                done += 1
        while waiting:
            waiting.pop(0).result()
            done += 1
    except Conflict:
        raise
    except InputError as error:
        raise Unfit(error.message) from None
    finally:
        for future in waiting:
            future.exception()  # each fails as the one before it did; nobody asks for them
    return done


def expire(apex: Wire, record: ZoneRecord, *, expired: bool) -> ChangeSet:
    """The zone no longer answers with its contents; or does so again."""
    comment = "expired" if expired else "confirmed by its master"
    return ChangeSet(
        apex, (ConfigureZone(expired=expired),), actor=ACTOR, comment=comment, guard=_still(apex, record, record.serial)
    )


def _still(apex: Wire, record: ZoneRecord, serial: int) -> Guard:
    def guard(contents: Contents) -> None:
        now = contents.record
        if now is None or now.incarnation != record.incarnation or now.kind is not ZoneKind.SECONDARY:
            raise Conflict(f"{name_to_text(apex)} is not the secondary any more that it was")
        if now.serial != serial:
            raise Conflict(f"{name_to_text(apex)} has serial {now.serial} now, not {serial}")

    return guard


def _change(apex: Wire, record: ZoneRecord, step: Step, place: str) -> ChangeSet:
    names: dict[Wire, tuple[Wire, list[Rr], list[Rr]]] = {}
    for rr in chain(step.removed, step.added):
        names.setdefault(fold(rr[0]), (rr[0], [], []))
    for rr in step.removed:
        names[fold(rr[0])][1].append(rr)
    for rr in step.added:
        names[fold(rr[0])][2].append(rr)
    ops = [EditName(owner, _editing(owner, removed, added)) for owner, removed, added in names.values()]
    return ChangeSet(
        apex,
        (*ops, ConfigureZone(expired=False)),
        actor=ACTOR,
        address=place,
        comment=f"IXFR from {place}",
        guard=_still(apex, record, step.serial_from),
        inbound=True,
    )


def _editing(owner: Wire, removed: list[Rr], added: list[Rr]) -> Callable[[tuple[RRset, ...]], Iterator[RRset]]:
    def edit(had: tuple[RRset, ...]) -> Iterator[RRset]:
        ttls: dict[SetKey, int] = {}
        sets: dict[SetKey, dict[bytes, bytes]] = {}
        for rrtype, ttl, rdatas in had:
            key = set_key(rrtype, rdatas[0])
            ttls[key] = ttl
            sets[key] = {canonical(rrtype, rdata): rdata for rdata in rdatas}
        for _, rrtype, _, rdata in removed:
            there = sets.get(set_key(rrtype, rdata), {})
            if rrtype == SOA:
                there.clear()  # its serial was proved; there is one
            elif there.pop(canonical(rrtype, rdata), None) is None:
                raise Unfit(f"{name_to_text(owner)} {type_name(rrtype)}: a record that is to go is not there")
        for _, rrtype, ttl, rdata in added:
            key = set_key(rrtype, rdata)
            there = sets.setdefault(key, {})
            form = canonical(rrtype, rdata)
            if form in there:
                raise Unfit(f"{name_to_text(owner)} {type_name(rrtype)}: a record that is to come is there already")
            there[form] = rdata
            ttls[key] = ttl
        for key, there in sets.items():
            if there:
                yield RRset(key & 0xFFFF, ttls[key], tuple(there.values()))

    return edit
