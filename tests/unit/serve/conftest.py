"""A worker's parts around a real Engine, with a store made of a dict: one zone, example., with a name and a wildcard."""

import asyncio
import contextlib
import os
import random
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
import uvloop

from nsblast._core.engine import MISS_ENTRY, Engine
from nsblast._core.keys import split_owner_key
from nsblast._core.rrset import IS_APEX, pack_entry
from nsblast.errors import StoreCorrupt
from nsblast.serve.fill import Filler
from nsblast.serve.handover import HandOver
from nsblast.serve.sockets import Listener
from nsblast.serve.tcp import Connections
from nsblast.serve.udp import UdpPort
from nsblast.settings import Settings

if TYPE_CHECKING:
    from nsblast._core.engine import _Store


def wire(name: str) -> bytes:
    return dns.name.from_text(name).to_wire()


def rdata(rdtype: str, text: str) -> bytes:
    return dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(rdtype), text).to_wire()


def entry(flags: int, *rrsets: tuple[str, str]) -> bytes:
    sets = [(int(dns.rdatatype.from_text(rdtype)), 300, [rdata(rdtype, text)]) for rdtype, text in rrsets]
    return pack_entry(sets, apex_labels=1, flags=flags)


ZONE = {
    wire("example."): entry(IS_APEX, ("SOA", "ns.example. root.example. 1 2 3 4 5"), ("NS", "ns.example.")),
    wire("ns.example."): entry(0, ("A", "192.0.2.1")),
    wire("www.example."): entry(0, ("A", "192.0.2.2")),
    wire("txt.example."): entry(0, ("TXT", " ".join(['"' + "x" * 250 + '"'] * 200))),
}


class FakeStore:
    """Reader and head in one."""

    def __init__(self) -> None:
        self.position = self.horizon = 5
        self.done = 5
        self.fetched: list[bytes] = []
        self.broken: set[bytes] = set()
        self.registered: list[int] = []
        self.fails = False

    def catch_up(self) -> int:
        if self.fails:
            raise StoreCorrupt("cannot follow")
        self.position = self.horizon = self.done
        return self.position

    def fetch(self, kind: int, apex_labels: int, name: bytes) -> tuple[bytes, bytes]:
        assert kind == MISS_ENTRY
        self.fetched.append(name)
        if name in self.broken:
            raise StoreCorrupt("block checksum mismatch")
        return name, ZONE.get(name, b"")

    def entries(self) -> "_Store":
        def get(key: bytes) -> bytes | None:
            return self.fetch(MISS_ENTRY, 0, split_owner_key(key[1:])[0])[1] or None

        return lambda name: int(name.endswith(b"\x07example\0")), get, {}, b"e", self.position

    def worker_position(self, index: int, position: int) -> None:
        self.registered.append(position)


class Rig:
    """UDP and TCP on one loopback port."""

    def __init__(self) -> None:
        self.store = FakeStore()
        self.filler = Filler(Engine(-1), self.store, self.store, 0, os.eventfd(0, os.EFD_NONBLOCK))
        self.handover = HandOver()
        self.clients: list[Client] = []

    async def start(self, **settings: Any) -> None:
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        # An address of our own: the port is free for TCP too.
        udp.bind((f"127.{random.randint(1, 254)}.{random.randint(1, 254)}.{random.randint(1, 254)}", 0))
        self.address = udp.getsockname()
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        tcp.bind(self.address)
        self.settings = Settings(workers=1, **settings)
        self.port = UdpPort(Listener(udp, True, *self.address), self.filler, self.handover)
        self.port.start()
        tcp.listen(1024)
        self.tcp = Connections(self.settings, self.filler, self.handover)
        self.tcp.listen(Listener(tcp, False, *self.address))

    async def stop(self) -> None:
        self.port.stop()
        await self.tcp.drain(0)
        for client in self.clients:
            client.writer.close()
            with contextlib.suppress(ConnectionError):
                await client.writer.wait_closed()

    async def ask(self, packet: bytes, wait: float = 2) -> bytes:
        """Over UDP."""
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as client:
            client.connect(self.address)
            await loop.sock_sendall(client, packet)
            return await asyncio.wait_for(loop.sock_recv(client, 65535), wait)

    async def connect(self) -> "Client":
        client = Client(*await asyncio.open_connection(*self.address))
        self.clients.append(client)
        return client


class Client:
    """Over TCP."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, *packets: bytes) -> None:
        self.writer.write(b"".join(struct.pack("!H", len(packet)) + packet for packet in packets))

    async def receive(self, wait: float = 2) -> bytes:
        (length,) = struct.unpack("!H", await asyncio.wait_for(self.reader.readexactly(2), wait))
        return await asyncio.wait_for(self.reader.readexactly(length), wait)

    async def closed(self, wait: float = 3) -> bool:
        """Whether the server hangs up in time."""
        with contextlib.suppress(ConnectionError):
            return await asyncio.wait_for(self.reader.read(), wait) == b""
        return True


def query(name: str, rdtype: str = "A", number: int = 0) -> bytes:
    message = dns.message.make_query(name, rdtype)
    message.id = number
    return message.to_wire()


@contextlib.asynccontextmanager
async def rigged(**settings: Any) -> AsyncIterator[Rig]:
    rig = Rig()
    await rig.start(**settings)
    try:
        yield rig
    finally:
        await rig.stop()


@pytest.fixture
def in_loop() -> Callable[[Callable[[], Awaitable[None]]], None]:
    """Run a test's coroutine in the loop workers use."""

    def run(test: Callable[[], Awaitable[None]]) -> None:
        async def whole() -> None:
            await asyncio.wait_for(test(), 30)

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(whole())

    return run
