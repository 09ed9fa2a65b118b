"""Addresses of other name servers by their names: from zones of our own where they say, else by the system's resolver.

Owns: that order, how long an answer counts, whose names are asked for next. Never: who is asked for what. The system's resolver may take many
seconds, so it is asked in threads, which do not hold up the process's end; a name is asked for once, however many wait for
it, and after WITHIN they hear that there is nothing. It tells no TTL: what it said counts for VALID seconds, that it found nothing for less.
Invariants: tenants take turns. One has EACH names under way at most, and one only while half the threads are taken: a name that hangs holds up
those of its tenant.
"""

import asyncio
import ipaddress
import queue
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from nsblast._core.name import fold
from nsblast._core.rrset import unpack_entry
from nsblast.backend.local import LocalBackend
from nsblast.errors import InputError, NsblastError
from nsblast.logs import log
from nsblast.records.names import name_from_text, name_to_text
from nsblast.store.layout import FIRST_TENANT
from nsblast.types import Wire

VALID = 300.0
MISSING_VALID = 30.0
"""Seconds; a name server that is being set up should not be missed for long."""
REMEMBERED = 10_000
WAITING = 10_000
"""Names asked for and waiting for a thread, at most: further ones count as not found, and are asked for again at the next need."""
WAITING_EACH = 5_000
"""The same of one tenant."""
THREADS = 32
EACH = 4
"""Of these, one tenant's."""
WITHIN = 10.0
"""Seconds for which a name under way is waited for. Its thread may go on: what it finds in the end is remembered."""
_A, _AAAA = 1, 28

Lookup = Callable[[str], tuple[str, ...]]
Found = tuple[str, ...]


class _Known(NamedTuple):
    until: float
    addresses: Found


def by_system(name: str) -> Found:
    """Addresses of a host as this machine has them; () when it has none."""
    try:
        found = socket.getaddrinfo(name, 53, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        return ()
    # Link-local addresses with a zone and the like are nothing a name server has.
    return tuple(dict.fromkeys(str(each[4][0]) for each in found if "%" not in str(each[4][0])))


def literal(text: str) -> str | None:
    """The address, in its one spelling, when the text is one."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


class Hosts:
    """Of one process; resolve() in its loop, own() anywhere."""

    def __init__(self, backend: LocalBackend, lookup: Lookup = by_system) -> None:
        self._backend = backend
        self._lookup = lookup
        self._known: dict[str, _Known] = {}
        self._asked: dict[str, asyncio.Future[Found]] = {}
        self._waiting: dict[str, dict[str, None]] = {}
        """Names by tenant, in their order; a name may stand with several. Who is next stands first."""
        self._under_way: dict[str, str] = {}
        """Names in threads, and the tenant each was asked for."""
        self._busy: Counter[str] = Counter()
        self._queue: queue.SimpleQueue[tuple[str, asyncio.AbstractEventLoop]] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    def own(self, name: Wire) -> Found:
        """What our zones say of a name in lower case, glue included; () = nothing, others may know."""
        try:
            found = self._backend.entry(name)
        except NsblastError as error:
            log().error("addresses cannot be looked up", name=name, reason=error.message)
            return ()
        if found is None:
            return ()
        return tuple(
            socket.inet_ntop(socket.AF_INET if rdtype == _A else socket.AF_INET6, rdata)
            for rdtype, _, rdatas in unpack_entry(found.blob).rrsets
            if rdtype in (_A, _AAAA)
            for rdata in rdatas
        )

    async def resolve(self, host: str, tenant: str = FIRST_TENANT) -> Found:
        """Addresses of a host, IPv4 or IPv6, which may be an address itself; () when nobody knows any. tenant: whose zone needs it."""
        address = literal(host)
        if address is not None:
            return (address,)
        try:
            name = fold(name_from_text(host))
        except InputError:
            return ()
        return self.own(name) or await self.resolve_outside(name, tenant)

    def known(self, name: Wire) -> Found:
        """What resolve_outside() found last, while it counts; () = nothing, or it was not asked for."""
        known = self._known.get(name_to_text(name))
        return known.addresses if known is not None and known.until > time.monotonic() else ()

    async def resolve_outside(self, name: Wire, tenant: str = FIRST_TENANT) -> Found:
        """The same of a name our zones say nothing of."""
        shown = name_to_text(name)
        known = self._known.get(shown)
        if known is not None and known.until > time.monotonic():
            return known.addresses
        tenant = tenant or FIRST_TENANT
        asked = self._asked.get(shown)
        if asked is None:
            if len(self._asked) >= WAITING or len(self._waiting.get(tenant, ())) >= WAITING_EACH:
                return ()
            asked = self._asked[shown] = asyncio.get_running_loop().create_future()
            if shown in self._under_way:
                self._give_up_later(shown)  # its thread is late, and was given up once already
        if shown not in self._under_way:
            self._waiting.setdefault(tenant, {}).setdefault(shown)
            self._start()
        return await asyncio.shield(asked)

    def _start(self) -> None:
        """Hand names to threads, as long as there are some for them."""
        loop = asyncio.get_running_loop()
        while len(self._under_way) < THREADS:
            each = EACH if len(self._under_way) < THREADS // 2 else 1
            tenant = next((one for one in self._waiting if self._busy[one] < each), None)
            if tenant is None:
                return
            names = self._waiting.pop(tenant)
            name = next(iter(names))
            del names[name]
            if names:
                self._waiting[tenant] = names  # behind the others
            if name not in self._asked or name in self._under_way:
                continue  # another tenant's turn came first
            self._under_way[name] = tenant
            self._busy[tenant] += 1
            if len(self._threads) < len(self._under_way):
                thread = threading.Thread(target=self._work, name="resolver", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._queue.put((name, loop))
            self._give_up_later(name)

    def _give_up_later(self, name: str) -> None:
        asyncio.get_running_loop().call_later(WITHIN, self._settle, name, self._asked[name], ())

    def _settle(self, name: str, asked: "asyncio.Future[Found]", found: Found) -> None:
        """Tell those who wait, unless they know already."""
        if asked.done():
            return
        self._remember(name, found)
        if self._asked.get(name) is asked:
            del self._asked[name]
        asked.set_result(found)

    def _remember(self, name: str, found: Found) -> None:
        if len(self._known) >= REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[name] = _Known(time.monotonic() + (VALID if found else MISSING_VALID), found)

    def _work(self) -> None:
        while True:
            name, loop = self._queue.get()
            try:
                found = self._lookup(name)
            except Exception as error:  # a thread that ended would take its turns with it
                log().error("addresses cannot be looked up", name=name, reason=str(error))
                found = ()
            try:
                loop.call_soon_threadsafe(self._take, name, found)
            except RuntimeError:
                return  # the loop is gone, and with it who asked

    def _take(self, name: str, found: Found) -> None:
        tenant = self._under_way.pop(name)
        self._busy[tenant] -= 1
        if not self._busy[tenant]:
            del self._busy[tenant]
        asked = self._asked.get(name)
        if asked is not None:
            self._settle(name, asked, found)
        elif found:
            self._remember(name, found)  # too late for those who asked
        self._start()
