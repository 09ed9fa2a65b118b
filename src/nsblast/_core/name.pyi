"""Names in wire form for Python: whole, uncompressed; ValueError for anything else."""

def fold(wire: bytes) -> bytes:
    """The name in lower case."""

def labels(wire: bytes) -> int:
    """Number of labels, the root not counted."""

def parent(wire: bytes) -> bytes:
    """The name without its leftmost label, spelling kept; ValueError for the root."""

def hash_name(wire: bytes, seed: tuple[int, int]) -> int:
    """The name's 64-bit hash, never 0, the same for every spelling; seed is the pair (a, b) of 64-bit numbers."""
