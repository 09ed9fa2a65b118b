"""NOTIFY received: one message in, one answer out, and whoever keeps secondary zones is told.

Owns: who may notify of a zone, how it is answered. Never: what a notified secondary does (Secondary), sockets, signatures.
A master's own addresses may notify, and whoever a rule or a key lets in (rules.py); a NOTIFY only makes us ask the master, so that
its serial is a hint and nothing is believed of it. RFC 1996 3.10 would have others ignored: they are answered, REFUSED, since silence
only makes them ask again (RFC 8906), and nothing is done.

Response codes: FORMERR for what is no NOTIFY of a zone's SOA; NOTAUTH for zones that are not here or no secondary; REFUSED without
access; NOERROR when the zone will be looked at; with a bad signature NOTAUTH (RFC 8945 5.2). RFC 1996 3.7 to 3.12, 4.
"""

import time
from collections.abc import Callable
from ipaddress import ip_address
from typing import Protocol

import dns.exception
import dns.message
import dns.rdatatype
from dns.rcode import Rcode

from nsblast.access.accounts import Accounts
from nsblast.access.records_v1 import TsigKey
from nsblast.backend.local import LocalBackend
from nsblast.logs import log
from nsblast.records.names import name_to_text
from nsblast.store.values_v1 import ZoneKind, ZoneRecord
from nsblast.transfer import tsig
from nsblast.transfer.hosts import Hosts
from nsblast.transfer.masters import source_of
from nsblast.transfer.rules import Act, Defaults, may
from nsblast.transfer.update_message import IN, Refused, answer, read_zone
from nsblast.types import Wire

_AA = 4
_LOG_EVERY = 1.0


class Secondary(Protocol):
    """Who keeps the zones that come from masters."""

    def notified(self, apex: Wire, client: bytes, serial: int | None) -> None:
        """A zone's master, or somebody who may, says that it changed. client: 4 or 16 octets. serial: a hint. In the loop; returns at once."""


class NotifiesIn:
    """See the file's head."""

    def __init__(
        self,
        backend: LocalBackend,
        accounts: Accounts,
        hosts: Hosts,
        secondary: Secondary,
        defaults: Callable[[], Defaults],
        *,
        md5: Callable[[], bool] = lambda: False,
        observe: Callable[[Rcode], None] = lambda _: None,
    ) -> None:
        """defaults: rules of zones that have none of their own. observe: told each answer's code."""
        self._backend = backend
        self._accounts = accounts
        self._hosts = hosts
        self._secondary = secondary
        self._defaults = defaults
        self._md5 = md5
        self._observe = observe
        self._told = 0.0

    async def serve(self, packet: bytes, client: bytes, tcp: bool) -> bytes:
        """The answer to a NOTIFY message (its opcode has been seen)."""
        checked = tsig.check(packet, self._accounts.signing_key, md5=self._md5())
        if checked.error:
            self._observe(checked.rcode)
            return checked.seal(answer(checked.plain, checked.rcode))
        end, edns, rcode = 0, False, Rcode.NOERROR
        try:
            zone = read_zone(checked.plain)
            end = zone.end
            edns, serial = _rest(checked.plain)
            record = self._backend.zone(zone.apex) if zone.rclass == IN else None
            if record is None or record.kind is not ZoneKind.SECONDARY:
                raise Refused(Rcode.NOTAUTH, "the zone is no secondary here")
            if not await self._may(zone.apex, record, client, checked.key):
                raise Refused(Rcode.REFUSED, "neither a master nor let in by a rule or key")
            self._secondary.notified(zone.apex, client, serial)
        except Refused as error:
            rcode = error.rcode
            self._tell(error, packet[12:end], client, checked.key)
        self._observe(rcode)
        told = bytearray(answer(checked.plain, rcode, end, edns=edns))
        if rcode == Rcode.NOERROR:
            told[2] |= _AA
        return checked.seal(bytes(told))

    async def _may(self, apex: Wire, record: ZoneRecord, client: bytes, key: TsigKey | None) -> bool:
        if may(Act.NOTIFY, apex, record, client, key, self._defaults()):
            return True
        address = shown(client)
        source = source_of(record.settings)
        for master in source.masters if source is not None else ():
            if address in await self._hosts.resolve(master.host, record.tenant):
                return True
        return False

    def _tell(self, error: Refused, question: bytes, client: bytes, key: TsigKey | None) -> None:
        """One line a second at most (RFC 1996 3.10): anybody may send what is refused."""
        now = time.monotonic()
        if now - self._told < _LOG_EVERY:
            return
        self._told = now
        log().info(
            "notify not taken",
            zone=name_to_text(question[:-4]) if question else None,
            rcode=error.rcode.name,
            reason=error.message,
            client=shown(client),
            key=key.name if key is not None else None,
        )


def _rest(packet: bytes) -> tuple[bool, int | None]:
    """Whether there is an OPT, and the serial of the SOA in the answer section (RFC 1996 3.7); Refused (FORMERR)."""
    try:
        message = dns.message.from_wire(packet, keyring=False)
    except (dns.exception.DNSException, ValueError):
        raise Refused(Rcode.FORMERR, "the message is malformed") from None
    serial = None
    for rrset in message.answer:
        if rrset.rdtype == dns.rdatatype.SOA and rrset.name == message.question[0].name and len(rrset) == 1:
            serial = int(rrset[0].serial)
    return message.edns >= 0, serial


def shown(client: bytes) -> str:
    """An address of 4 or 16 octets as text; one of IPv4 mapped into IPv6 as IPv4."""
    address = ip_address(client)
    return str(getattr(address, "ipv4_mapped", None) or address)
