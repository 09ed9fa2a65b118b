"""Addresses of other name servers by their names: from zones of our own where they say, else by the system's resolver.

Owns: that order, how long an answer counts, how many questions wait. Never: who is asked for what. The system's resolver may take many
seconds, so it is asked in threads of its own, which do not hold up the process's end; a name is asked for once, however many wait for
it. It tells no TTL: what it said counts for VALID seconds, that it found nothing for less.
"""

import asyncio
import ipaddress
import queue
import socket
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from nsblast._core.name import fold
from nsblast._core.rrset import unpack_entry
from nsblast.backend.local import LocalBackend
from nsblast.errors import InputError, NsblastError
from nsblast.logs import log
from nsblast.records.names import name_from_text, name_to_text
from nsblast.types import Wire

VALID = 300.0
MISSING_VALID = 30.0
"""Seconds; a name server that is being set up should not be missed for long."""
REMEMBERED = 10_000
WAITING = 10_000
"""Names that wait for a thread, at most: further ones count as not found, and are asked for again at the next need."""
THREADS = 4
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

    async def resolve(self, host: str) -> Found:
        """Addresses of a host, IPv4 or IPv6, which may be an address itself; () when nobody knows any."""
        address = literal(host)
        if address is not None:
            return (address,)
        try:
            name = fold(name_from_text(host))
        except InputError:
            return ()
        return self.own(name) or await self.resolve_outside(name)

    def known(self, name: Wire) -> Found:
        """What resolve_outside() found last, while it counts; () = nothing, or it was not asked for."""
        known = self._known.get(name_to_text(name))
        return known.addresses if known is not None and known.until > time.monotonic() else ()

    async def resolve_outside(self, name: Wire) -> Found:
        """The same of a name our zones say nothing of."""
        shown = name_to_text(name)
        known = self._known.get(shown)
        if known is not None and known.until > time.monotonic():
            return known.addresses
        asked = self._asked.get(shown)
        if asked is None:
            if len(self._asked) >= WAITING:
                return ()
            loop = asyncio.get_running_loop()
            asked = self._asked[shown] = loop.create_future()
            if len(self._threads) < min(THREADS, len(self._asked)):
                thread = threading.Thread(target=self._work, name="resolver", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._queue.put((shown, loop))
        return await asyncio.shield(asked)

    def _work(self) -> None:
        while True:
            name, loop = self._queue.get()
            found = self._lookup(name)
            try:
                loop.call_soon_threadsafe(self._take, name, found)
            except RuntimeError:
                return  # the loop is gone, and with it who asked

    def _take(self, name: str, found: Found) -> None:
        if len(self._known) >= REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[name] = _Known(time.monotonic() + (VALID if found else MISSING_VALID), found)
        asked = self._asked.pop(name)
        if not asked.done():
            asked.set_result(found)
