"""How many transfers from masters run, and whose turn is next; which masters were silent of late.

Owns: the limits in all, for each master's address and each tenant, and the order among those that wait. Never: what a transfer does, when a zone is looked at.
Invariants: whoever has the fewest running is next, first come first served among equals. A tenant that has none running gets one although
all turns are taken (as many again, in all), and one from a master that others keep busy: whoever holds turns for hours holds up his own zones.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import NamedTuple

SHUNNED = 3.0
"""Seconds in which a master that did not answer is not asked again, by other zones either."""
_KEPT = 1000


class _Waiting(NamedTuple):
    tenant: str
    address: str
    begun: "asyncio.Future[None]"


class Turns:
    """See the file's head. One loop's."""

    def __init__(self, most: int, each_master: int, each_tenant: int) -> None:
        self.most = most
        self.each_master = each_master
        self.each_tenant = each_tenant
        self.running: Counter[str] = Counter()
        """By the master's address."""
        self._of_tenant: Counter[str] = Counter()
        self._of_both: Counter[tuple[str, str]] = Counter()
        self._total = 0
        self._waiting: list[_Waiting] = []
        self._silent: dict[tuple[str, int], float] = {}

    @property
    def total(self) -> int:
        """Transfers that run. Any thread may ask."""
        return self._total

    def _may(self, tenant: str, address: str) -> bool:
        held = self._of_tenant[tenant]
        if held >= self.each_tenant or self._total >= self.most * (1 if held else 2):
            return False
        own = self._of_both[tenant, address]
        return self.running[address] < self.each_master * (1 if own else 2)

    def _count(self, tenant: str, address: str, by: int) -> None:
        self._total += by
        self.running[address] += by
        self._of_tenant[tenant] += by
        self._of_both[tenant, address] += by
        if by < 0:  # a counter keeps what is 0
            self.running, self._of_tenant, self._of_both = +self.running, +self._of_tenant, +self._of_both

    @contextlib.asynccontextmanager
    async def turn(self, tenant: str, address: str) -> AsyncIterator[None]:
        """Waits until a transfer from there may run for a tenant, and holds its place."""
        if self._may(tenant, address):
            self._count(tenant, address, 1)
        else:
            waiting = _Waiting(tenant, address, asyncio.get_running_loop().create_future())
            self._waiting.append(waiting)
            try:
                await waiting.begun
            except asyncio.CancelledError:
                if waiting in self._waiting:
                    self._waiting.remove(waiting)
                elif not waiting.begun.cancelled():
                    self._leave(tenant, address)  # its turn came as it was given up
                raise
        try:
            yield
        finally:
            self._leave(tenant, address)

    def _leave(self, tenant: str, address: str) -> None:
        self._count(tenant, address, -1)
        self.serve()

    def serve(self) -> None:
        """Begin what may begin: a turn became free, or a limit was raised."""
        while self._waiting:
            able = [one for one in self._waiting if not one.begun.done() and self._may(one.tenant, one.address)]
            if not able:
                return
            chosen = min(able, key=lambda one: (self._of_tenant[one.tenant], self.running[one.address]))
            self._waiting.remove(chosen)
            self._count(chosen.tenant, chosen.address, 1)
            chosen.begun.set_result(None)

    def shun(self, address: str, port: int) -> None:
        """It did not answer."""
        now = time.monotonic()
        if len(self._silent) > _KEPT:
            self._silent = {where: since for where, since in self._silent.items() if now - since < SHUNNED}
        self._silent[address, port] = now

    def is_shunned(self, address: str, port: int) -> bool:
        """Whether it did not answer a moment ago."""
        return time.monotonic() - self._silent.get((address, port), -SHUNNED) < SHUNNED
