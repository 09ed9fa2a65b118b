"""What `nsblast status` and the admin API tell of the server: processes, store, cache, what is served."""

import time
from dataclasses import dataclass, field
from typing import Any

from nsblast import __version__
from nsblast._core.segment import Segment
from nsblast.backend.store import OpenStore
from nsblast.process.places import listening
from nsblast.settings import Settings


@dataclass
class Told:
    """What the supervisor tells of itself and its children."""

    pid: int
    phase: str = "starting"
    since: float = 0.0  # monotonic
    children: list[dict[str, Any]] = field(default_factory=list)

    def take(self, message: dict[str, Any]) -> None:
        """The supervisor's latest word."""
        self.pid, self.phase, self.since = message["pid"], message["phase"], message["since"]
        self.children = message["children"]


def status_of(settings: Settings, segment: Segment, store: OpenStore, told: Told, secondary: int) -> dict[str, Any]:
    """The state as plain values. secondary: zones that have a master."""
    return {
        "version": __version__,
        "role": "primary and secondary" if secondary else "primary",
        "secondary_zones": secondary,
        "pid": told.pid,
        "phase": told.phase,
        "ready": told.phase == "running" and all(child["state"] == "ready" for child in told.children),
        "uptime": round(time.monotonic() - told.since, 3) if told.since else 0.0,
        "db_path": str(settings.db_path),
        "listening": listening(settings),
        "store": store.state(),
        "cache": segment.stats(),
        "processes": [_child(child, segment) for child in told.children],
    }


def _child(child: dict[str, Any], segment: Segment) -> dict[str, Any]:
    shown = {name: child[name] for name in ("name", "pid", "state", "restarts")}
    shown["uptime"] = round(time.monotonic() - child["started"], 3) if child["pid"] else 0
    if child["index"] < 0:
        return shown
    return {**shown, **segment.worker_stats(child["index"]), "pid": child["pid"]}
