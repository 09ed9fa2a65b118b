"""A piece of the comparison: what is measured, at which size, with which load and servers; and the plans made of pieces."""

from dataclasses import dataclass

LOADS = ("udp", "udp-many", "dnsperf", "tcp", "tcp-each")
ALL = ("echo", "nsblast", "knot", "nsd", "bind", "pdns")
WITH_KNOT = ("echo", "nsblast", "knot")
FEW = ("echo", "nsblast", "knot", "nsd")


@dataclass(frozen=True)
class Piece:
    """NAME:SIZE or NAME:SIZE/LOAD."""

    name: str
    size: int
    load: str = "udp"
    servers: tuple[str, ...] = WITH_KNOT

    def __str__(self) -> str:
        return f"{self.name}:{self.size}" + ("" if self.load == "udp" else f"/{self.load}")

    @property
    def stem(self) -> str:
        """A file name."""
        return str(self).replace(":", "-").replace("/", "-")


def parse(text: str) -> Piece:
    """ValueError with one sentence when it is no piece. Names of measures are the caller's to check."""
    name, _, rest = text.partition(":")
    size, _, load = rest.partition("/")
    if not size.isdigit() or int(size) < 1:
        raise ValueError(f"{text!r}: expected NAME:SIZE or NAME:SIZE/LOAD, like hot:10000/tcp")
    if (load or "udp") not in LOADS:
        raise ValueError(f"{text!r}: a load is one of {', '.join(LOADS)}")
    return Piece(name, int(size), load or "udp")


def _plan(lines: list[tuple[str, tuple[str, ...]]]) -> list[Piece]:
    pieces = []
    for text, servers in lines:
        one = parse(text)
        pieces.append(Piece(one.name, one.size, one.load, servers))
    return pieces


# Neighbours share zones, so that servers stay up from one to the next.
QUICK = _plan(
    [
        ("hot:10000", ALL),
        ("hot:10000/udp-many", FEW),
        ("hot:10000/dnsperf", FEW),
        ("hot:10000/tcp", FEW),
        ("hot:10000/tcp-each", FEW),
        ("zipf:100000", WITH_KNOT),
        ("uniform:100000", WITH_KNOT),
        ("nxdomain:100000", WITH_KNOT),
        ("transfer:100000", ("nsblast", "knot")),
        ("flood:100000", ("nsblast", "knot")),
        ("memory:100000", ("nsblast", "knot")),
        ("cold:100000", ("echo", "nsblast", "bind")),
        ("referral:50000", WITH_KNOT),
        ("hosting:2000", WITH_KNOT),
        ("nxdomain-zones:2000", WITH_KNOT),
        ("wildcard:20000", WITH_KNOT),
        ("large:10000", WITH_KNOT),
        ("signed:20000", WITH_KNOT),
        ("signed-nxdomain:20000", WITH_KNOT),
        ("start-names:100000", ("nsblast", "knot", "nsd")),
        ("start-zones:2000", ("nsblast", "knot", "nsd")),
        ("import:100000", ("nsblast", "knot")),
        ("changes:100000", ("nsblast",)),
        ("change-one:100000", ("nsblast",)),
        ("updates:100000", ("nsblast",)),
        ("workers:100000", ("nsblast", "knot")),
    ]
)
FULL = _plan(
    [
        ("hot:1000000", ALL),
        ("hot:1000000/udp-many", ALL),
        ("nxdomain:1000000/udp-many", FEW),
        ("hot:1000000/dnsperf", ALL),
        ("hot:1000000/tcp", FEW),
        ("hot:1000000/tcp-each", FEW),
        ("uniform:1000000", FEW),
        ("zipf:1000000", FEW),
        ("nxdomain:1000000", FEW),
        ("transfer:1000000", ("nsblast", "knot", "nsd")),
        ("workers:1000000", ("nsblast", "knot")),
        ("changes:1000000", ("nsblast",)),
        ("change-one:1000000", ("nsblast",)),
        ("updates:1000000", ("nsblast",)),
        ("referral:1000000", FEW),
        ("wildcard:100000", FEW),
        ("large:20000", FEW),
        ("signed:100000", FEW),
        ("signed-nxdomain:100000", FEW),
        ("start-zones:100000", ("nsblast", "knot", "nsd")),
        ("hosting:100000", FEW),
        ("nxdomain-zones:100000", FEW),
        ("import:2000000", ("nsblast", "knot")),
        ("uniform:10000000", WITH_KNOT),
        ("nxdomain:10000000", WITH_KNOT),
        ("flood:10000000", ("nsblast", "knot")),
        ("cold:10000000", ("echo", "nsblast", "bind")),
        ("memory:10000000", ("nsblast", "knot")),
        ("start-names:10000000", ("nsblast", "knot", "nsd")),
        ("import:10000000", ("nsblast", "knot")),
        ("start-zones:1000000", ("nsblast",)),
        ("hosting:1000000", WITH_KNOT),
    ]
)
