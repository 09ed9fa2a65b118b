"""Change-sets and what comes of them as MessagePack values, both directions: what crosses the control socket.

An operation is a map with its kind's name under "op". Contents of ReplaceZone cross when they are few: a list of entries. Any other
stream of them goes through a spool file in the database folder (spool.py), whose name stands in its place.
A guard is code and cannot cross; ValueError.
"""

from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import Any, TypeVar

import msgspec

from nsblast.errors import InputError
from nsblast.store.values_v1 import ZoneKind
from nsblast.zones.model import (
    AppendRRs,
    ChangeSet,
    ConfigureZone,
    CreateZone,
    DeleteName,
    DeleteRRs,
    DeleteTypes,
    DeleteZone,
    MergeRRsets,
    Op,
    PutName,
    ReplaceZone,
    Result,
    RevertZone,
)

Entries = Iterable[tuple[bytes, bytes]]
INLINE_OCTETS = 256 << 10
"""Entries up to this cross the socket themselves."""
_KINDS: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        CreateZone,
        DeleteZone,
        ConfigureZone,
        ReplaceZone,
        RevertZone,
        PutName,
        MergeRRsets,
        AppendRRs,
        DeleteRRs,
        DeleteTypes,
        DeleteName,
    )
}
_Kind = TypeVar("_Kind")
_PLAIN = ("apex", "actor", "address", "comment", "time", "dry_run")


def change_to_wire(change: ChangeSet, spool: Callable[[Entries], str]) -> dict[str, Any]:
    """For the socket; spool writes entries to a file and names it."""
    if change.guard is not None:
        raise ValueError("a guard cannot cross the control socket")
    plain = {name: getattr(change, name) for name in _PLAIN}
    return {**plain, "ops": [_op_to_wire(op, spool) for op in change.ops]}


def change_from_wire(data: dict[str, Any], unspool: Callable[[str], Entries]) -> ChangeSet:
    """From the socket; InputError when it is none."""
    try:
        ops = tuple(_op_from_wire(op, unspool) for op in data["ops"])
        return _convert({name: data[name] for name in _PLAIN} | {"ops": ()}, _Plain).whole(ops)
    except (KeyError, TypeError, msgspec.ValidationError) as error:
        raise InputError(f"not a change-set: {error}") from None


def result_from_wire(data: Any) -> Result:
    """From the socket, on which a Result crosses as msgspec encodes it."""
    return msgspec.convert(data, Result)


def _convert(value: Any, kind: type[_Kind]) -> _Kind:
    """Octets are octets: without builtin_types msgspec would read text as base64."""
    return msgspec.convert(value, kind, builtin_types=(bytes,))


class _Plain(msgspec.Struct):
    """A ChangeSet without its operations, as msgspec checks it."""

    apex: bytes
    ops: tuple[()]
    actor: str = ""
    address: str = ""
    comment: str = ""
    time: float | None = None
    dry_run: bool = False

    def whole(self, ops: tuple[Op, ...]) -> ChangeSet:
        return ChangeSet(
            self.apex,
            ops,
            actor=self.actor,
            address=self.address,
            comment=self.comment,
            time=self.time,
            dry_run=self.dry_run,
        )


def _op_to_wire(op: Op, spool: Callable[[Entries], str]) -> dict[str, Any]:
    values = {field.name: getattr(op, field.name) for field in fields(op)}
    if isinstance(op, ReplaceZone):
        few = isinstance(op.entries, list) and sum(len(key) + len(blob) for key, blob in op.entries) <= INLINE_OCTETS
        values["entries"] = op.entries if few else spool(op.entries)
    plain: dict[str, Any] = msgspec.to_builtins(values, builtin_types=(bytes,))
    return {**plain, "op": type(op).__name__}


def _op_from_wire(data: dict[str, Any], unspool: Callable[[str], Entries]) -> Op:
    values = dict(data)
    kind = _KINDS[values.pop("op")]
    if kind is ReplaceZone:
        given = values.pop("entries")
        entries = unspool(given) if isinstance(given, str) else _convert(given, list[tuple[bytes, bytes]])
        # Converted empty, because msgspec would read a stream whole; the dataclass is frozen, so it is made once more.
        checked: ReplaceZone = _convert({**values, "entries": []}, _Replace).whole(entries)
        return checked
    op: Op = _convert(values, kind)
    return op


class _Replace(msgspec.Struct):
    """A ReplaceZone without its entries."""

    entries: tuple[()]
    create: bool
    keep_serial: bool
    kind: ZoneKind
    tenant: str
    settings: dict[str, Any]

    def whole(self, entries: Entries) -> ReplaceZone:
        return ReplaceZone(entries, self.create, self.keep_serial, self.kind, self.tenant, self.settings)
