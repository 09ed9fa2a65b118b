"""Zones whose time has come, and which of them is looked at next.

Owns: how many looks run, for each tenant and each of its first masters; the order among those that wait. Never: timers, looking.
Invariants: tenants take turns, and so do a tenant's masters: one that does not answer holds up its own zones only. A tenant with fewer than SURE looks
under way gets one although LOOKS run, up to CEILING: another's slow masters do not hold up its zones. Everything costs the same however many wait.
"""

from collections import Counter, OrderedDict, deque

from nsblast.types import Wire

LOOKS = 384
"""Zones looked at at once."""
CEILING = 512
"""The same with those of tenants that have few."""
LOOKS_TENANT = 256
"""Of those, one tenant's."""
LOOKS_EACH = 64
"""Of a tenant's, with the same first master."""
SURE = 4


class Looks:
    """See the file's head."""

    def __init__(self) -> None:
        self.total = 0
        """Looks that run."""
        self._queues: dict[str, dict[str, deque[Wire]]] = {}
        self._of_tenant: Counter[str] = Counter()
        self._of_master: Counter[tuple[str, str]] = Counter()
        self._few: OrderedDict[str, None] = OrderedDict()
        """Tenants that have zones waiting, and fewer than SURE looks; who is next stands first."""
        self._more: OrderedDict[str, None] = OrderedDict()
        """The others that may have one more."""

    def add(self, tenant: str, host: str, apex: Wire) -> None:
        """A zone's time has come; host: its first master."""
        self._queues.setdefault(tenant, {}).setdefault(host, deque()).append(apex)
        self._make_ready(tenant)

    def _make_ready(self, tenant: str) -> None:
        if tenant in self._queues and tenant not in self._few:
            if self._of_tenant[tenant] < SURE:
                self._more.pop(tenant, None)
                self._few[tenant] = None
            else:
                self._more.setdefault(tenant)

    def take(self) -> tuple[str, str, Wire] | None:
        """Tenant, first master and name of the zone whose look begins now; None = nothing may begin."""
        while True:
            if self._few and self.total < CEILING:
                tenant, _ = self._few.popitem(last=False)
            elif self._more and self.total < LOOKS:
                tenant, _ = self._more.popitem(last=False)
            else:
                return None
            host = self._host(tenant)
            if host is None:
                continue  # until one of its looks ends, or another zone's time comes
            queues = self._queues[tenant]
            queue = queues.pop(host)
            apex = queue.popleft()
            if queue:
                queues[host] = queue  # behind its others
            elif not queues:
                del self._queues[tenant]
            self.total += 1
            self._of_tenant[tenant] += 1
            self._of_master[tenant, host] += 1
            self._make_ready(tenant)
            return tenant, host, apex

    def _host(self, tenant: str) -> str | None:
        if self._of_tenant[tenant] >= LOOKS_TENANT:
            return None
        return next((host for host in self._queues[tenant] if self._of_master[tenant, host] < LOOKS_EACH), None)

    def ended(self, tenant: str, host: str) -> None:
        """One that take() gave is over."""
        self.total -= 1
        self._of_tenant[tenant] -= 1
        self._of_master[tenant, host] -= 1
        if not self._of_tenant[tenant]:  # a counter keeps what is 0
            del self._of_tenant[tenant]
        if not self._of_master[tenant, host]:
            del self._of_master[tenant, host]
        self._make_ready(tenant)
