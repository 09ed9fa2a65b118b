"""Zones given to other servers: AXFR and IXFR from a worker's own view of the store.

Owns: the order of the checks and their response codes, one version of the zone from its first record to its last, the number of
transfers under way, counters. Never: the socket, following the store (the worker's business, asked for by settle()).
An iterator over the store shows it as it was when it was made: the loop goes on between two slices, and commits with it, and the transfer
does not notice. A child zone's records have keys of its own zone, so that a parent's transfer holds the cut, its glue and what it has
below the cut itself (RFC 5936 3.5), and nothing of the child. Memory is one slice, whatever the zone.

Response codes: NOTAUTH under no zone of ours (RFC 5936 2.2.1); NXDOMAIN at a name that is no apex; REFUSED without access, and AXFR over
UDP (4.2); SERVFAIL when no turn came in time or the store cannot be read; with a bad signature NOTAUTH (RFC 8945 5.2).
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import dns.rcode
import dns.rdataclass
import dns.rdatatype
import msgspec

from nsblast._core.keys import name_key
from nsblast._core.pack import Packer
from nsblast._core.rrset import unpack_entry
from nsblast._core.stats import TRANSFERS
from nsblast.access.records_v1 import LETTERS, Tenant, TsigKey, decode, wire_of
from nsblast.errors import InputError, NsblastError
from nsblast.logs import log
from nsblast.settings import Settings
from nsblast.store import layout
from nsblast.store.reader import StoreReader
from nsblast.store.values_v1 import ZoneRecord
from nsblast.transfer import tsig
from nsblast.transfer.images import ROOM, SLACK, Images, of_zone
from nsblast.transfer.incremental import SOA, Look, newer
from nsblast.transfer.renewed import PAUSE, Message, Renewal, Since
from nsblast.transfer.reply import EXPIRE, KEEPALIVE, MESSAGE, Asked, expire_of, option, read, serial_of
from nsblast.transfer.rules import Act, defaults_of, may
from nsblast.types import Rr, Wire

TURN_WITHIN = 5.0
"""Seconds a transfer waits for others to end; servers ask again later."""
SLICE_ENTRIES = 256
SLICE_OCTETS = 64 << 10
_CLASSES = (dns.rdataclass.IN, dns.rdataclass.ANY)

Slices = Iterator[list[tuple[bytes, bytes]]]
Answers = bytes | AsyncGenerator[bytes, None]
Report = Callable[[Wire, bytes, int, str], None]
"""Apex, client (4 or 16 octets), the serial it has now, and how it came by it: axfr, ixfr, whole (all of it for an IXFR), current."""


class Request(Protocol):
    """A request as serve/ hands it over."""

    @property
    def packet(self) -> bytes: ...

    @property
    def client(self) -> bytes: ...

    @property
    def tcp(self) -> bool: ...


class Version(NamedTuple):
    """A zone as it was at one moment."""

    apex: Wire
    record: ZoneRecord
    soa: Rr
    first: list[tuple[bytes, bytes]]
    rest: Slices


class Turns:
    """How many transfers run: in all, for each client, and of each tenant's zones.

    Clients that a tenant lets in may be many, and slow: three quarters of the places are the most that one tenant but the first has.
    """

    def __init__(self) -> None:
        self.most = 1
        self.each = 1
        self._running: dict[bytes, int] = {}
        self._tenants: dict[str, int] = {}
        self._changed = asyncio.Condition()

    def _free(self, client: bytes, tenant: str) -> bool:
        if sum(self._running.values()) >= self.most or self._running.get(client, 0) >= self.each:
            return False
        return tenant == layout.FIRST_TENANT or self._tenants.get(tenant, 0) < max(1, self.most * 3 // 4)

    async def enter(self, client: bytes, tenant: str) -> bool:
        """Wait for a turn; False when none came in time."""
        async with self._changed:
            try:
                await asyncio.wait_for(self._changed.wait_for(lambda: self._free(client, tenant)), TURN_WITHIN)
            except TimeoutError:
                return False
            self._running[client] = self._running.get(client, 0) + 1
            self._tenants[tenant] = self._tenants.get(tenant, 0) + 1
            return True

    async def leave(self, client: bytes, tenant: str) -> None:
        """A turn ends."""
        self._running[client] -= 1
        if not self._running[client]:
            del self._running[client]
        self._tenants[tenant] -= 1
        if not self._tenants[tenant]:
            del self._tenants[tenant]
        async with self._changed:
            self._changed.notify_all()


@dataclass(frozen=True)
class _Rules:
    """What settings say."""

    defaults: dict[Act, tuple[str, ...]]
    md5: bool
    udp_max: int
    keepalive: int
    """Units of 100 ms (RFC 7828 3.1)."""


class Outgoing:
    """A worker's transfers to others."""

    def __init__(self, reader: StoreReader, settle: Callable[[], Awaitable[bool]], settings: Settings) -> None:
        """settle: bring the reader to all that is visible, and stand; False when that takes too long."""
        self._reader = reader
        self._settle = settle
        self._turns = Turns()
        self._images = Images(settings.db_path, 0)
        self.report: Report = lambda *_: None
        """Told of each transfer that ended well."""
        self.counts = dict.fromkeys(TRANSFERS, 0)
        self.adjust(settings)

    def adjust(self, settings: Settings) -> None:
        """Take over rules and limits."""
        self._rules = _Rules(
            defaults_of(settings), settings.tsig_md5, settings.udp_max, min(65535, int(settings.tcp_idle_timeout * 10))
        )
        self._turns.most = max(1, settings.transfers_out // settings.worker_count)
        self._turns.each = settings.transfers_per_client
        self._images.adjust(settings.transfers_kept)

    def find_key(self, name: str) -> TsigKey | None:
        """The key of that name, as the reader sees it now."""
        try:
            value = self._reader.database.get(LETTERS[TsigKey] + name_key(wire_of(name)))
        except InputError:
            return None
        found: TsigKey | None = decode(TsigKey, value) if value else None
        if found is not None and found.active and not self._is_active(found.tenant or layout.FIRST_TENANT):
            return msgspec.structs.replace(found, active=False)
        return found

    def _is_active(self, tenant: str) -> bool:
        """Whether a tenant was not stopped; the first one cannot be."""
        value = self._reader.database.get(LETTERS[Tenant] + tenant.encode())
        return tenant == layout.FIRST_TENANT or bool(value and decode(Tenant, value).active)

    def check(self, packet: bytes) -> tsig.Checked:
        """Verify a message against the keys of the store; settle() first."""
        return tsig.check(packet, self.find_key, md5=self._rules.md5)

    async def answer(self, request: Request) -> Answers:
        """The handler of AXFR and IXFR."""
        settled = await self._settle()
        checked = self.check(request.packet)
        asked = read(checked)
        if asked is None:
            return b""
        try:
            rcode = self._judge(asked, request) if settled else dns.rcode.SERVFAIL
        except NsblastError as error:
            log().error("a transfer failed", reason=error.message)
            rcode = dns.rcode.SERVFAIL
        if rcode != dns.rcode.NOERROR:
            self.counts["refused"] += 1
            return asked.refusal(rcode)
        if asked.wants_expire or asked.wants_keepalive:
            asked = replace(asked, options=self._options(asked, tcp=request.tcp))
        if not request.tcp:
            return await self._over_udp(asked, request.client)
        return self._over_tcp(asked, request.client)

    def _options(self, asked: Asked, *, tcp: bool) -> bytes:
        """What the first message tells besides, because it was asked for."""
        told = b""
        if asked.wants_keepalive and tcp:
            told = option(KEEPALIVE, self._rules.keepalive.to_bytes(2, "big"))
        version = self._version(asked) if asked.wants_expire else None
        if version is None:
            return told
        expire = expire_of(self._reader.database, version.apex, version.record, version.soa[3], time.time())
        return told if expire is None else told + option(EXPIRE, expire.to_bytes(4, "big"))

    def _judge(self, asked: Asked, request: Request) -> dns.rcode.Rcode:
        """NOERROR when the transfer may begin."""
        if asked.checked.error:
            return asked.checked.rcode
        if asked.rdclass not in _CLASSES or (asked.rdtype == dns.rdatatype.AXFR and not request.tcp):
            return dns.rcode.REFUSED
        if asked.rdtype == dns.rdatatype.IXFR and asked.serial is None:
            return dns.rcode.FORMERR
        found = self._reader.find_zone(asked.name)
        if found is None:
            return dns.rcode.NOTAUTH
        apex, record = found
        if apex != asked.name:
            return dns.rcode.NXDOMAIN
        if not may(Act.TRANSFER, apex, record, request.client, asked.checked.key, self._rules.defaults):
            return dns.rcode.REFUSED
        return dns.rcode.SERVFAIL if record.expired else dns.rcode.NOERROR

    def _version(self, asked: Asked) -> Version | None:
        """The zone as it is now; None when it is gone."""
        record = self._reader.zone(asked.name)
        if record is None:
            return None
        low, high = layout.entries_range(asked.name)
        slices = self._reader.database.slices(low, high, SLICE_ENTRIES, SLICE_OCTETS)
        first = next(slices, [])
        if not first or first[0][0] != low or not first[0][1]:
            return None
        entry = unpack_entry(first[0][1])
        for rdtype, ttl, rdatas in entry.rrsets:
            if rdtype == SOA:
                return Version(asked.name, record, (entry.spelling or asked.name, SOA, ttl, rdatas[0]), first, slices)
        return None

    # -- one message

    async def _over_udp(self, asked: Asked, client: bytes) -> bytes:
        """IXFR in one datagram: the difference, or the SOA alone, which says "ask over TCP" (RFC 1995 2)."""
        version = self._version(asked)
        if version is None:
            return asked.refusal(dns.rcode.SERVFAIL)
        limit = min(asked.payload, self._rules.udp_max)
        if self._is_new(asked, version):
            look = self._look(asked, version)
            found = await look.read()
            if found is not None and found.removed is not None and found.old is not None and found.added is not None:
                rrs = [found.soa, found.old, *found.removed, found.soa, *found.added, found.soa]
                message = asked.records(rrs, limit)
                if message is not None:
                    self._count("ixfr", message, asked, client, version)
                    return message
        alone = asked.records([version.soa], limit)
        if alone is None:
            return asked.refusal(dns.rcode.SERVFAIL)
        if self._is_new(asked, version):
            self.counts["current"] += 1
            self.counts["messages"] += 1
            self.counts["octets"] += len(alone)
        else:
            self._count("current", alone, asked, client, version)
        return alone

    @staticmethod
    def _is_new(asked: Asked, version: Version) -> bool:
        """Whether the client has an older version than this."""
        assert asked.serial is not None
        return newer(serial_of(version.soa[3]), asked.serial)

    def _look(self, asked: Asked, version: Version) -> Look:
        assert asked.serial is not None
        return Look(self._reader, asked.name, asked.serial, version.soa, version.record.names)

    def _count(self, what: str, message: bytes, asked: Asked, client: bytes, version: Version) -> None:
        self.counts[what] += 1
        self.report(asked.name, client, serial_of(version.soa[3]), what)
        self.counts["messages"] += 1
        self.counts["octets"] += len(message)

    # -- many messages

    async def _over_tcp(self, asked: Asked, client: bytes) -> AsyncGenerator[bytes, None]:
        record = self._reader.zone(asked.name)
        tenant = (record.tenant if record is not None else "") or layout.FIRST_TENANT
        if not await self._turns.enter(client, tenant):
            self.counts["refused"] += 1
            yield asked.refusal(dns.rcode.SERVFAIL)
            return
        began = self.counts["messages"]
        try:
            first = True
            done: list[tuple[int, str]] = []
            async for packed in self._messages(asked, done):
                message = asked.seal(packed, first=first)
                first = False
                self.counts["messages"] += 1
                self.counts["octets"] += len(message)
                yield message
            self.report(asked.name, client, *done[0])
        except (NsblastError, ValueError, OSError) as error:
            self.counts["broken"] += 1
            log().error("a transfer failed", zone=asked.name, reason=str(error))
            if self.counts["messages"] == began:
                yield asked.refusal(dns.rcode.SERVFAIL)
            else:
                raise
        finally:
            await self._turns.leave(client, tenant)

    async def _messages(self, asked: Asked, done: list[tuple[int, str]]) -> AsyncGenerator[bytes, None]:
        """Messages without OPT and signature. A cut connection, never a wrong end, when the store fails on the way. done: what was given."""
        if not await self._settle():
            raise InputError("the store is being changed")
        version = self._version(asked)
        if version is None:
            raise InputError("the zone is gone")
        # All looks at the store are made before the loop has its turn: they show the same version.
        with self._since(version) as since:
            packer = asked.packer()
            serial = serial_of(version.soa[3])
            if asked.rdtype == dns.rdatatype.IXFR:
                if not self._is_new(asked, version):
                    self.counts["current"] += 1
                    done.append((serial, "current"))
                    packer.put(*version.soa)
                    yield packer.take()
                    return
                difference = await self._look(asked, version).read()
                if difference is not None:
                    async for rrs in difference.lists():
                        at = 0
                        while (at := packer.put_rrs(rrs, at)) < len(rrs):
                            yield packer.take()
                            await asyncio.sleep(0)
                    yield packer.take()
                    self.counts["ixfr"] += 1
                    done.append((serial, "ixfr"))
                    return
                self.counts["whole"] += 1
            async for message in self._whole(asked, version, since):
                yield message
            axfr = asked.rdtype == dns.rdatatype.AXFR
            if axfr:
                self.counts["axfr"] += 1
            done.append((serial, "axfr" if axfr else "whole"))

    @contextlib.contextmanager
    def _since(self, version: Version) -> Iterator[Since | None]:
        """What is kept of the zone's transfer, and what changed since then."""
        image = self._images.find(version.apex)
        if image is None:
            yield None
            return
        with image:
            yield Since(self._reader, image, of_zone(version.apex, version.record))

    async def _whole(self, asked: Asked, version: Version, since: Since | None) -> AsyncGenerator[bytes, None]:
        """SOA, everything else, SOA (RFC 5936 2.2); as it was sent last, as far as the zone has not changed since."""
        of = of_zone(version.apex, version.record)
        making = None
        try:
            if since is not None and since.image.is_of(of):
                for message in since.image.wires(asked.head):
                    yield message
                return
            plan = await since.read() if since is not None else None
            older = since.image if since is not None and plan is not None else None
            making = self._images.begin(of, version.record.names, len(asked.head), older)
            if since is not None and plan is not None:
                packer = asked.packer(MESSAGE, room=ROOM)
                renewal = Renewal(since, plan, packer, version.soa, asked.head, MESSAGE - ROOM)
                messages: Iterator[Message] = renewal.messages()
            elif making is not None:
                messages = _packed(version, asked.packer(MESSAGE - SLACK, room=ROOM))
            else:
                messages = _packed(version, asked.packer())
            for key, message, at in messages:
                if not message:
                    await asyncio.sleep(0)
                    continue
                if making is not None:
                    making.add(key, message, at)
                yield message
            if making is not None:
                making.keep()
        except (OSError, ValueError):
            # A file that cannot be read to its end, or was altered, must not spoil who comes next too.
            self._images.forget(version.apex)
            raise
        finally:
            if making is not None:
                making.drop()
                self._images.end(version.apex)


def _packed(version: Version, packer: Packer) -> Iterator[Message]:
    """All of a version out of the store."""
    skip = len(layout.entries_range(version.apex)[0])
    key: bytes | None = b""
    packer.put(*version.soa)
    part = version.first
    while part:
        at = 0
        while (at := packer.put_entries(part, at)) < len(part):
            yield key, packer.take(), None
            key = None if packer.inside else part[at][0][skip:]
        yield PAUSE
        part = next(version.rest, [])
    if not packer.put(*version.soa):
        yield key, packer.take(), None
        key = None
        packer.put(*version.soa)
    yield key, packer.take(), None
