"""Calls about zones, their records, their past, and subtrees given away."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal, TypeVar, Unpack, cast

import msgspec

from nsblast.client.shapes import Change, Changed, Entry, Found, Further, Happened, Master, Secondary, Vzone, Zone
from nsblast.client.transport import Transport, Writing, etag_of, part

T = TypeVar("T")
Direction = Literal["forward", "backward"]


class ZoneCalls(Transport):
    """See client.Client."""

    # -- zones

    def zones(
        self, *, start: str = "", direction: Direction = "forward", limit: int = 1000, tenant: str = ""
    ) -> Iterator[Zone]:
        """Zones in canonical order after the name `start`. limit: size of a page. tenant: "*" = of all tenants."""
        return self._list("/zone", Zone, start, direction, limit, tenant, kind="verbose")

    def zone_names(self, zone: str, *, start: str = "", direction: Direction = "forward", limit: int = 1000, tenant: str = "") -> Iterator[str]:  # fmt: skip
        """Owner names of a zone in canonical order."""
        return self._list(f"/zone/{part(zone)}", str, start, direction, limit, tenant, kind="id")

    def zone_entries(self, zone: str, *, start: str = "", direction: Direction = "forward", limit: int = 1000, tenant: str = "") -> Iterator[Entry]:  # fmt: skip
        """Entries of a zone in canonical order; a write between two pages may show (export_zone is one version)."""
        return self._entries(f"/zone/{part(zone)}", start, direction, limit, tenant)

    def create_zone(self, zone: str, entry: Entry | None = None, **given: Unpack[Writing]) -> Changed:
        """Make a zone; SOA and NS that the entry does not name come from the server's default name servers."""
        return self.done("POST", f"/zone/{part(zone)}", given, entry or {})

    def put_zone(
        self, zone: str, contents: str | bytes | Iterator[bytes] | Sequence[Entry], **given: Unpack[Writing]
    ) -> Changed:
        """Make or replace a whole zone: master-file text, or entries."""
        path = f"/zone/{part(zone)}"
        text = contents.encode() if isinstance(contents, str) else contents
        if isinstance(text, bytes | Iterator):
            return self.done("PUT", path, given, None, more={"content": text, "media": "text/dns"})
        return self.done("PUT", path, given, list(text))

    def delete_zone(self, zone: str, **given: Unpack[Writing]) -> Changed:
        """Delete a zone with all that is in it."""
        return self.done("DELETE", f"/zone/{part(zone)}", given)

    def export_zone(self, zone: str, *, tenant: str = "") -> Iterator[bytes]:
        """The zone as a master file, one version of it, in pieces."""
        query = {"tenant": tenant or self.tenant}
        with self.stream(f"/zone/{part(zone)}/export", query=query, headers={"accept": "text/dns"}) as answer:
            yield from answer.iter_bytes()

    # -- records

    def entry(self, fqdn: str, *, tenant: str = "") -> Found:
        """The records of a name."""
        answer = self.request("GET", f"/rr/{part(fqdn)}", query={"tenant": tenant or self.tenant})
        entry: Any = self._value(answer, dict[str, Any])
        return Found(entry, etag_of(answer), answer.headers.get("x-zone", ""))

    def create_entry(self, fqdn: str, entry: Entry, **given: Unpack[Writing]) -> Changed:
        """Make the entry of a name that has none (errors.Taken)."""
        return self.done("POST", f"/rr/{part(fqdn)}", given, entry)

    def put_entry(self, fqdn: str, entry: Entry, **given: Unpack[Writing]) -> Changed:
        """Make or replace the entry of a name."""
        return self.done("PUT", f"/rr/{part(fqdn)}", given, entry)

    def patch_entry(self, fqdn: str, entry: Entry, *, append: bool = False, **given: Unpack[Writing]) -> Changed:
        """Merge into the entry, type by type; append: add to the values that are there. An empty value removes its type."""
        return self.done("PATCH", f"/rr/{part(fqdn)}", given, entry, append=append)

    def delete_entry(self, fqdn: str, types: Sequence[str] = (), **given: Unpack[Writing]) -> Changed:
        """Delete the entry of a name, or its records of these types."""
        path = f"/rr/{part(fqdn)}"
        return self.done("DELETE", f"{path}/{part(','.join(types))}" if types else path, given)

    def change(self, changes: Sequence[Change], *, dry_run: bool = False, wait: float = 0, tenant: str = "") -> list[Changed]:  # fmt: skip
        """Several changes; all or nothing for each zone. An ApiError's value tells how each zone fared."""
        query = {"dry_run": dry_run, "wait": wait or None, "tenant": tenant or self.tenant}
        answer = self.request("POST", "/changes", query=query, body={"changes": list(changes)})
        changed = self._value(answer, list[Changed])
        for each in changed if wait else ():
            each.replicated = self._replicated(answer)
        return changed

    # -- the past

    def zone_history(self, zone: str, *, start: str = "", direction: Direction = "backward", limit: int = 1000, user: str = "", since: str = "", until: str = "", tenant: str = "") -> Iterator[Happened]:  # fmt: skip
        """Changes of a zone, the newest first. since, until: seconds since 1970 or ISO 8601."""
        path = f"/zone/{part(zone)}/history"
        return self._list(path, Happened, start, direction, limit, tenant, user=user, since=since, until=until)

    def history(self, *, zone: str = "", start: str = "", direction: Direction = "backward", limit: int = 1000, user: str = "", since: str = "", until: str = "", tenant: str = "") -> Iterator[Happened]:  # fmt: skip
        """Changes of all zones and accounts, the newest first."""
        more = {"zone": zone, "user": user, "since": since, "until": until}
        return self._list("/history", Happened, start, direction, limit, tenant, **more)

    def revert_zone(self, zone: str, serial: int, **given: Unpack[Writing]) -> Changed:
        """Bring the contents of an earlier serial back as a new one."""
        return self.done("POST", f"/zone/{part(zone)}/revert", given, {"serial": serial})

    # -- virtual zones

    def vzones(self, *, given: bool = False, start: str = "", direction: Direction = "forward", limit: int = 1000, tenant: str = "") -> Iterator[Vzone]:  # fmt: skip
        """Virtual zones that the tenant was given; given: those that it gave away."""
        return self._list("/vzone", Vzone, start, direction, limit, tenant, kind="verbose", given=given)

    def vzone_entries(self, vzone: str, *, start: str = "", direction: Direction = "forward", limit: int = 1000, tenant: str = "") -> Iterator[Entry]:  # fmt: skip
        """Entries of a virtual zone."""
        return self._entries(f"/vzone/{part(vzone)}", start, direction, limit, tenant)

    def create_vzone(self, vzone: str, to: str, *, tenant: str = "") -> Vzone:
        """Give a subtree of a zone to tenant `to` (id or name)."""
        return self._give("POST", vzone, to, tenant)

    def put_vzone(self, vzone: str, to: str, *, tenant: str = "") -> Vzone:
        """Give a subtree, or give it to another tenant."""
        return self._give("PUT", vzone, to, tenant)

    def _give(self, method: str, vzone: str, to: str, tenant: str) -> Vzone:
        query = {"tenant": tenant or self.tenant}
        return self.ask(method, f"/vzone/{part(vzone)}", Vzone, query=query, body={"tenant": to})

    def delete_vzone(self, vzone: str, *, tenant: str = "") -> Vzone:
        """Take a subtree back; its records stay."""
        return self.ask("DELETE", f"/vzone/{part(vzone)}", Vzone, query={"tenant": tenant or self.tenant})

    # -- masters

    def master(self, zone: str, *, tenant: str = "") -> Master:
        """Where a zone is transferred from."""
        value = self.ask("GET", _master(zone), dict[str, Any], query={"tenant": tenant or self.tenant})
        return msgspec.convert(value["master"], Master)

    def create_master(self, zone: str, master: Master, **given: Unpack[Writing]) -> Changed:
        """Make a zone a secondary."""
        return self.done("POST", _master(zone), given, {"master": master})

    def set_master(self, zone: str, master: Master, **given: Unpack[Writing]) -> Changed:
        """Set the master of a zone."""
        return self.done("PUT", _master(zone), given, {"master": master})

    def patch_master(self, zone: str, members: dict[str, Any], **given: Unpack[Writing]) -> Changed:
        """Change members of Master."""
        return self.done("PATCH", _master(zone), given, {"master": members})

    def transfer_zone(
        self, zone: str, *, servers: Sequence[Further] = (), force: bool = False, tenant: str = ""
    ) -> dict[str, Any]:
        """Bring a secondary up to its masters now; force: the whole zone, whatever its serial.

        servers: to ask instead, this once; a zone that is not there is made a secondary of them.
        """
        query = {"tenant": tenant or self.tenant}
        body = {"force": force, "from": list(servers)}
        return self.ask("POST", f"/zone/{part(zone)}/transfer", dict[str, Any], query=query, body=body)

    def delete_master(self, zone: str, **given: Unpack[Writing]) -> Changed:
        """Make a secondary a primary again, with the contents it has."""
        return self.done("DELETE", _master(zone), given)

    # -- who may do what over DNS

    def access(self, zone: str, *, tenant: str = "") -> dict[str, list[str]]:
        """A zone's own rules by what they are for: query, transfer, notify, update; what is not there follows the server's settings."""
        value = self.ask("GET", _access(zone), dict[str, Any], query={"tenant": tenant or self.tenant})
        return msgspec.convert(value["access"], dict[str, list[str]])

    def set_access(self, zone: str, rules: dict[str, list[str]], **given: Unpack[Writing]) -> Changed:
        """Replace a zone's rules: addresses, networks, key:NAME, any, none."""
        return self.done("PUT", _access(zone), given, {"access": rules})

    def delete_access(self, zone: str, **given: Unpack[Writing]) -> Changed:
        """Have a zone follow the server's settings again."""
        return self.done("DELETE", _access(zone), given)

    # -- other name servers

    def zone_status(self, zone: str, *, tenant: str = "") -> dict[str, Any]:
        """A zone's state, and what its secondaries know and have."""
        return self.ask("GET", f"/zone/{part(zone)}/status", dict[str, Any], query={"tenant": tenant or self.tenant})

    def notify_zone(self, zone: str, *, tenant: str = "") -> dict[str, Any]:
        """Tell a zone's secondaries of it now; who they are."""
        return self.ask("POST", f"/zone/{part(zone)}/notify", dict[str, Any], query={"tenant": tenant or self.tenant})

    def secondaries(self, zone: str, *, tenant: str = "") -> list[Secondary] | None:
        """Whom a zone's changes are told to besides its NS set; None = those of the server's settings."""
        value = self.ask("GET", _notify(zone), dict[str, Any], query={"tenant": tenant or self.tenant})
        return msgspec.convert(value["notify"], list[Secondary] | None)

    def set_secondaries(self, zone: str, secondaries: Sequence[Secondary], **given: Unpack[Writing]) -> Changed:
        """Name them; an empty list = nobody but the NS set."""
        return self.done("PUT", _notify(zone), given, {"notify": list(secondaries)})

    def delete_secondaries(self, zone: str, **given: Unpack[Writing]) -> Changed:
        """Leave them to the server's settings."""
        return self.done("DELETE", _notify(zone), given)

    # -- catalogs (RFC 9432)

    def catalog(self, zone: str, *, tenant: str = "") -> dict[str, Any]:
        """What a catalog zone is set up as: {role, of} or {role, template, groups}."""
        value = self.ask("GET", _config(zone, "catalog"), dict[str, Any], query={"tenant": tenant or self.tenant})
        return msgspec.convert(value["catalog"], dict[str, Any])

    def set_catalog(self, zone: str, catalog: dict[str, Any], **given: Unpack[Writing]) -> Changed:
        """Make a zone a catalog: {"role": "producer", "of": "all" | "tenant" | "named"}, or {"role": "consumer"}."""
        return self.done("PUT", _config(zone, "catalog"), given, {"catalog": catalog})

    def delete_catalog(self, zone: str, **given: Unpack[Writing]) -> Changed:
        """Make a catalog an ordinary zone; what it holds, and the zones it made, stay."""
        return self.done("DELETE", _config(zone, "catalog"), given)

    def catalog_status(self, zone: str, *, tenant: str = "") -> dict[str, Any]:
        """How a catalog fares: role, state, problem, and of one that is followed serial and clashes."""
        return self.ask("GET", f"/zone/{part(zone)}/catalog", dict[str, Any], query={"tenant": tenant or self.tenant})

    def members(self, zone: str, *, start: str = "", limit: int = 1000, tenant: str = "") -> Iterator[dict[str, Any]]:
        """Members of a catalog by label: zone, label, groups, coo."""
        return self._list(f"/zone/{part(zone)}/members", dict, start, "forward", limit, tenant)

    def membership(self, zone: str, *, tenant: str = "") -> dict[str, Any]:
        """In which catalogs a zone is: catalogs, group, coo, as far as they were set."""
        value = self.ask("GET", _config(zone, "membership"), dict[str, Any], query={"tenant": tenant or self.tenant})
        return msgspec.convert(value["membership"], dict[str, Any])

    def set_membership(self, zone: str, membership: dict[str, Any], **given: Unpack[Writing]) -> Changed:
        """Set them all."""
        return self.done("PUT", _config(zone, "membership"), given, {"membership": membership})

    def delete_membership(self, zone: str, **given: Unpack[Writing]) -> Changed:
        """Leave it to the catalogs."""
        return self.done("DELETE", _config(zone, "membership"), given)

    def _entries(self, path: str, start: str, direction: Direction, limit: int, tenant: str) -> Iterator[Entry]:
        # As they are: msgspec would drop the members that Entry does not name.
        return cast(Iterator[Entry], self._list(path, dict, start, direction, limit, tenant, kind="verbose"))

    def _list(
        self, path: str, shape: type[T], start: str, direction: Direction, limit: int, tenant: str, /, **more: Any
    ) -> Iterator[T]:
        query = {"from": start, "direction": direction, "limit": limit, "tenant": tenant or self.tenant, **more}
        return self.pages(path, shape, query)


def _master(zone: str) -> str:
    return f"/config/{part(zone)}/master"


def _notify(zone: str) -> str:
    return f"/config/{part(zone)}/notify"


def _config(zone: str, what: str) -> str:
    return f"/config/{part(zone)}/{what}"


def _access(zone: str) -> str:
    return f"/config/{part(zone)}/access"
