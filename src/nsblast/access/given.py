"""Which parts of a zone were given away, and to whom: virtual zones in the order of the DNS, and by who gave them.

Owns: the order, the look-ups that a change of a zone needs, which cost the same however many virtual zones there are. Never: what a
virtual zone means (accounts.py). Changed in the committing thread only, read in any: each step of a change is one under the
interpreter's lock, and a reader goes over copies. A zone is its tenant's for as long as it lives: whose it is is looked up once.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator

from nsblast._core.keys import name_key, name_of_key
from nsblast.access.records_v1 import Vzone, wire_of
from nsblast.types import Wire

Owns = Callable[[str], bool]
"""Whether a tenant (its id) is one's own."""


class Given:
    """All virtual zones, by the zone they were made in, that zone's incarnation, and tenant."""

    def __init__(self, giver_of: Callable[[Vzone], str]) -> None:
        """giver_of: the tenant that has the zone around; "" when that zone is no more."""
        self._giver_of = giver_of
        self._zones: dict[tuple[str, int], dict[str, list[bytes]]] = {}
        self._givers: dict[tuple[str, int], str] = {}
        self._names: dict[str, list[str]] = {}

    def load(self, vzones: Iterable[Vzone]) -> None:
        """All there are, where there were none."""
        for vzone in vzones:
            self._place(vzone).append(vzone.name)
        for names in self._names.values():
            names.sort()

    def add(self, vzone: Vzone) -> None:
        """One was given."""
        insort(self._place(vzone), vzone.name)

    def _place(self, vzone: Vzone) -> list[str]:
        """Names its giver gave, this one not yet among them."""
        place = (vzone.zone, vzone.incarnation)
        if place not in self._zones:
            self._givers[place] = self._giver_of(vzone)
        tenants = self._zones.setdefault(place, {})
        insort(tenants.setdefault(vzone.tenant, []), name_key(wire_of(vzone.name)))
        return self._names.setdefault(self._givers[place], [])

    def remove(self, vzone: Vzone) -> None:
        """It was taken back."""
        place = (vzone.zone, vzone.incarnation)
        names = self._names[self._givers[place]]
        del names[bisect_left(names, vzone.name)]
        tenants = self._zones[place]
        keys = tenants[vzone.tenant]
        del keys[bisect_left(keys, name_key(wire_of(vzone.name)))]
        if not keys:
            del tenants[vzone.tenant]
            if not tenants:
                del self._zones[place], self._givers[place]

    def names_by(self, giver: str) -> list[str]:
        """Names of what one tenant gave away, in order; changes with what is given."""
        return self._names.get(giver, [])

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
