"""NOTIFYs on the wire: messages made, signed and sent, answers matched to them.

Owns: a message's form, its id, sockets, which answer is believed. Never: what is to be sent when (notify_queue.py). RFC 1996 3.5 to 3.8,
8945 5.3. An answer counts when its id, address, port and question are those of a message under way; where that was signed, an answer
that is not signed rightly counts only as an error, so that nobody can make us believe that a secondary knows.
"""

import asyncio
import secrets
import socket
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import NamedTuple

import dns.exception
from dns.opcode import Opcode
from dns.rcode import Rcode

from nsblast._core.name import fold
from nsblast.access.records_v1 import TsigKey
from nsblast.errors import NsblastError
from nsblast.logs import log
from nsblast.transfer.notify_queue import Job, Place
from nsblast.transfer.notify_targets import Plan
from nsblast.transfer.tsig import Follower, Signer
from nsblast.types import Wire

HEADER = 12
_AA = 4
_OPCODE = Opcode.NOTIFY << 3
_SOA_IN = b"\0\6\0\1"
_IDS_TRIED = 16
_CHOSEN_MOST = 10_000


class Sent(NamedTuple):
    """A message under way."""

    job: Job
    apex: Wire
    serial: int
    key: TsigKey | None
    mac: bytes


def message_of(plan: Plan, ident: bytes) -> bytes:
    """A NOTIFY with the SOA as it is now, which is a hint to the secondary (RFC 1996 3.7)."""
    head = ident + bytes((_OPCODE | _AA, 0)) + b"\0\1\0\1\0\0\0\0"
    record = b"\xc0\x0c" + _SOA_IN + plan.ttl.to_bytes(4, "big") + len(plan.soa).to_bytes(2, "big") + plan.soa
    return head + plan.owner + _SOA_IN + record


class UnderWay:
    """Messages that were sent and not answered, by where they went and their id; one for a job at most."""

    def __init__(self) -> None:
        self._sent: dict[tuple[str, int, bytes], Sent] = {}
        self._of: dict[Job, tuple[str, int, bytes]] = {}

    def __len__(self) -> int:
        return len(self._sent)

    def make(self, job: Job, key: TsigKey | None) -> bytes:
        """The job's next message; what was sent for it before is no longer waited for."""
        self.drop(job)
        place = job.where.place
        for _ in range(_IDS_TRIED):
            ident = secrets.token_bytes(2)
            if (*place, ident) not in self._sent:
                break
        plan = job.zone.plan
        message = message_of(plan, ident)
        mac = b""
        if key is not None:
            signer = Signer.of_key(key)
            message = signer.sign(message)
            mac = signer.mac
        at = (*place, ident)
        self._sent[at] = Sent(job, plan.apex, job.serial, key, mac)
        self._of[job] = at
        return message

    def drop(self, job: Job) -> None:
        """Nothing is waited for any more."""
        at = self._of.pop(job, None)
        if at is not None:
            self._sent.pop(at, None)

    def match(self, packet: bytes, place: Place) -> tuple[Sent, int] | None:
        """The message that this answers, and the answer's code; None when it answers none."""
        if len(packet) < HEADER or packet[2] & 0xF8 != 0x80 | _OPCODE:
            return None
        sent = self._sent.get((*place, packet[:2]))
        if sent is None or not _asks_for(packet, sent.apex):
            return None
        rcode = packet[3] & 15
        if sent.key is not None:
            try:
                Follower(sent.key, sent.mac).take(packet, last=True)
            except (dns.exception.DNSException, ValueError, NsblastError):
                if rcode == Rcode.NOERROR:
                    return None
        self.drop(sent.job)
        return sent, rcode


def _asks_for(packet: bytes, apex: Wire) -> bool:
    """Whether the question is the one that was asked; some answer errors without any."""
    if packet[4:6] == b"\0\0":
        return packet[3] & 15 != Rcode.NOERROR
    end = HEADER + len(apex)
    try:
        return packet[4:6] == b"\0\1" and packet[end : end + 4] == _SOA_IN and fold(packet[HEADER:end]) == apex
    except ValueError:
        return False


class _Port(asyncio.DatagramProtocol):
    def __init__(self, received: Callable[[bytes, Place], None]) -> None:
        self._received = received

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """An answer, maybe."""
        self._received(data, (addr[0], addr[1]))


class Ports:
    """UDP sockets that NOTIFYs leave from: what the setting says, else an address that is served, so that secondaries know who speaks."""

    def __init__(
        self, served: Iterable[str], received: Callable[[bytes, Place], None], told: Iterable[str] = ()
    ) -> None:
        """told: the setting transfer_source."""
        self._told = {ip_address(address).version: str(ip_address(address)) for address in told}
        self._served = [address for address in served if not ip_address(address).is_unspecified]
        self._received = received
        self._ports: dict[tuple[int, str], asyncio.DatagramTransport] = {}
        self._chosen: dict[str, asyncio.DatagramTransport | None] = {}

    async def open(self) -> None:
        """Make the sockets; a family or address that this machine has not is left out."""
        loop = asyncio.get_running_loop()
        for family, anywhere in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
            for source in {anywhere, self._source(family, loopback=True), self._source(family, loopback=False)}:
                if not source:
                    continue
                try:
                    port, _ = await loop.create_datagram_endpoint(
                        lambda: _Port(self._received), local_addr=(source, 0), family=family
                    )
                except OSError as error:
                    if source in self._told.values():
                        reason = error.strerror or str(error)
                        log().error(
                            "notifies cannot leave by the address transfer_source", address=source, reason=reason
                        )
                    continue
                self._ports[family, source] = port

    def _source(self, family: int, *, loopback: bool) -> str:
        """The one that is told, else the first address of that kind that is served; "" = none."""
        version = 6 if family == socket.AF_INET6 else 4
        if version in self._told:
            return self._told[version]
        of_family = (ip_address(each) for each in self._served if ip_address(each).version == version)
        return next((str(each) for each in of_family if each.is_loopback == loopback), "")

    def send(self, packet: bytes, place: Place) -> bool:
        """Send; False when the system does not take it (no such family, no route): it counts as lost."""
        port = self._port_to(place[0])
        if port is None or port.is_closing():
            return False
        try:
            port.sendto(packet, place)
        except OSError:
            return False
        return True

    def _port_to(self, host: str) -> asyncio.DatagramTransport | None:
        if host not in self._chosen:
            address = ip_address(host)
            family, anywhere = (socket.AF_INET6, "::") if address.version == 6 else (socket.AF_INET, "0.0.0.0")
            source = self._source(family, loopback=address.is_loopback)
            if len(self._chosen) >= _CHOSEN_MOST:
                self._chosen.clear()
            self._chosen[host] = self._ports.get((family, source)) or self._ports.get((family, anywhere))
        return self._chosen[host]

    def close(self) -> None:
        """No more answers."""
        for port in self._ports.values():
            port.close()
