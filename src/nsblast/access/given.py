"""Which parts of a zone were given away, and to whom: virtual zones in the order of the DNS.

Owns: the order, the look-ups that a change of a zone needs, which cost the same however many virtual zones there are. Never: what a
virtual zone means (accounts.py). Changed in the committing thread only, read in any: each step of a change is one under the
interpreter's lock, and a reader goes over copies.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator

from nsblast._core.keys import name_key, name_of_key
from nsblast.access.records_v1 import Vzone, wire_of
from nsblast.types import Wire

Owns = Callable[[str], bool]
"""Whether a tenant (its id) is one's own."""


class Given:
    """All virtual zones, by the zone they were made in, that zone's incarnation, and tenant."""

    def __init__(self) -> None:
        self._zones: dict[tuple[str, int], dict[str, list[bytes]]] = {}

    def add(self, vzone: Vzone) -> None:
        """One was given."""
        tenants = self._zones.setdefault((vzone.zone, vzone.incarnation), {})
        insort(tenants.setdefault(vzone.tenant, []), name_key(wire_of(vzone.name)))

    def remove(self, vzone: Vzone) -> None:
        """It was taken back."""
        place = (vzone.zone, vzone.incarnation)
        tenants = self._zones[place]
        keys = tenants[vzone.tenant]
        del keys[bisect_left(keys, name_key(wire_of(vzone.name)))]
        if not keys:
            del tenants[vzone.tenant]
            if not tenants:
                del self._zones[place]

    def of_zone(self, zone: str, incarnation: int) -> Iterator[tuple[str, Wire]]:
        """(tenant, name) of all in a zone, a tenant after the other."""
        for tenant, keys in list(self._zones.get((zone, incarnation), {}).items()):
            for key in keys.copy():
                yield tenant, name_of_key(key)

    def below(self, zone: str, incarnation: int, name: Wire, owns: Owns, *, itself: bool) -> bool:
        """Whether one of a tenant that is not one's own lies below a name of the zone, or (itself) at it."""
        above = name_key(name)
        for tenant, keys in list(self._zones.get((zone, incarnation), {}).items()):
            if owns(tenant):
                continue
            at = bisect_left(keys, above)
            some = keys[at : at + 2]
            if some and some[0] == above and not itself:
                del some[0]
            if some and some[0].startswith(above):
                return True
        return False
