"""Records of one zone, sorted by owner name; for the collector (runs.pxd)."""

class Runs:
    """Python can make one, and nothing else; its methods are C's."""

    def __init__(self, apex: bytes, size: int) -> None: ...
