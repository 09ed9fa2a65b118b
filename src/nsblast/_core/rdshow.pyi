"""Rdata of the common types as text, and whole entries as lines of a master file."""

from collections.abc import Callable

def rdata_to_text(rrtype: int, rdata: bytes) -> str | None:
    """Text on one line, names absolute; None when the type is not compiled or the rdata is not what it should hold."""

def entry_lines(owner: bytes, blob: bytes, other: Callable[[int, bytes], str], only: int = 0, but: int = 0) -> bytes:
    """Each RR of a stored entry as a line "owner TTL IN type rdata"; only, but: a type to choose or to leave out, 0 = none.

    other gives the text of what rdata_to_text does not. ValueError when the blob breaks its format.
    """
