"""One master asked over the network: for its SOA, and for a zone or what changed in it.

Owns: sockets, time limits, signatures of requests and answers, which transport. Never: what records mean (inbound.py), which master is asked
next, the store. A master is a stranger here: every wait has an end, and whatever it says is a Fault until it is proved.
RFC 1995 2, 5936 4.1, 7766 5, 8945 5.3.
"""

import asyncio
import contextlib
import errno
import secrets
import struct
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import dns.exception
import dns.tsig
from dns.rcode import Rcode

from nsblast._core.name import fold
from nsblast.access.records_v1 import TsigKey
from nsblast.transfer.inbound import Form, Incoming
from nsblast.transfer.inbound_message import AXFR, IXFR, SOA, Fault, Message, query, read, times_of
from nsblast.transfer.tsig import Follower, Signer
from nsblast.types import Rr, Wire

UDP_TRIES = (1.0, 2.0, 3.0)
"""Seconds each datagram's answer is waited for."""
CONNECT_WITHIN = 10.0
BATCH = 256 << 10
"""Octets of messages handed to a thread at once."""
_NOT_UNDERSTOOD = frozenset((Rcode.FORMERR, Rcode.NOTIMP, Rcode.REFUSED))
_NO_EDNS = frozenset((Rcode.FORMERR, Rcode.NOTIMP))
_OUR_ADDRESS = frozenset((errno.EADDRNOTAVAIL, errno.EINVAL, errno.ENETUNREACH))
"""What the system says when there is no way from the address we speak from."""


class Silent(Fault):
    """The master does not answer, or not in time."""


class Unreachable(Silent):
    """The system says at once that nobody is there: no time is lost by asking again."""


class Slow(Silent):
    """It answers, too slowly to be waited for."""


class Ended(Fault):
    """The connection ended too early."""


class Cut(Ended):
    """It did so before anything came."""


class Declined(Fault):
    """It answered with a response code."""

    def __init__(self, rcode: int) -> None:
        super().__init__(f"it answered {_rcode_text(rcode)}")
        self.rcode = rcode


def _rcode_text(rcode: int) -> str:
    try:
        return Rcode(rcode).name
    except ValueError:
        return f"rcode {rcode}"


class Limits(NamedTuple):
    """What a transfer may take."""

    idle: float
    """Seconds between two messages."""
    whole: float
    """Seconds in all."""
    octets: int
    """0 = any number."""
    memory: int
    """Octets before records are sorted on disk."""
    folder: Path
    """For what does not fit there."""
    rate: int = 0
    """Octets a second that must come on average; 0 = any."""
    window: float = 60.0
    """Seconds of waiting over which that is taken."""


class Place(NamedTuple):
    """Where a master is, the key messages are signed with, and our address for it."""

    address: str
    port: int
    key: TsigKey | None = None
    source: str = ""
    """"" = the system chooses."""


class Told(NamedTuple):
    """The version a master has."""

    soa: Rr
    expire: int | None
    """Seconds until its own copy expires, where it says so (RFC 7314)."""
    edns: bool = True
    """Whether it knows EDNS."""


class _Talk:
    """One request and what comes back: signs it, proves each message of the answer."""

    def __init__(self, place: Place, apex: Wire, rrtype: int, serial: int | None = None, *, edns: bool = False) -> None:
        self.ident = secrets.randbits(16)
        self._apex = apex
        self._rrtype = rrtype
        self.request = query(self.ident, apex, rrtype, serial=serial, edns=edns)
        self._follower: Follower | None = None
        if place.key is not None:
            signer = Signer.of_key(place.key)
            self.request = signer.sign(self.request)
            self._follower = Follower(place.key, signer.mac)

    def prove(self, packet: bytes) -> bytes:
        """The message without its signature. Fault when that is not what the key's holder made."""
        if self._follower is None:
            return packet
        try:
            return self._follower.take(packet)
        except dns.tsig.PeerError as error:
            raise Fault(f"it does not take our signature: {type(error).__name__.removeprefix('Peer')}") from None
        except (dns.exception.DNSException, ValueError) as error:
            if len(packet) > 3 and packet[3] & 15:
                raise Declined(packet[3] & 15) from None  # refusals are often not signed; nothing follows from them
            raise Fault(f"its answer is not signed rightly: {type(error).__name__}") from None

    def read(self, plain: bytes) -> Message:
        """Its records."""
        return read(plain, self.ident, self._apex, self._rrtype)

    def demand_signed(self) -> None:
        """The last message of an answer must bear a signature (RFC 8945 5.3.1)."""
        if self._follower is not None and not self._follower.settled:
            raise Fault("its last message is not signed")


# -- the SOA


async def probe(place: Place, apex: Wire) -> Told:
    """The SOA it serves: over UDP; over TCP when that does not fit, or is refused (Knot tells of a catalog zone over TCP alone). Fault."""
    try:
        return await _probe(place, apex, edns=True)
    except Declined as error:
        if error.rcode not in _NO_EDNS:
            raise
    return await _probe(place, apex, edns=False)


async def _probe(place: Place, apex: Wire, *, edns: bool) -> Told:
    message = await _over_udp(place, apex, edns)
    if message.truncated or message.rcode == Rcode.REFUSED:
        talk = _Talk(place, apex, SOA, edns=edns)
        async with _connected(place) as (reader, writer):
            await _send(writer, talk.request)
            plain = talk.prove(await _message(reader, sum(UDP_TRIES)))
            talk.demand_signed()
            message = talk.read(plain)
    if message.rcode:
        raise Declined(message.rcode)
    for rr in message.rrs:
        if rr[1] == SOA and fold(rr[0]) == apex:
            return Told(rr, message.expire, edns)
    raise Fault("its answer holds no SOA of the zone")


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, take: Callable[[bytes], bool]) -> None:
        self._take = take
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, _: object) -> None:
        if not self.done.done() and self._take(data):
            self.done.set_result(None)

    def error_received(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(Unreachable(f"it cannot be reached: {error}"))


async def _over_udp(place: Place, apex: Wire, edns: bool) -> Message:
    """Whoever sends anything but the answer is passed over: the right one may still come."""
    loop = asyncio.get_running_loop()
    failure: Fault = Silent("it does not answer")
    for within in UDP_TRIES:
        talk = _Talk(place, apex, SOA, edns=edns)
        got: list[Message] = []

        def take(data: bytes, talk: _Talk = talk, got: list[Message] = got) -> bool:
            nonlocal failure
            if data[:2] != talk.ident.to_bytes(2, "big"):
                return False
            try:
                got.append(talk.read(talk.prove(data)))
            except Fault as error:
                failure = error
                return False
            return True

        try:
            transport, protocol = await loop.create_datagram_endpoint(
                partial(_Datagrams, take), remote_addr=(place.address, place.port), local_addr=_from(place)
            )
        except OSError as error:
            raise _unreachable(place, error) from None
        try:
            transport.sendto(talk.request)
            await asyncio.wait_for(protocol.done, within)
            return got[0]
        except TimeoutError:
            if not isinstance(failure, Silent):
                break  # it answered, only not in a way that can be believed: it will do so again
        finally:
            transport.close()
    raise failure


# -- the zone


async def fetch(
    place: Place, apex: Wire, have: int | None, limits: Limits, *, incremental: bool, edns: bool = True
) -> Incoming:
    """The zone, or what changed since the version we have, whole and proved; the caller closes it. Fault.

    Who does not know IXFR is asked for the whole zone (RFC 1995 4), who does not know EDNS without it (RFC 6891 7).
    """
    if incremental and have is not None:
        try:
            return await _fetch(place, apex, IXFR, have, limits, edns)
        except Declined as error:
            if error.rcode not in _NOT_UNDERSTOOD:
                raise
        except Cut:
            if not edns:
                raise
    try:
        return await _fetch(place, apex, AXFR, have, limits, edns)
    except Declined as error:
        if not edns or error.rcode not in _NO_EDNS:
            raise
    except Cut:
        if not edns:
            raise
    return await _fetch(place, apex, AXFR, have, limits, False)


async def _fetch(place: Place, apex: Wire, rrtype: int, have: int | None, limits: Limits, edns: bool) -> Incoming:
    talk = _Talk(place, apex, rrtype, have if rrtype == IXFR else None, edns=edns)
    incoming = Incoming(
        apex,
        have if rrtype == IXFR else None,
        memory=limits.memory,
        folder=limits.folder,
        most=limits.octets,
        reread=talk.read,
    )
    try:
        async with asyncio.timeout(limits.whole), _connected(place) as (reader, writer):
            await _send(writer, talk.request)
            await _take_all(reader, talk, incoming, limits)
    except TimeoutError:
        incoming.close()
        raise Silent(f"the transfer was not done within {limits.whole:g} s (setting transfer_in_time)") from None
    except BaseException:
        incoming.close()
        raise
    return incoming


class _Pace:
    """Reads messages, and looks at how fast they come: time that is spent on them here does not count."""

    def __init__(self, reader: asyncio.StreamReader, limits: Limits) -> None:
        self._reader = reader
        self._limits = limits
        self._waited = 0.0
        self._came = 0

    async def message(self) -> bytes:
        """The next one. Silent, Slow."""
        loop = asyncio.get_running_loop()
        since = loop.time()
        found = await _message(self._reader, self._limits.idle)
        self._waited += loop.time() - since
        self._came += len(found)
        if self._waited >= self._limits.window:
            if self._came < self._limits.rate * self._waited:
                raise Slow(
                    f"it is too slow: {self._came} octets in {self._waited:.0f} s, "
                    f"fewer than {self._limits.rate} a second (setting transfer_in_rate)"
                )
            self._waited, self._came = 0.0, 0
        return found


async def _take_all(reader: asyncio.StreamReader, talk: _Talk, incoming: Incoming, limits: Limits) -> None:
    loop = asyncio.get_running_loop()
    pace = _Pace(reader, limits)
    while not incoming.ended:
        try:
            batch = [await pace.message()]
        except Ended:
            if not incoming.octets:
                raise Cut("the connection ended before the transfer did") from None
            raise
        octets = len(batch[0])
        # What has come already goes along; a small zone's one message is worked in here, without a thread.
        while octets < BATCH and (more := _buffered(reader)):
            batch.append(await pace.message())
            octets += more
        if octets <= SMALL and incoming.octets == 0:
            _feed(batch, talk, incoming)
        else:
            await loop.run_in_executor(None, _feed, batch, talk, incoming)
    if incoming.form is Form.UNKNOWN:
        raise Fault("the answer holds nothing")
    talk.demand_signed()


SMALL = 8 << 10
"""Octets of an answer that are worked in by the loop itself."""


def _feed(batch: list[bytes], talk: _Talk, incoming: Incoming) -> None:
    for packet in batch:
        plain = talk.prove(packet)
        message = talk.read(plain)
        if message.rcode:
            raise Declined(message.rcode)
        if message.truncated:
            raise Fault("a message of the transfer is truncated")
        incoming.take(plain, message)


def _buffered(reader: asyncio.StreamReader) -> int:
    """Octets of the next message, when it is there whole; 0 otherwise."""
    buffer: bytearray = reader._buffer  # type: ignore[attr-defined]
    if len(buffer) < 2:
        return 0
    length = buffer[0] << 8 | buffer[1]
    return length if len(buffer) >= length + 2 else 0


def _from(place: Place) -> tuple[str, int] | None:
    return (place.source, 0) if place.source else None


def _unreachable(place: Place, error: OSError) -> Unreachable:
    ours = place.source and error.errno in _OUR_ADDRESS
    source = f" from {place.source} (settings transfer_source, dns_endpoint)" if ours else ""
    return Unreachable(f"it cannot be reached{source}: {error.strerror or error}")


@contextlib.asynccontextmanager
async def _connected(place: Place) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    try:
        reader, writer = await asyncio.wait_for(
            asyncio.open_connection(place.address, place.port, limit=BATCH, local_addr=_from(place)), CONNECT_WITHIN
        )
    except TimeoutError:
        raise Silent("it does not take connections in time") from None
    except OSError as error:
        raise _unreachable(place, error) from None
    try:
        yield reader, writer
    except OSError as error:
        raise Silent(f"the connection broke: {error.strerror or error}") from None
    finally:
        writer.transport.abort()


async def _send(writer: asyncio.StreamWriter, request: bytes) -> None:
    writer.write(struct.pack("!H", len(request)) + request)
    await writer.drain()


async def _message(reader: asyncio.StreamReader, within: float) -> bytes:
    """The next message, begun and ended within some seconds."""
    try:
        async with asyncio.timeout(within):
            length = int.from_bytes(await reader.readexactly(2), "big")
            return await reader.readexactly(length)
    except asyncio.IncompleteReadError:
        raise Ended("the connection ended before the transfer did") from None
    except TimeoutError:
        raise Silent(f"nothing came for {within:g} s") from None


def serial_told(told: Told) -> int:
    """Of the version a master has."""
    return times_of(told.soa[3]).serial
