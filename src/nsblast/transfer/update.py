"""Dynamic update: one signed or unsigned message in, one answer out, the change committed before the answer leaves.

Owns: the order of an update (signature, zone section, whether the asker may, prerequisites, prescan, commit), what an error of ours is
called in an answer, retransmissions. Never: the message's form (update_message.py), what it means (update_rules.py), who may
(update_scope.py, rules.py), sockets. Runs in control's loop.
Whoever may change nothing in the zone learns that before any prerequisite is looked at, so that nobody reads a zone by asking what
would fail. Prerequisites are looked at, and the updates done, at one point of the zone's history: inside the commit. A secondary's zone is
not updated here, and updates are not forwarded: NOTAUTH (RFC 2136 6 leaves forwarding free).
RFC 2136 3, 3007 2 and 3, 8945 5.
"""

import asyncio
import time
from collections.abc import Callable
from hashlib import blake2b
from ipaddress import ip_address
from typing import NamedTuple

from dns.rcode import Rcode

from nsblast.access.accounts import Accounts
from nsblast.access.records_v1 import TsigKey
from nsblast.backend.local import LocalBackend
from nsblast.errors import Conflict, Denied, InputError, NotFound, NsblastError
from nsblast.logs import log
from nsblast.records.names import name_to_text
from nsblast.store import layout
from nsblast.store.values_v1 import ZoneKind, ZoneRecord
from nsblast.transfer import mac, tsig
from nsblast.transfer.rules import may_query
from nsblast.transfer.update_message import IN, Refused, Update, Zone, answer, read, read_zone
from nsblast.transfer.update_rules import check_prerequisites, compile_prerequisites, compile_updates
from nsblast.transfer.update_scope import Defaults, Scope, scope_of
from nsblast.types import Wire
from nsblast.zones.model import ChangeSet, Contents

RETRANSMITTED = 6.0
"""Seconds in which the same datagram from the same address is the same request: nsupdate asks thrice, 3 s apart."""
REMEMBERED = 16384
"""Requests remembered at most."""
LARGE = 4096
"""Octets above which a message is read in a thread."""
_LOG_EVERY = 1.0
_ANY = 255
_BESIDE_CUT = frozenset((2, 43, 255))
"""NS and DS (and ANY): what the parent says of a child zone at its apex."""


class _Done(NamedTuple):
    at: float
    answer: "bytes | asyncio.Future[bytes]"


class Updates:
    """See the file's head."""

    def __init__(
        self,
        backend: LocalBackend,
        accounts: Accounts,
        defaults: Callable[[], Defaults],
        *,
        md5: Callable[[], bool] = lambda: False,
        observe: Callable[[int], None] = lambda _: None,
    ) -> None:
        """defaults: access rules of zones that have none of their own. md5: whether HMAC-MD5 is taken. observe: told each answer's code."""
        self._backend = backend
        self._accounts = accounts
        self._defaults = defaults
        self._md5 = md5
        self._observe = observe
        self._done: dict[bytes, _Done] = {}
        self._told = 0.0

    async def serve(self, packet: bytes, client: bytes, tcp: bool) -> bytes:
        """The answer to an UPDATE message (its opcode has been seen). A datagram that comes again gets what it got, and does nothing."""
        if tcp:
            return await self._serve(packet, client)
        now = time.monotonic()
        ident = blake2b(client + packet, digest_size=16).digest()
        done = self._done.get(ident)
        if done is not None and now - done.at <= RETRANSMITTED:
            return done.answer if isinstance(done.answer, bytes) else await asyncio.shield(done.answer)
        self._forget(now)
        task = asyncio.ensure_future(self._serve(packet, client))
        self._done[ident] = _Done(now, task)
        try:
            told = await asyncio.shield(task)
        except BaseException:
            self._done.pop(ident, None)
            raise
        if told[3:4] and told[3] & 15 == Rcode.NOERROR:
            self._done[ident] = _Done(now, told)
        else:
            self._done.pop(ident, None)  # nothing was done: it may be tried again
        return told

    def _forget(self, now: float) -> None:
        """Oldest first, as they were put in."""
        done = self._done
        while done:
            first = next(iter(done))
            if now - done[first].at <= RETRANSMITTED and len(done) < REMEMBERED:
                return
            del done[first]

    async def _serve(self, packet: bytes, client: bytes) -> bytes:
        checked: mac.Verified | tsig.Checked | None = mac.verify(packet, self._accounts.tsig_key)
        if checked is None:
            checked = tsig.check(packet, self._accounts.tsig_key, md5=self._md5())
            if checked.error:
                self._observe(checked.rcode)
                return checked.seal(answer(checked.plain, checked.rcode))
        end, edns, rcode = 0, False, Rcode.NOERROR
        zone: Zone | None = None
        try:
            zone = read_zone(checked.plain)
            end = zone.end
            record, scope = self._admit(zone, client, checked.key)
            if len(checked.plain) > LARGE:
                loop = asyncio.get_running_loop()
                update = await loop.run_in_executor(None, read, checked.plain, zone)
                edns = update.edns
                change = await loop.run_in_executor(
                    None, self._change, zone.apex, record, update, scope, client, checked.key
                )
            else:
                update = read(checked.plain, zone)
                edns = update.edns
                change = self._change(zone.apex, record, update, scope, client, checked.key)
            await self._backend.submit_in_loop(change)
        except (Refused, NsblastError) as error:
            rcode = _rcode_of(error)
            self._tell(error, rcode, zone, client, checked.key)
        self._observe(rcode)
        return checked.seal(answer(checked.plain, rcode, end, edns=edns))

    def _admit(self, zone: Zone, client: bytes, key: TsigKey | None) -> tuple[ZoneRecord, Scope]:
        """The zone, and what may be changed in it. RFC 2136 3.1; Refused."""
        record = self._backend.zone(zone.apex) if zone.rclass == IN else None
        if record is None:
            raise Refused(Rcode.NOTAUTH, "there is no such zone here")
        if record.kind is not ZoneKind.PRIMARY:
            raise Refused(Rcode.NOTAUTH, "the zone's contents come from its master")
        scope = scope_of(self._accounts, zone.apex, record, client, key, self._defaults())
        if scope is None:
            raise Refused(Rcode.REFUSED, "neither the zone's rule nor a key's scope allows it")
        return record, scope

    def _change(
        self, apex: Wire, record: ZoneRecord, update: Update, scope: Scope, client: bytes, key: TsigKey | None
    ) -> ChangeSet:
        """The change-set; what is wrong with the update section is told after the prerequisites, in the RFC's order."""
        inside = _Inside(self._backend, apex)
        if not may_query(record, client, key, self._defaults()):
            for rr in update.prerequisites:  # each would be an answer to a question that this client may not ask
                if not scope.may(rr.name, _ANY):
                    raise Refused(
                        Rcode.REFUSED, f"prerequisite: {name_to_text(rr.name)} may be neither asked for nor changed"
                    )
        checks, wanted = compile_prerequisites(update.prerequisites, inside.holds)
        failure: Refused | None = None
        ops = []
        try:
            ops = compile_updates(update.updates, apex, inside.holds, scope.may)
        except Refused as error:
            failure = error

        def guard(contents: Contents) -> None:
            now = contents.record
            if now is None or now.incarnation != record.incarnation or now.kind is not record.kind:
                raise Refused(Rcode.NOTAUTH, "the zone was deleted or made anew meanwhile")
            if now.tenant != record.tenant:
                raise Refused(Rcode.REFUSED, "the zone was given to another tenant meanwhile")
            check_prerequisites(checks, wanted, contents)
            if failure is not None:
                raise failure

        return ChangeSet(
            apex,
            tuple(ops),
            actor=f"key:{key.name}" if key is not None else "update",
            address=_shown(client),
            guard=guard,
        )

    def _tell(
        self, error: Refused | NsblastError, rcode: Rcode, zone: Zone | None, client: bytes, key: TsigKey | None
    ) -> None:
        """One line a second at most: anybody may send what is refused."""
        ours = rcode == Rcode.SERVFAIL
        now = time.monotonic()
        if not ours and now - self._told < _LOG_EVERY:
            return
        self._told = now
        (log().error if ours else log().info)(
            "update not done",
            zone=name_to_text(zone.apex) if zone is not None else None,
            rcode=rcode.name,
            reason=error.message,
            client=_shown(client),
            key=key.name if key is not None else None,
        )


class _Inside:
    """Which names are a zone's own; asked for each record of a message."""

    def __init__(self, backend: LocalBackend, apex: Wire) -> None:
        self._backend = backend
        self._apex = apex
        self._deepest: dict[Wire, Wire] = {}

    def holds(self, name: Wire, rrtype: int) -> bool:
        """Below another zone that is here too a name is that zone's; at its apex the parent has NS and DS (RFC 2136 3.1.1, 4035 2.4)."""
        apex = self._apex
        if name == apex:
            return True
        if not name.endswith(apex) or apex not in layout.suffixes(name):
            return False
        deepest = self._deepest_of(name)
        if deepest == apex:
            return True
        return deepest == name and rrtype in _BESIDE_CUT and self._deepest_of(name[name[0] + 1 :]) == apex

    def _deepest_of(self, name: Wire) -> Wire:
        known = self._deepest.get(name)
        if known is None:
            found = self._backend.find_zone(name)
            known = self._deepest[name] = found.apex if found is not None else b""
        return known


def _rcode_of(error: Refused | NsblastError) -> Rcode:
    """What an error is called in an answer (RFC 2136 2.2, 3.4.2.7)."""
    match error:
        case Refused():
            return error.rcode
        case NotFound():
            return Rcode.NOTAUTH
        case InputError() | Conflict() | Denied():
            return Rcode.REFUSED  # a rule of zones: below a DNAME, an RRset that no message carries, …
        case _:
            return Rcode.SERVFAIL


def _shown(client: bytes) -> str:
    address = ip_address(client)
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
