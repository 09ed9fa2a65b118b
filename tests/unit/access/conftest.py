"""An open store with accounts, as a command has it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nsblast._core.name import fold
from nsblast.access.accounts import Accounts
from nsblast.access.changes import AccountChange, AccountResult, Op, Put
from nsblast.access.index import Index
from nsblast.access.permissions import Permission
from nsblast.access.records_v1 import FIRST_TENANT, Role, Tenant, User
from nsblast.access.rules import AccountRules
from nsblast.backend.rules import AllRules
from nsblast.records import from_text, name_from_text
from nsblast.store.engine import Database
from nsblast.store.reader import StoreReader
from nsblast.store.writer import Committer
from nsblast.types import Wire
from nsblast.zones.model import ChangeSet, CreateZone, DeleteZone, PutName, RRset

OTHER = "11111111-1111-1111-1111-111111111111"
THIRD = "22222222-2222-2222-2222-222222222222"
EVERY = [str(permission) for permission in Permission]


def wire(text: str) -> Wire:
    """A name in lower case."""
    return fold(name_from_text(text))


class Place:
    """One open database."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = Database.primary(path)
        self.index = Index(self.database)
        self.reader = StoreReader(self.database)
        self.committer = Committer(self.database, AllRules(AccountRules(lambda: self.index)))
        self.committer.start()
        self.accounts = Accounts(self.index, self.reader, self.committer.submit)

    def do(self, *ops: Op, **more: object) -> AccountResult:
        """One change."""
        return self.accounts.apply(AccountChange(ops, **{"actor": "test", "address": "192.0.2.1", **more}))  # type: ignore[arg-type]

    def tenants(self) -> None:
        """The first tenant and two others, each with a role "all" and a user called like the tenant."""
        for ident, name in ((FIRST_TENANT, "nsblast"), (OTHER, "other"), (THIRD, "third")):
            self.do(
                Put(Tenant(id=ident, name=name, allowed=EVERY)),
                Put(Role(tenant=ident, name="all", permissions=EVERY)),
                Put(User(tenant=ident, name=name, roles=["all"])),
            )

    def zone(self, name: str, tenant: str = "") -> None:
        """A zone with SOA and NS."""
        apex = wire(name)
        soa = RRset(6, 60, (from_text(6, "ns.example. h.example. 1 2 3 4 5"),))
        put = PutName(apex, (soa, RRset(2, 60, (from_text(2, "ns.example."),))))
        self.committer.apply(ChangeSet(apex, (CreateZone(tenant=tenant), put)))

    def drop_zone(self, name: str) -> None:
        """It goes."""
        self.committer.apply(ChangeSet(wire(name), (DeleteZone(),)))

    def close(self) -> None:
        """Let go."""
        self.committer.close()
        self.database.close()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """With three tenants."""
    opened = Place(tmp_path / "db")
    opened.tenants()
    yield opened
    opened.close()
