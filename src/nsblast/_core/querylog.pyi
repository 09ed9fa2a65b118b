"""The query log of one worker: what is logged, and the records as dicts or as lines."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal, final

FLAGS: Final[tuple[tuple[int, str], ...]]

@final
class QueryLog:
    """A ring of records, filled without the GIL by who answers. Off until configure() says otherwise.

    types and rcodes give numbers their names in lines.
    """

    def __init__(self, types: Mapping[int, str] | None = None, rcodes: Mapping[int, str] | None = None) -> None: ...
    def configure(
        self,
        mode: Literal["off", "errors", "sampled", "all"],
        *,
        sample: int = 1,
        types: Sequence[int] = (),
        rcodes: Iterable[int] = (),
        clients: Sequence[str] = (),
        room: int = 8192,
    ) -> None:
        """What to log from now on; empty filters let everything through. Called by the thread that answers.

        errors = rcode neither NOERROR nor NXDOMAIN; sample = with sampled, one of this many at random; clients = networks;
        room = records waiting at most, taken when the log is first turned on. ValueError for what makes no sense.
        """
    @property
    def on(self) -> bool: ...
    @property
    def written(self) -> int:
        """Records written since start."""
    @property
    def dropped(self) -> int:
        """Records lost since start: the ring was full, or the lines could not be written (lose)."""
    def lose(self, lines: int) -> None:
        """So many drained lines were written nowhere. Called by the thread that drains."""
    @property
    def waiting(self) -> int:
        """Records not yet drained."""
    def note(
        self,
        *,
        client: bytes = b"",
        tcp: bool = False,
        id: int = 0,
        qname: bytes = b"",
        qtype: int = 0,
        qclass: int = 1,
        rcode: int = 0,
        flags: int = 0,
        size: int = 0,
        latency_ns: int = 0,
    ) -> bool:
        """Log an answer that Python made; False when the filters or a full ring kept it out."""
    def drain(self, limit: int = 1000) -> list[dict[str, Any]]:
        """Take records: time_ns, client (4 or 16 octets), transport, id, qname, qname_text, qtype, qclass, rcode, flags, size,
        latency_ns. One thread drains; it may be another than the one that answers."""
    def drain_lines(self, limit: int = 1000, *, json: bool = True) -> bytes:
        """Take records as lines: JSON objects, or fields with spaces between."""
