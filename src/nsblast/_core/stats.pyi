"""Names of a worker's counters (stats.pxd)."""

OUTCOMES: tuple[str, ...]
CONNECTIONS: tuple[str, ...]
TRANSFERS: tuple[str, ...]
"""Transfers to others by what they became, messages and octets of them; in worker_alive() they begin at index 8."""
