"""Shared aliases. Names inside the program are wire form in lower case unless a line says "as spelled"."""

from collections.abc import Callable
from typing import TypeAlias

Wire: TypeAlias = bytes
"""An uncompressed name in wire form."""

Labels: TypeAlias = int
"""Number of labels of a name, the root not counted."""

CommitNumber: TypeAlias = int
"""Position in the history of one database, from 1."""

Rr: TypeAlias = tuple[bytes, int, int, bytes]
"""One RR: owner name as spelled, type, TTL in seconds, rdata in wire form."""

RawRrset: TypeAlias = tuple[int, int, list[bytes]]
"""Type, TTL in seconds, rdata in wire form: what the stored entry holds."""

Clock: TypeAlias = Callable[[], float]
"""Seconds since 1970."""
