"""An open store that takes UPDATE messages, without processes: what control does with a message a worker handed over."""

import asyncio
import base64
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.update

from nsblast._core.rrset import unpack_entry
from nsblast.access.changes import AccountChange, Put
from nsblast.access.records_v1 import FIRST_TENANT, Account, Tenant, TsigKey
from nsblast.backend.local import LocalBackend
from nsblast.backend.store import open_for_command
from nsblast.records import name_from_text, to_text, type_name
from nsblast.settings import Settings
from nsblast.store.values_v1 import ZoneKind
from nsblast.transfer.update import Updates
from nsblast.zones.collect import read_zone
from nsblast.zones.model import ChangeSet, DeleteZone, ReplaceZone

SECRET = bytes(range(32))
CLIENT = bytes((192, 0, 2, 99))
APEX = "example."
ZONE = """\
$ORIGIN example.
@     300 IN SOA ns1 hostmaster 100 3600 600 86400 60
@     300 IN NS ns1
@     300 IN NS ns2
@     300 IN MX 10 mail
ns1   300 IN A 192.0.2.1
ns2   300 IN A 192.0.2.2
mail  300 IN A 192.0.2.3
www   300 IN A 192.0.2.10
www   300 IN A 192.0.2.11
www   300 IN TXT "one"
alias 300 IN CNAME www
a.b   300 IN TXT "below an empty non-terminal"
cut   300 IN NS ns.elsewhere.test.
"""
CHILD = """\
$ORIGIN child.example.
@ 300 IN SOA ns1 hostmaster 7 3600 600 86400 60
@ 300 IN NS ns1
ns1 300 IN A 192.0.2.77
"""


def key(name: str = "key.test.", **more: Any) -> TsigKey:
    """A key that may update."""
    given: dict[str, Any] = {"tenant": FIRST_TENANT, "name": name, "algorithm": "hmac-sha256", "secret": SECRET}
    return TsigKey(**{**given, "update": True, **more})


def tsig_of(record: TsigKey) -> dns.tsig.Key:
    """As a client has it."""
    return dns.tsig.Key(record.name, base64.b64encode(record.secret).decode(), record.algorithm)


class Updating:
    """example. and its child child.example., and a key for both."""

    def __init__(self, folder: Path) -> None:
        settings = Settings(db_path=folder / "db")
        self.backend: LocalBackend = open_for_command(settings, create=True)
        self.accounts = self.backend.accounts
        self.rules: dict[Any, tuple[str, ...]] = {}
        self.updates = Updates(self.backend, self.accounts, lambda: self.rules)
        self.key = key()
        self.account(Tenant(id=FIRST_TENANT, name="first"))
        self.account(self.key)
        self.reset()

    def __enter__(self) -> "Updating":
        return self

    def __exit__(self, _a: type[BaseException] | None, _b: BaseException | None, _c: TracebackType | None) -> None:
        self.backend.close()

    def reset(self, text: str = ZONE) -> None:
        """The zones as they are here, made anew, and no default rule."""
        self.rules.clear()
        for apex in (APEX, "child.example."):
            if self.backend.zone(name_from_text(apex)) is not None:
                self.backend.apply(ChangeSet(name_from_text(apex), (DeleteZone(),)))
        for apex, content in ((APEX, text), ("child.example.", CHILD)):
            self.zone(apex, content)

    def zone(self, apex: str, text: str, **more: Any) -> None:
        """Make or replace a zone."""
        wire = name_from_text(apex)
        entries = [(key, blob) for key, _, blob in read_zone(text.encode(), wire).entries()]
        self.backend.apply(ChangeSet(wire, (ReplaceZone(entries, kind=more.pop("kind", ZoneKind.PRIMARY), **more),)))

    def account(self, *records: Account) -> None:
        """Put account records."""
        self.accounts.apply(AccountChange(tuple(Put(record) for record in records), actor="test"))

    def wire(self, packet: bytes, client: bytes = CLIENT, *, tcp: bool = True) -> bytes:
        """The answer to any octets."""
        return asyncio.run(self.updates.serve(packet, client, tcp))

    def send(
        self,
        message: dns.message.Message,
        client: bytes = CLIENT,
        *,
        sign: TsigKey | bool | None = True,
        tcp: bool = True,
    ) -> dns.message.Message:
        """The answer to a message, its signature checked."""
        record = self.key if sign is True else sign or None
        keyring = None
        if record is not None:
            keyring = {dns.name.from_text(record.name): tsig_of(record)}
            message.use_tsig(tsig_of(record))
        answer = self.wire(message.to_wire(max_size=65535), client, tcp=tcp)
        told = dns.message.from_wire(answer, keyring=keyring, request_mac=message.mac)
        assert told.id == message.id
        assert told.flags & dns.flags.QR
        return told

    def rcode(self, message: dns.message.Message, client: bytes = CLIENT, **more: Any) -> str:
        """Only the response code's name."""
        return dns.rcode.to_text(self.send(message, client, **more).rcode())

    def shows(self, name: str, apex: str = APEX) -> list[str]:
        """What a name has, as "TTL TYPE rdata", sorted."""
        entry = self.backend.entry(name_from_text(name), apex.count("."))
        if entry is None:
            return []
        return sorted(
            f"{ttl} {type_name(rrtype)} {to_text(rrtype, rdata)}"
            for rrtype, ttl, rdatas in unpack_entry(entry.blob).rrsets
            for rdata in rdatas
        )

    def serial(self, apex: str = APEX) -> int:
        """The zone's."""
        record = self.backend.zone(name_from_text(apex))
        assert record is not None
        return record.serial

    def actor(self) -> tuple[str, str]:
        """Who made the zone's last change, and from where."""
        last = next(iter(self.backend.history(name_from_text(APEX), limit=1)))
        return last.actor, last.address


def update(zone: str = APEX) -> dns.update.UpdateMessage:
    """An empty message."""
    return dns.update.UpdateMessage(zone)


@contextmanager
def updating() -> Iterator[Updating]:
    """One, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder, Updating(Path(folder)) as place:
        yield place
