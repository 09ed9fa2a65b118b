"""Small zone files, each taken in one go (small.pyx tells when one is not)."""

def read_files(paths: list[bytes], most: int) -> list[bytes | None]:
    """Contents of each path, read without the GIL; None for what is no ordinary file, is empty, has more octets than `most` or cannot be read."""

def read_small(text: bytes, origin: bytes | None = None) -> tuple[bytes, int, list[tuple[bytes, bytes]]] | None:
    """(apex, records read, [(owner key, entry blob), ...] ascending); None when the long way must take it up.

    origin: the zone's name in wire form; the owner of the first SOA when None. ValueError when it is no name.
    """
