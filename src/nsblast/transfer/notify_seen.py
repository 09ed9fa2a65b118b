"""What is known of each zone's secondaries: what they last acknowledged, and what they last took.

Owns: these facts, and how many are kept. Never: what is to be done about them. They are in memory only: after a start they are learned
anew. MOST zones are remembered, those of which something was heard last, and EACH secondaries of one.
"""

from collections import OrderedDict
from typing import Any

from nsblast.types import Wire

MOST = 1_000_000
"""Half a KiB each: a large server's zones all have their status, and what transfers of ever new zones leave behind is bounded."""
EACH = 64


class Seen:
    """One secondary of one zone; times in seconds since 1970, 0 = never."""

    __slots__ = ("acked", "acked_at", "kind", "rcode", "taken", "taken_at")

    def __init__(self) -> None:
        self.acked = 0
        """Serial of the last NOTIFY it answered."""
        self.acked_at = 0.0
        self.rcode = 0
        """Of that answer."""
        self.taken = 0
        """Serial it had when its last transfer ended."""
        self.taken_at = 0.0
        self.kind = ""
        """How it was transferred: axfr, ixfr, or current, when it had that serial already."""

    def acknowledged(self, serial: int) -> bool:
        """Whether it said that it knows of this serial, or has it."""
        return (self.acked_at > 0 and self.rcode == 0 and self.acked == serial) or (
            self.taken_at > 0 and self.taken == serial
        )

    def members(self) -> dict[str, Any]:
        """For people and programs."""
        return {
            "acknowledged": {"serial": self.acked, "time": self.acked_at, "rcode": self.rcode}
            if self.acked_at
            else None,
            "transferred": {"serial": self.taken, "time": self.taken_at, "kind": self.kind} if self.taken_at else None,
        }


Key = tuple[str, int]
"""Address and port; port 0 for what is known of an address only, from its transfers."""


class SeenOf:
    """All zones'."""

    def __init__(self) -> None:
        self._zones: OrderedDict[Wire, dict[Key, Seen]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._zones)

    def of(self, apex: Wire) -> dict[Key, Seen]:
        """What is known of a zone's secondaries."""
        return self._zones.get(apex, {})

    def get(self, apex: Wire, key: Key) -> Seen | None:
        """What is known of one."""
        return self.of(apex).get(key)

    def forget(self, apex: Wire) -> None:
        """The zone is gone."""
        self._zones.pop(apex, None)

    def answered(self, apex: Wire, key: Key, serial: int, rcode: int, now: float) -> None:
        """A NOTIFY was answered."""
        seen = self._edit(apex, key)
        seen.acked, seen.acked_at, seen.rcode = serial, now, rcode

    def took(self, apex: Wire, address: str, serial: int, kind: str, now: float) -> None:
        """A transfer to that address ended."""
        seen = self._edit(apex, (address, 0))
        seen.taken, seen.taken_at, seen.kind = serial, now, kind

    def _edit(self, apex: Wire, key: Key) -> Seen:
        zone = self._zones.get(apex)
        if zone is None:
            if len(self._zones) >= MOST:
                self._zones.popitem(last=False)
            zone = self._zones[apex] = {}
        else:
            self._zones.move_to_end(apex)
        seen = zone.get(key)
        if seen is None:
            if len(zone) >= EACH:
                del zone[min(zone, key=lambda each: max(zone[each].acked_at, zone[each].taken_at))]
            seen = zone[key] = Seen()
        return seen
