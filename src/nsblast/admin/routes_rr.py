"""Endpoints of one name: /rr/{fqdn} and /rr/{fqdn}/{types}.

Owns: what POST, PUT, PATCH and DELETE of an entry mean. Never: JSON of entries (entries.py), rules of zones.
What depends on the entry as it is (presence, If-Match, which permission is needed, the merge) is asked inside the commit, so that of
two racing requests each sees what the other did.
"""

from collections.abc import Iterable

from nsblast._core.name import fold
from nsblast._core.rrset import unpack_entry
from nsblast.access.permissions import Permission
from nsblast.admin.calls import Acting, Answer, Appending, Call, Changing, Endpoint
from nsblast.admin.entries import NS, RRSIG, SOA, Given, read, type_member, type_numbers
from nsblast.admin.entry_form import EntryForm
from nsblast.admin.entry_show import etag_of, show
from nsblast.admin.reach import check_match, commit, demand_primary, found, guard_of, name_given, name_in, told
from nsblast.errors import Conflict, Forbidden, InputError, NotFound
from nsblast.records import name_to_text
from nsblast.types import Wire
from nsblast.zones.model import EditName, RRset

_APEX_CUTS = frozenset((39,))
_CUTS = _APEX_CUTS | {2}
"""DNAME and NS: what lies below them is no longer answered from the zone."""
CREATE, UPDATE = (Permission.CREATE_RR,), (Permission.CREATE_RR, Permission.UPDATE_RR)


class NameEdit:
    """One change of one name, as it is applied inside a commit; afterwards it knows what there was and is."""

    def __init__(self, call: Call, zone: Wire, owner: Wire, method: str, given: Given, *, append: bool = False) -> None:
        self._call = call
        self._zone = zone
        self._name = fold(owner)
        self._method = method
        self._given = given
        self._append = append
        self.existed = False
        self.etag: str | None = None
        self._owner = owner

    def op(self) -> EditName:
        """What is to be committed. Not kept: the two would hold each other until garbage is collected."""
        return EditName(self._owner, self._edit, spell=self._method in ("POST", "PUT"))

    def demand_any(self) -> None:
        """Forbidden when no permission that this could need is there: told before anything about the name is."""
        wanted = (Permission.DELETE_RR,) if self._method == "DELETE" else CREATE if self._method == "POST" else UPDATE
        actor, types = self._call.actor, self._given.types() or None
        if not any(actor.may(permission, self._name, types) for permission in wanted):
            actor.demand(wanted[-1], self._name, types)

    def _edit(self, had: tuple[RRset, ...]) -> Iterable[RRset]:
        call = self._call
        self.existed = bool(had)
        if b"if-match" in call.headers:
            check_match(call, etag_of(had) if had else None, self._name)
        if self._method == "POST" and had:
            raise Conflict(f"there is something at {name_to_text(self._name)} already")
        if self._method == "PATCH":
            merge = self._given.appended if self._append else self._given.merged
            fresh = merge(self._zone, had)
        else:
            fresh = self._given.replaced(self._zone, had)
            if not any(rrset.rdatas for rrset in fresh):
                raise InputError(f"the entry of {name_to_text(self._name)} names no record")
        fresh = [rrset for rrset in fresh if rrset.rdatas]
        if not had and not fresh:
            raise NotFound(f"there is nothing at {name_to_text(self._name)}")
        changed = {rrtype for rrtype, _, _ in _sets(had) ^ _sets(fresh)}
        needed = Permission.UPDATE_RR if had else Permission.CREATE_RR
        call.actor.demand(needed, self._name, changed)
        cuts = changed & {rrset.type for rrset in fresh} & (_CUTS if self._name != self._zone else _APEX_CUTS)
        if cuts:
            call.accounts.demand_cut(call.actor, self._zone, self._name)
        self.etag = etag_of(fresh) if fresh else None
        return fresh


def _sets(rrsets: Iterable[RRset]) -> set[tuple[int, int, frozenset[bytes]]]:
    return {(rrtype, ttl, frozenset(rdatas)) for rrtype, ttl, rdatas in rrsets}


async def get_rr(call: Call) -> Answer:
    """GET /rr/{fqdn}."""
    name = fold(name_in(call, "fqdn"))
    owner = call.accounts.demand_name(call.actor, name)
    seen = call.actor.types_of(Permission.READ_RR, name)
    if seen is not None and not seen:
        call.actor.demand(Permission.READ_RR, name)
    entry = call.site.backend.entry(name)
    data = unpack_entry(entry.blob) if entry is not None else None
    rrsets = [one for one in data.rrsets if seen is None or one[0] in seen] if data is not None else []
    if data is None or not rrsets:
        raise NotFound(f"there is nothing at {name_to_text(name)}")
    headers = {"x-zone": name_to_text(owner.zone)} if owner is not None else None
    return Answer(show(rrsets, data.spelling or name), etag=etag_of(data.rrsets), headers=headers)


async def _change(call: Call, method: str, *, append: bool = False) -> Answer:
    owner = name_in(call, "fqdn")
    name = fold(owner)
    form: EntryForm | None = call.body
    if form is None:
        raise InputError("body: an entry is needed")
    if isinstance(form.fqdn, str) and fold(name_given(form.fqdn, "fqdn")) != name:
        raise InputError(f"fqdn: {form.fqdn!r} is not {name_to_text(name)}")
    whose = call.accounts.demand_name(call.actor, name)
    zone = whose.zone if whose is not None else b"\0"
    edit = NameEdit(call, zone, owner, method, read(form, zone), append=append)
    edit.demand_any()
    record = found(whose, name).record
    demand_primary(record, zone)
    if method == "POST" and name == zone:
        raise InputError(f"{name_to_text(name)} is the apex of a zone: its entry is changed, not made")
    result = await commit(call, zone, [edit.op()], guard_of(call, zone, record))
    return await told(call, result, status=200 if edit.existed else 201, etag=edit.etag)


async def post_rr(call: Call) -> Answer:
    """POST /rr/{fqdn}."""
    return await _change(call, "POST")


async def put_rr(call: Call) -> Answer:
    """PUT /rr/{fqdn}."""
    return await _change(call, "PUT")


async def patch_rr(call: Call) -> Answer:
    """PATCH /rr/{fqdn}."""
    return await _change(call, "PATCH", append=call.query.append)


def without_types(
    call: Call, name: Wire, types: list[int] | None, *, apex: bool, tags: list[str] | None = None
) -> EditName:
    """The deletion of a name, or of some of its types; tags gets the ETag of what is left."""
    shown = name_to_text(name)

    def edit(had: tuple[RRset, ...]) -> Iterable[RRset]:
        if not had:
            raise NotFound(f"there is nothing at {shown}")
        check_match(call, etag_of(had), name)
        if types is None:
            call.actor.demand(Permission.DELETE_RR, name, {rrset.type for rrset in had})
            return ()
        left = [rrset for rrset in had if not _goes(rrset, types)]
        if len(left) == len(had):
            raise NotFound(f"there is no {', '.join(type_member(number) for number in types)} at {shown}")
        if tags is not None and left:
            tags.append(etag_of(left))
        return left

    if apex and types is None:
        raise InputError(f"{shown}: the apex cannot be deleted, only its zone")
    for number in (SOA, NS) if apex and types is not None else ():
        if types is not None and number in types:
            raise InputError(f"{shown}: the apex's {type_member(number)} cannot be deleted")
    return EditName(name, edit)


def _goes(rrset: RRset, types: list[int]) -> bool:
    """A type goes with the signatures that cover it."""
    covers = rrset.type == RRSIG and int.from_bytes(rrset.rdatas[0][:2], "big") in types
    return rrset.type in types or covers


async def delete_rr(call: Call) -> Answer:
    """DELETE /rr/{fqdn} and /rr/{fqdn}/{types}."""
    name = fold(name_in(call, "fqdn"))
    types = type_numbers(call.path["types"]) if "types" in call.path else None
    whose = call.accounts.demand_name(call.actor, name)
    if types is not None:
        call.actor.demand(Permission.DELETE_RR, name, types)
    elif call.actor.types_of(Permission.DELETE_RR, name) == frozenset():
        raise Forbidden(f"DELETE_RR is not permitted to {call.actor.name} for {name_to_text(name)}")
    owner = found(whose, name)
    zone, record = owner.zone, owner.record
    demand_primary(record, zone)
    tags: list[str] = []
    op = without_types(call, name, types, apex=name == zone, tags=tags)
    result = await commit(call, zone, [op], guard_of(call, zone, record))
    return await told(call, result, etag=tags[0] if tags else None)


_WRITES = {404: "the name lies in no zone here", 409: "the zone is a secondary", 412: "If-Match does not hold"}
ENDPOINTS = (
    Endpoint(
        method="GET", path="/rr/{fqdn}", handler=get_rr, query=Acting, tag="records", value=EntryForm,
        summary="The records of a name",
        answers={200: "the entry", 304: "If-None-Match names its ETag", 404: "there is nothing at the name"},
    ),
    Endpoint(
        method="POST", path="/rr/{fqdn}", handler=post_rr, query=Changing, body=EntryForm, tag="records",
        summary="Make the entry of a name",
        answers={200: "dry run", 201: "made", **_WRITES, 409: "there is one already, or the zone is a secondary"},
    ),
    Endpoint(
        method="PUT", path="/rr/{fqdn}", handler=put_rr, query=Changing, body=EntryForm, tag="records",
        summary="Make or replace the entry of a name", answers={200: "replaced, or dry run", 201: "made", **_WRITES},
    ),
    Endpoint(
        method="PATCH", path="/rr/{fqdn}", handler=patch_rr, query=Appending, body=EntryForm, tag="records",
        summary="Merge into the entry of a name, type by type; an empty value removes its type",
        answers={200: "changed, or dry run", 201: "made", **_WRITES},
    ),
    Endpoint(
        method="DELETE", path="/rr/{fqdn}", handler=delete_rr, query=Changing, tag="records",
        summary="Delete the entry of a name", answers={200: "deleted", **_WRITES, 404: "there is nothing at the name"},
    ),
    Endpoint(
        method="DELETE", path="/rr/{fqdn}/{types}", handler=delete_rr, query=Changing, tag="records",
        summary="Delete records by type (a comma list)", answers={200: "deleted", **_WRITES, 404: "none of them is there"},
    ),
)  # fmt: skip
