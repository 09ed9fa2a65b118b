"""What a master sends of a zone, record by record: a whole zone, differences, or "you have it already".

Owns: the order of records in an answer to AXFR and IXFR, what ends it, every rule that an answer must keep, where it lies until it is whole:
a zone in the collector of imports, which sorts it in bounded memory, differences as messages in an unnamed file. Never: sockets and signatures
(inbound_master.py), the store (inbound_commit.py).
Invariant: nothing leaves here before the answer has ended as it must: with the SOA it began with. RFC 1995 4, 5936 2.2, 1982.
"""

import tempfile
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from nsblast._core.collect import Collector, ZoneFault
from nsblast._core.name import fold
from nsblast.errors import InputError, from_os
from nsblast.quantities import format_size
from nsblast.records import name_to_text
from nsblast.transfer.inbound_message import SOA, Fault, Message, times_of
from nsblast.transfer.incremental import newer
from nsblast.types import Rr, Wire

HELD = 1 << 20
"""Octets of messages kept as they came before anything else is set aside for them: most zones are smaller."""
STEP_RECORDS = 200_000
"""Records of one difference, at most: they are worked in at once. Beyond it the zone is asked for whole."""
_LENGTH = 4


class TooMuch(Fault):
    """The differences are larger than is worked in: the whole zone may do better."""


class Form(Enum):
    """What an answer turned out to be."""

    UNKNOWN = "unknown"
    CURRENT = "current"
    WHOLE = "whole"
    STEPS = "steps"


class Step(NamedTuple):
    """From one version to the next; the SOAs are among the records."""

    serial_from: int
    serial_to: int
    removed: list[Rr]
    added: list[Rr]


class Incoming:
    """One answer, fed message by message. Used by one thread at a time."""

    def __init__(
        self,
        apex: Wire,
        have: int | None,
        *,
        memory: int,
        folder: Path,
        most: int = 0,
        reread: Callable[[bytes], Message],
    ) -> None:
        """have: serial of our version when differences were asked for. most: octets taken, 0 = any. reread: a kept message's records."""
        self.apex = apex
        self._have = have
        self._memory = memory
        self._folder = folder
        self._most = most
        self._reread = reread
        self.form = Form.UNKNOWN
        self.soa: Rr | None = None
        """The version offered."""
        self.expire: int | None = None
        """Seconds for which the master's copy is good, where the first message says so (RFC 7314)."""
        self.ended = False
        self.octets = 0
        self.records = 0
        self._held: list[Message] = []
        self._collector: Collector | None = None
        self._kept = tempfile.SpooledTemporaryFile(max_size=HELD, dir=str(folder))  # noqa: SIM115 - closed by close()
        self._order: _Order | None = None

    def close(self) -> None:
        """Let go of what was kept."""
        self._kept.close()
        self._held.clear()
        self._collector = None

    @property
    def serial(self) -> int:
        """Of the version offered."""
        assert self.soa is not None
        return times_of(self.soa[3]).serial

    def take(self, plain: bytes, message: Message) -> None:
        """The next message. Fault for whatever is against the rules."""
        if self.ended:
            raise Fault("something follows the final SOA")
        self.octets += len(plain)
        if self._most and self.octets > self._most:
            raise Fault(f"the transfer is larger than {format_size(self._most)} (setting transfer_in_limit)")
        rrs = message.rrs
        if not rrs:
            raise Fault("a message holds no records")
        begun = 0
        if self.soa is None:
            self._begin(rrs[0])
            self.expire = message.expire
            begun = 1
        self.records += len(rrs)
        if self.form is Form.UNKNOWN:
            if len(rrs) == begun:  # the SOA alone: what it begins is told by the next message
                self._held.append(message)
                self._keep(plain)
                return
            self._tell_form(rrs[begun])
        if self.form is Form.WHOLE:
            self._take_whole(message, begun)
        elif self.form is Form.STEPS:
            assert self._order is not None
            self._keep(plain)
            for rr in rrs[begun:]:
                self._order.take(rr)
            self.ended = self._order.ended

    def _keep(self, plain: bytes) -> None:
        self._kept.write(len(plain).to_bytes(_LENGTH, "big") + plain)

    def _begin(self, rr: Rr) -> None:
        if rr[1] != SOA or fold(rr[0]) != self.apex:
            raise Fault("the answer does not begin with the zone's SOA")
        self.soa = rr
        if self._have is not None and not newer(self.serial, self._have):
            # One SOA alone says so; what follows it would be an older zone.
            self.form = Form.CURRENT
            self.ended = True

    def _tell_form(self, second: Rr) -> None:
        assert self.soa is not None
        if self._have is not None and second[1] == SOA and times_of(second[3]).serial == self._have:
            self.form = Form.STEPS
            self._order = _Order(self.apex, self.soa, self._have)
        else:
            self.form = Form.WHOLE

    # -- a whole zone

    def _take_whole(self, message: Message, begun: int) -> None:
        assert self.soa is not None
        rrs = message.rrs
        for at in range(begun, len(rrs)):
            if rrs[at][1] == SOA:
                self._end_whole(rrs[at], at == len(rrs) - 1)
                rrs = rrs[:-1]
        if self._collector is None:
            self._held.append(message._replace(rrs=rrs))
            if self.ended or self.octets > HELD:
                room = min(self._memory, HELD + 32 * self.octets) if self.ended else self._memory
                self._collector = Collector(self.apex, memory=room, spill_dir=str(self._folder))
                held, self._held = self._held, []
                for one in held:
                    self._collect(one.rrs)
        else:
            self._collect(rrs)

    def _end_whole(self, rr: Rr, last: bool) -> None:
        assert self.soa is not None
        if fold(rr[0]) != self.apex:
            raise Fault("an SOA stands below the zone's apex")
        if not _same_soa(rr, self.soa):
            raise Fault("the final SOA is not the one it began with: the zone was changed meanwhile, or cut short")
        if not last:
            raise Fault("something follows the final SOA")
        self.ended = True

    def _collect(self, rrs: list[Rr]) -> None:
        collector = self._collector
        assert collector is not None
        add = collector.add
        try:
            for owner, rrtype, ttl, rdata in rrs:
                if not add(owner, rrtype, ttl, rdata, 0, 0):
                    raise Fault(f"{name_to_text(owner)} is not in the zone")
        except OSError as error:
            raise from_os(error, "sort the records of a transfer") from None

    def pairs(self) -> Iterator[tuple[bytes, bytes]]:
        """(owner key, entry blob) of the whole zone, ascending, once. InputError when it breaks a rule of zones."""
        collector = self._collector
        assert collector is not None
        assert self.ended
        try:
            collector.rewind()
            while batch := collector.entries(1024):
                collector.take_hashes()
                yield from [(key, blob) for key, _, blob in batch]
        except OSError as error:
            raise from_os(error, "sort the records of a transfer") from None
        except ZoneFault as fault:
            found = f", found {fault.found}" if fault.found else ""
            raise InputError(f"the zone breaks a rule: expected {fault.expected}{found}") from None

    # -- differences

    def steps(self) -> Iterator[Step]:
        """The differences in their order, one at a time."""
        assert self.ended
        assert self.soa is not None
        assert self._have is not None
        self._kept.seek(0)
        order = _Order(self.apex, self.soa, self._have)
        first = True
        while head := self._kept.read(_LENGTH):
            message = self._reread(self._kept.read(int.from_bytes(head, "big")))
            for rr in message.rrs[1:] if first else message.rrs:
                step = order.take(rr, keep=True)
                if step is not None:
                    yield step
            first = False


class _Order:
    """The order of records in differences: [SOA before, removed, SOA after, added] for each version, then the SOA offered. RFC 1995 4."""

    def __init__(self, apex: Wire, soa: Rr, have: int) -> None:
        self._apex = apex
        self._soa = soa
        self._end = times_of(soa[3]).serial
        self._at = have
        self._to = have
        self._adding = True
        self._count = 0
        self._removed: list[Rr] = []
        self._added: list[Rr] = []
        self._any = False
        self.ended = False

    def take(self, rr: Rr, *, keep: bool = False) -> Step | None:
        """The next record; with keep a version's records when it is whole."""
        if self.ended:
            raise Fault("something follows the final SOA")
        self._count += 1
        if self._count > STEP_RECORDS:
            raise TooMuch(f"a difference of more than {STEP_RECORDS} records")
        if rr[1] != SOA:
            if not self._any:
                raise Fault("a difference does not begin with an SOA")
            if keep:
                (self._added if self._adding else self._removed).append(rr)
            return None
        if fold(rr[0]) != self._apex:
            raise Fault("an SOA stands below the zone's apex")
        serial = times_of(rr[3]).serial
        if not self._adding:
            if not newer(serial, self._at):
                raise Fault(f"a difference leads from serial {self._at} back to {serial}")
            self._to = serial
            self._adding = True
            if keep:
                self._added.append(rr)
            return None
        step = None
        if self._any:
            step = Step(self._at, self._to, self._removed, self._added) if keep else None
            self._at = self._to
            self._removed, self._added = [], []
            self._count = 0
            if self._at == self._end:
                if not _same_soa(rr, self._soa):
                    raise Fault("the final SOA is not the one it began with")
                self.ended = True
                return step
        if serial != self._at:
            raise Fault(f"a difference begins at serial {serial}, the version before is {self._at}")
        if newer(self._at, self._end):
            raise Fault(f"differences lead past serial {self._end}, which they should end at")
        self._any = True
        self._adding = False
        if keep:
            self._removed.append(rr)
        return step


def _same_soa(one: Rr, other: Rr) -> bool:
    """Whether both say the same; their names may be spelled in other cases."""
    return one[3][-20:] == other[3][-20:] and one[3].lower() == other[3].lower()
