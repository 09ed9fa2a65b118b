"""Names of a worker's counters (stats.pxd)."""

OUTCOMES: tuple[str, ...]
CONNECTIONS: tuple[str, ...]
