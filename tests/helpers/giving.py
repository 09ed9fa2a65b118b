"""Transfers without processes: a store with zones, and a worker's Outgoing over it, asked message by message."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dns.message
import dns.rcode
import dns.rdata
import dns.rdatatype

from nsblast.records import name_from_text
from nsblast.settings import Settings
from nsblast.transfer.outgoing import Outgoing
from nsblast.zones.model import ChangeSet, NameOp, PutName, RRset
from tests.helpers import transfers
from tests.helpers.updating import CLIENT, Updating


def put_of(owner: str, sets: list[tuple[str, int, list[str]]]) -> PutName:
    """(type, TTL, texts) of each RRset at a name."""
    rrsets = []
    for kind, ttl, texts in sets:
        rdatas = [dns.rdata.from_text("IN", kind, text, relativize=False).to_wire() for text in texts]
        rdtype = int(dns.rdatatype.from_text(kind))
        rrsets.append(RRset(rdtype, ttl, tuple(one for one in rdatas if one is not None)))
    return PutName(name_from_text(owner), tuple(rrsets))


@dataclass(frozen=True)
class Request:
    """As serve/ hands one over."""

    packet: bytes
    client: bytes = CLIENT
    tcp: bool = True


class Giving(Updating):
    """The zones of tests/helpers/updating.py, given to whoever asks."""

    def __init__(self, folder: Path, **more: Any) -> None:
        super().__init__(folder)
        self.given = {"allow_transfer": ("any",), "worker_count": 1, **more}
        self.folder = folder
        self.settled = True
        self.begin()

    def begin(self, **more: Any) -> None:
        """A worker's half anew, with other settings."""
        self.outgoing = Outgoing(self.backend._reader, self._settle, self.settings(**more))

    def settings(self, **more: Any) -> Settings:
        """This place's, with others among them."""
        return Settings(db_path=self.folder / "db").model_copy(update={**self.given, **more})

    @contextmanager
    def instead(self, outgoing: Outgoing) -> Iterator[None]:
        """Another worker's half for a while."""
        mine, self.outgoing = self.outgoing, outgoing
        yield
        self.outgoing = mine

    async def _settle(self) -> bool:
        return self.settled

    def wires(self, query: dns.message.Message, *, client: bytes = CLIENT, tcp: bool = True) -> list[bytes]:
        """All messages of an answer."""

        async def run() -> list[bytes]:
            answers = await self.outgoing.answer(Request(query.to_wire(), client, tcp))
            return [answers] if isinstance(answers, bytes) else [one async for one in answers]

        return asyncio.run(run())

    def told(self, query: dns.message.Message, **more: Any) -> list[dns.message.Message]:
        """The same, read."""
        return [dns.message.from_wire(wire, xfr=True, one_rr_per_rrset=True) for wire in self.wires(query, **more)]

    def rcode_of(self, query: dns.message.Message, **more: Any) -> str:
        """Of an answer that is one message."""
        (message,) = self.told(query, **more)
        assert message.answer == [] or message.rcode() == dns.rcode.NOERROR
        return dns.rcode.to_text(message.rcode())

    def records(self, query: dns.message.Message, **more: Any) -> list[Any]:
        """All records in their order."""
        messages = self.told(query, **more)
        assert {message.rcode() for message in messages} == {dns.rcode.NOERROR}
        return transfers.records(messages)

    def whole(self, zone: str = "example.") -> frozenset[transfers.Record]:
        """AXFR, as a set."""
        return transfers.contents(self.records(transfers.question(zone)))

    def change(self, *ops: NameOp, zone: str = "example.") -> int:
        """The serial afterwards."""
        serial = self.backend.apply(ChangeSet(name_from_text(zone), ops)).serial
        assert serial is not None
        return serial


@contextmanager
def giving(**more: Any) -> Iterator[Giving]:
    """One, in a folder of its own."""
    with TemporaryDirectory() as folder, Giving(Path(folder), **more) as place:
        yield place
