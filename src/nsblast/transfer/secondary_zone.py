"""One secondary zone, as its timers know it.

Owns: what is known of it and how that is told. Never: when it is looked at (secondary.py). There may be 100 000: slots, and masters shared.
"""

import sys
from typing import Any

from nsblast.transfer.masters import Master, Source
from nsblast.types import Wire


class Zone:
    """One secondary zone, as the timers know it. Times are seconds since 1970."""

    __slots__ = (
        "again", "apex", "busy", "confirmed", "contents", "due", "error", "expired", "expires", "failures",
        "incarnation", "looked", "master", "refresh", "retry", "source", "tenant", "transferred",
    )  # fmt: skip

    def __init__(self, apex: Wire, incarnation: int, tenant: str, source: Source) -> None:
        self.apex = apex
        self.incarnation = incarnation
        self.tenant = sys.intern(tenant)
        self.source = source
        self.contents = False
        self.expired = False
        self.busy = False
        self.again = False
        """Whether somebody said meanwhile that there is something new."""
        self.due = 0.0
        self.looked = 0.0
        self.confirmed = 0.0
        self.expires = 0.0
        self.transferred = 0.0
        self.refresh = 0
        self.retry = 0
        self.failures = 0
        self.master: Master | None = None
        """Who confirmed it last."""
        self.error = ""

    @property
    def state(self) -> str:
        """One of metrics.SECONDARY_STATES."""
        if self.expired:
            return "expired"
        if not self.contents:
            return "empty"
        return "failing" if self.failures else "ok"

    def status(self) -> dict[str, Any]:
        """What is told of it."""
        return {
            "state": self.state,
            "asking": self.busy,
            "masters": [one.shown for one in self.source.masters],
            "confirmed_by": self.master.shown if self.master is not None else None,
            "last_check": self.looked or None,
            "last_confirmed": self.confirmed or None,
            "last_transfer": self.transferred or None,
            "next_refresh": self.due or None,
            "expires": self.expires or None,
            "failures": self.failures,
            "last_error": self.error or None,
        }
