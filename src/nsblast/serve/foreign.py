"""What other name servers and holders of keys ask of a worker: transfers, and ordinary queries that are signed.

Owns: bringing this worker's view of the store to what is visible, answering a signed query through the same core as any other.
Never: signatures and transfers themselves (transfer/), the socket. RFC 8945 5.3.
"""

import asyncio
import time

import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype

from nsblast._core.engine import BUSY, MISS
from nsblast._core.stats import TRANSFERS
from nsblast.access.records_v1 import TsigKey
from nsblast.serve.fill import FAILED, LATER, Filler, Follower, Head
from nsblast.serve.guarded import Guard
from nsblast.serve.handover import HandOver, Request, bare_answer, default_answer
from nsblast.settings import Settings
from nsblast.transfer.outgoing import Answers, Outgoing
from nsblast.transfer.rules import defaults_of
from nsblast.transfer.tsig import Checked
from nsblast.types import Wire

_SOON = 0.001  # a zone being changed stands still again within this
_WITHIN = 5.0
_ROUNDS = 2048  # more entries than one answer can need
_UDP_PLAIN = 512
_TCP_MOST = 65535
_REPORTS = 10_000  # transfers that wait to be told of: further ones are not


class Foreign:
    """One worker's handlers; used by its loop only."""

    def __init__(self, filler: Filler, follower: Follower, head: Head, settings: Settings) -> None:
        self._filler = filler
        self._follower = follower
        self._head = head
        self._guard = Guard(follower.reader)
        self._guard.defaults = defaults_of(settings)
        self._udp_max = settings.udp_max
        self._told = [0] * len(TRANSFERS)
        self.outgoing = Outgoing(follower.reader, self.settle, settings)
        self.outgoing.report = self._report
        self._ended: list[list[bytes | int | str]] = []

    def register(self, handover: HandOver) -> None:
        """Take AXFR, IXFR and all other queries that the core does not answer itself."""
        handover.on_type(dns.rdatatype.AXFR, self.transfer)
        handover.on_type(dns.rdatatype.IXFR, self.transfer)
        handover.on_other(self.other)

    def adjust(self, settings: Settings) -> None:
        """Take over settings that changed."""
        self._udp_max = settings.udp_max
        self._guard.defaults = defaults_of(settings)
        self.outgoing.adjust(settings)

    def moved(self) -> list[int]:
        """By how much each counter (stats.TRANSFERS) has changed since this was asked last."""
        now = list(self.outgoing.counts.values())
        moved = [new - old for new, old in zip(now, self._told, strict=True)]
        self._told = now
        return moved

    def _report(self, apex: Wire, client: bytes, serial: int, kind: str) -> None:
        if len(self._ended) < _REPORTS:
            self._ended.append([apex, client, serial, kind])

    def ended(self) -> list[list[bytes | int | str]]:
        """Transfers that ended well since this was asked last, for control: [apex, client, serial, kind]."""
        ended, self._ended = self._ended, []
        return ended

    async def settle(self) -> bool:
        """Wait until this worker's view of the store is exactly what is visible; False when that does not come in time."""
        deadline = time.monotonic() + _WITHIN
        while True:
            self._filler.catch_up_if_behind()
            done = self._head.done
            if self._follower.position >= done >= self._follower.horizon:
                return True
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(_SOON)

    async def transfer(self, request: Request) -> Answers:
        """AXFR and IXFR."""
        return await self.outgoing.answer(request) or bare_answer(request.packet, dns.rcode.FORMERR)

    async def other(self, request: Request) -> Answers:
        """A query for anything else that the core handed over: signed, or one whose zone is not for everybody or wants a closer look."""
        if not await self.settle():
            return bare_answer(request.packet, dns.rcode.SERVFAIL)
        checked = self.outgoing.check(request.packet)
        if checked.error:
            return checked.seal(bare_answer(checked.plain, checked.rcode))
        answer = await self._ask(checked.plain, request, checked.key)
        if not answer or checked.signer is None:
            return answer
        return checked.seal(answer if request.tcp else self._fitting(checked, answer))

    async def _ask(self, plain: bytes, request: Request, key: TsigKey | None) -> bytes:
        """The core's answer to the query without its signature, or why there is none."""
        decided = False
        for _ in range(_ROUNDS):
            engine = self._filler.engine
            answer = engine.answer(plain, request.client, request.tcp, int(time.time()), decided=decided)
            if isinstance(answer, bytes):
                return (
                    self._guard.finish(plain, answer, _TCP_MOST if request.tcp else self._limit(plain))
                    if decided
                    else answer
                )
            if answer == MISS:
                filled = self._filler.fill(*engine.miss())
                if filled is FAILED:
                    break
                if filled is LATER:
                    await asyncio.sleep(_SOON)
            elif answer == BUSY:
                await asyncio.sleep(_SOON)
            elif decided:
                return default_answer(plain)
            else:
                refusal = self._guard.judge(plain, request.client, key)
                if refusal is not None:
                    return refusal
                decided = True
        return bare_answer(plain, dns.rcode.SERVFAIL)

    def _limit(self, plain: bytes) -> int:
        """Octets a datagram with the answer may have."""
        try:
            query = dns.message.from_wire(plain, keyring=False)
        except dns.exception.DNSException:
            return _UDP_PLAIN
        return max(_UDP_PLAIN, min(query.payload, self._udp_max)) if query.edns >= 0 else _UDP_PLAIN

    def _fitting(self, checked: Checked, answer: bytes) -> bytes:
        """The answer, or the same cut to its question when it does not fit a datagram together with the signature."""
        assert checked.signer is not None
        limit = self._limit(checked.plain)
        if len(answer) + checked.signer.octets <= limit:
            return answer
        short = bytearray(bare_answer(checked.plain, dns.rcode.Rcode(answer[3] & 15)))
        short[2] |= answer[2] & 4 | 2  # AA as it was, TC
        return bytes(short)
