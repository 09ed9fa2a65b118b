"""An open store with catalogs, without processes: what control does with them, one step at a time."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nsblast._core.rrset import unpack_entry
from nsblast.access.changes import AccountChange, Put
from nsblast.access.records_v1 import FIRST_TENANT, Tenant
from nsblast.backend.store import open_for_command
from nsblast.records import from_text, name_from_text, name_to_text, to_text, type_name
from nsblast.settings import Settings
from nsblast.store import layout
from nsblast.store.values_v1 import ZoneKind, ZoneRecord
from nsblast.transfer.catalog_consumer import Following
from nsblast.transfer.catalog_producer import Making
from nsblast.zones.collect import read_zone
from nsblast.zones.model import ChangeSet, ConfigureZone, CreateZone, DeleteZone, PutName, ReplaceZone, Result, RRset

CATALOG = "cat.test."
MASTER = {"hostname": "192.0.2.1", "port": 53, "tsig": ""}
OTHER = "11111111-1111-1111-1111-111111111111"


class Place:
    """A store, and what makes and follows catalogs in it."""

    def __init__(self, folder: Path) -> None:
        self.backend = open_for_command(Settings(db_path=folder / "db"), create=True)
        self.accounts = self.backend.accounts
        self.reader = self.backend._reader
        for ident, name in ((FIRST_TENANT, "first"), (OTHER, "other")):
            self.accounts.apply(AccountChange((Put(Tenant(id=ident, name=name)),), actor="test"))

    def listen(self, listener: Any) -> None:
        """To be told of commits."""
        writer: Any = self.backend._writer
        writer.listen(listener)

    # -- zones

    def zone(self, name: str, **more: Any) -> Result:
        """A new zone with SOA and NS."""
        return self.backend.apply(_zone(name, **more))

    def zones(self, names: Iterable[str]) -> None:
        """Many of them, in few commits."""
        for future in [self.backend.submit(_zone(name)) for name in names]:
            future.result()

    def set(self, name: str, **settings: Any) -> None:
        """Settings of a zone; None takes one away."""
        record = self.record(name)
        assert record is not None
        now = {key: value for key, value in {**record.settings, **settings}.items() if value is not None}
        self.backend.apply(ChangeSet(name_from_text(name), (ConfigureZone(None, None, now),)))

    def drop(self, name: str) -> None:
        """The zone goes."""
        self.backend.apply(ChangeSet(name_from_text(name), (DeleteZone(),)))

    def record(self, name: str) -> ZoneRecord | None:
        """A zone's."""
        return self.backend.zone(name_from_text(name))

    def shows(self, apex: str = CATALOG, below: str = "") -> dict[str, list[str]]:
        """Names of a zone below its apex, relative, each with "TYPE rdata"."""
        wire = name_from_text(apex)
        found = {}
        for owner, blob in self.backend.entries(wire):
            rrsets = [
                f"{type_name(t)} {to_text(t, each)}" for t, _, rdatas in unpack_entry(blob).rrsets for each in rdatas
            ]
            name = name_to_text(owner).removesuffix("." + apex)
            if rrsets and owner != wire and name.endswith(below):
                found[name] = rrsets
        return found

    def members(self, apex: str = CATALOG) -> dict[str, str]:
        """Names of members of a catalog, and their labels."""
        return {
            rrsets[0].removeprefix("PTR "): name.split(".")[0]
            for name, rrsets in self.shows(apex).items()
            if name.endswith(".zones") and name.count(".") == 1
        }

    def settings(self, name: str) -> dict[str, Any]:
        """A zone's settings; {} when there is none."""
        record = self.record(name)
        return record.settings if record is not None else {}

    # -- made here

    def last(self) -> int:
        """The last commit."""
        return self.reader.position

    def making(self, apex: str = CATALOG, of: str = "all", **more: Any) -> Making:
        """A new catalog that is made here, brought up."""
        self.zone(apex, settings={"catalog": {"role": "producer", "of": of}}, **more)
        return self.again(apex)

    def again(self, apex: str = CATALOG) -> Making:
        """As after a restart."""
        made = Making(self.backend, self.reader, name_from_text(apex))
        made.bring_up(self.last())
        return made

    # -- followed

    def transferred(self, lines: Iterable[str], apex: str = CATALOG, *, version: str | None = '"2"') -> None:
        """A new version of a catalog that is followed, as a transfer leaves it."""
        wire = name_from_text(apex)
        record = self.backend.zone(wire)
        serial = record.serial + 1 if record is not None else 1
        text = f"$ORIGIN {apex}\n$TTL 0\n@ SOA . . {serial} 1 1 1 1\n@ NS invalid.\n"
        if version is not None:
            text += f"version TXT {version}\n"
        text += "".join(f"{line}\n" for line in lines)
        entries = [(key, blob) for key, _, blob in read_zone(text.encode(), wire).entries()]
        self.backend.apply(ChangeSet(wire, (ReplaceZone(entries, create=False, keep_serial=True),), inbound=True))

    def following(self, apex: str = CATALOG, tenant: str = "", **settings: Any) -> Following:
        """A new catalog that is followed, without contents."""
        given = {"catalog": {"role": "consumer", **settings}, "master": MASTER}
        wire = name_from_text(apex)
        self.backend.apply(ChangeSet(wire, (CreateZone(ZoneKind.SECONDARY, tenant, given),)))
        return Following(self.backend, self.reader, self.accounts, wire)

    def marked(self) -> list[str]:
        """Zones that the store's mark says are catalogs."""
        low, high = layout.CATALOG, layout.after(layout.CATALOG)
        return [name_to_text(layout.catalog_of(key)) for key, _ in self.reader.database.range(low, high)]

    def close(self) -> None:
        """Let go."""
        self.backend.close()


def _zone(name: str, **more: Any) -> ChangeSet:
    soa = RRset(6, 60, (from_text(6, "ns.example. h.example. 1 2 3 4 5"),))
    ns = RRset(2, 60, (from_text(2, "invalid."),))
    apex = name_from_text(name)
    return ChangeSet(apex, (CreateZone(**more), PutName(apex, (soa, ns))))


@contextmanager
def catalogs() -> Iterator[Place]:
    """One, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        try:
            yield place
        finally:
            place.close()
