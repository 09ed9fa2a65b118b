"""Masters that say what a test has them say, and a store that keeps a secondary of them; no processes."""

import asyncio
import contextlib
import struct
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from nsblast.access.changes import AccountChange, Put
from nsblast.access.records_v1 import FIRST_TENANT, Tenant, TsigKey
from nsblast.backend.store import open_for_command
from nsblast.records import name_from_text, name_to_text
from nsblast.settings import Settings
from nsblast.store.values_v1 import ZoneKind, ZoneRecord
from nsblast.transfer.hosts import Hosts
from nsblast.transfer.inbound_refresh import Outcome
from nsblast.transfer.masters import Master, Source, setting_of
from nsblast.transfer.secondary import Secondaries
from nsblast.zones.model import ChangeSet, CreateZone, DeleteZone
from tests.helpers.server import free_place
from tests.helpers.updating import key, tsig_of

APEX = "example."
Line = str
"""One record: OWNER TTL TYPE RDATA."""
Said = bytes | float | None
"""A message, seconds of silence, or the end of the connection."""
Script = Callable[[dns.message.Message], Sequence[Said]]


def soa(serial: int, *, refresh: int = 3600, retry: int = 600, expire: int = 86400, apex: str = APEX) -> Line:
    """The zone's."""
    return f"{apex} 300 SOA ns1.{apex} host.{apex} {serial} {refresh} {retry} {expire} 60"


def zone(serial: int, *more: Line) -> list[Line]:
    """A whole zone, its SOA first."""
    return [soa(serial), "example. 300 NS ns1.example.", "ns1.example. 300 A 192.0.2.1", *more]


def axfr(serial: int, *more: Line) -> list[Line]:
    """The answer that gives it."""
    return [*zone(serial, *more), soa(serial)]


def answer(query: dns.message.Message, lines: Sequence[Line], **more: Any) -> dns.message.Message:
    """One message with these records, as they are and in this order."""
    told = dns.message.make_response(query)
    told.tsig = None  # who wants a signature makes it
    told.flags |= dns.flags.AA
    for line in lines:
        owner, ttl, rdtype, rdata = line.split(" ", 3)
        rrset = dns.rrset.RRset(dns.name.from_text(owner), dns.rdataclass.IN, dns.rdatatype.from_text(rdtype))
        rrset.add(dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(rdtype), rdata), int(ttl))
        told.answer.append(rrset)
    if "rcode" in more:
        told.set_rcode(more["rcode"])
    if "id" in more:
        told.id = more["id"]
    return told


def wire(query: dns.message.Message, lines: Sequence[Line], **more: Any) -> bytes:
    """The same in octets."""
    return answer(query, lines, **more).to_wire(max_size=65535)


class Scripted:
    """A master on an address of its own."""

    def __init__(self, tcp: Script, udp: Script | None = None, *, serial: int = 1) -> None:
        """serial: what it says of its SOA where udp is not given."""
        self._tcp = tcp
        self._udp = udp or (lambda query: [wire(query, [soa(serial)])])
        self.address, self.port = free_place()
        self.keyring: dict[dns.name.Name, Any] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.asked: list[str] = []
        """Types of what was asked, over which transport."""

    @property
    def master(self) -> Master:
        """As a zone's settings have it."""
        return Master(self.address, self.port)

    async def __aenter__(self) -> "Scripted":
        loop = asyncio.get_running_loop()
        self._server = await asyncio.start_server(self._serve, self.address, self.port)
        told = self

        class Datagrams(asyncio.DatagramProtocol):
            def connection_made(self, transport: Any) -> None:
                self.transport = transport

            def datagram_received(self, data: bytes, place: Any) -> None:
                for said in told._udp(told._read(data, "udp")):
                    if isinstance(said, bytes):
                        self.transport.sendto(said, place)

        self._datagrams, _ = await loop.create_datagram_endpoint(Datagrams, local_addr=(self.address, self.port))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._datagrams.close()
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _read(self, data: bytes, transport: str) -> dns.message.Message:
        query = dns.message.from_wire(data, keyring=self.keyring or False)
        self.asked.append(f"{dns.rdatatype.to_text(query.question[0].rdtype)}/{transport}")
        return query

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
                await self._talk(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()
            self._tasks.discard(task)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            for said in self._tcp(self._read(await reader.readexactly(length), "tcp")):
                if said is None:
                    return
                if isinstance(said, float):
                    await asyncio.sleep(said)
                else:
                    writer.write(struct.pack("!H", len(said)) + said)
                    await writer.drain()
                    await asyncio.sleep(0)  # what goes on for ever goes on beside others


class Following:
    """A store with one zone that is a secondary of the masters given."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.settings = Settings(db_path=folder / "db", **{"retry_min": 0.01, "refresh_min": 0.01, **settings})
        self.backend = open_for_command(self.settings, create=True)
        self.key = key("transfer.key.")
        self.account(Tenant(id=FIRST_TENANT, name="first"))
        self.account(self.key)

    def account(self, record: Any) -> None:
        """Put an account record."""
        self.backend.accounts.apply(AccountChange((Put(record),), actor="test"))

    def begin(self) -> Secondaries:
        """Timers of its own; they run when run() does."""
        hosts = Hosts(self.backend)
        find: Callable[[str], TsigKey | None] = self.backend.accounts.tsig_key
        self.secondaries = Secondaries(self.backend, self.backend.database, find, hosts.resolve, self.settings)
        writer: Any = self.backend._writer
        writer.listen(self.secondaries.heard)
        return self.secondaries

    def make(self, *masters: Master, apex: str = APEX, **more: Any) -> None:
        """The zone, without contents."""
        wire_name = name_from_text(apex)
        if self.backend.zone(wire_name) is not None:
            self.backend.apply(ChangeSet(wire_name, (DeleteZone(),)))
        setting = setting_of(Source(masters, **more))
        self.backend.apply(ChangeSet(wire_name, (CreateZone(ZoneKind.SECONDARY, settings={"master": setting}),)))

    async def fetch(self, *masters: Master, force: bool = False) -> Outcome:
        """Look now, at the masters given or the zone's."""
        return await self.secondaries.transfer(name_from_text(APEX), masters=masters, force=force)

    @property
    def record(self) -> ZoneRecord:
        """The zone's."""
        found = self.backend.zone(name_from_text(APEX))
        assert found is not None
        return found

    def contents(self) -> list[str]:
        """All records but the SOA's other numbers, in canonical order."""
        from nsblast.cli.present import entry_rrs, rr_members

        entries = self.backend.entries(name_from_text(APEX))
        found = [rr_members(rr) for entry in entries for rr in entry_rrs(entry)]
        return sorted(f"{one['name']} {one['type']} {one['rdata']}" for one in found)

    def status(self) -> dict[str, Any]:
        """Of the zone, as its timers have it."""
        told = self.secondaries.status(name_from_text(APEX))
        assert told is not None
        return told


@contextlib.contextmanager
def _store(**settings: Any) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        place = Following(Path(folder), **settings)
        try:
            yield place
        finally:
            place.backend.close()


@contextlib.asynccontextmanager
async def following(
    tcp: Script, udp: Script | None = None, *, serial: int = 1, **settings: Any
) -> AsyncIterator[tuple[Following, Scripted]]:
    """A store whose zone holds version 1 of a good master, and the scripted one that is asked from now on."""
    good = Scripted(lambda query: [wire(query, axfr(1, "www.example. 300 A 192.0.2.10"))])
    with _store(**settings) as place:
        async with good, Scripted(tcp, udp, serial=serial) as scripted:
            place.begin()
            place.make(good.master)
            done = await place.fetch()
            assert (done.what, done.times.serial) == ("axfr", 1)
            yield place, scripted


__all__ = [
    "APEX",
    "Following",
    "Scripted",
    "answer",
    "axfr",
    "following",
    "name_to_text",
    "soa",
    "tsig_of",
    "wire",
    "zone",
]
