"""TSIG keys for commands: of an open store, or of the running server over its control socket.

Owns: what commands may ask of keys, both ends of that on the control socket. Never: the admin API's way (cli/over_http.py's
company), what a key may do (transfer/). Secrets cross the control socket: whoever may open it may read the database.
Keys from files of the settings are theirs: nobody else changes them.
"""

from collections.abc import Iterator
from typing import Any, Protocol

import msgspec

from nsblast.access.accounts import Accounts
from nsblast.access.changes import AccountChange, Delete, Put
from nsblast.access.may import ALL_TENANTS
from nsblast.access.records_v1 import FIRST_TENANT, Tenant, TsigKey
from nsblast.backend import Backend
from nsblast.backend.local import LocalBackend
from nsblast.backend.remote import user_of, whoami
from nsblast.control import Handler, Peer
from nsblast.errors import Conflict, Denied, NotFound
from nsblast.zones.model import Expect

_PAGE = 500


class Keys(Protocol):
    """What may be asked. Names are absolute, lower case, with final dot; tenants are ids or names, "" = the first one."""

    def all(self, tenant: str = ALL_TENANTS) -> Iterator[TsigKey]:
        """By name."""

    def get(self, name: str) -> TsigKey | None:
        """None when there is none."""

    def put(self, record: TsigKey, *, replace: bool = False) -> TsigKey:
        """Store it, its tenant resolved; Conflict when there is one, unless it may be replaced."""

    def delete(self, name: str) -> None:
        """NotFound when there is none."""


class LocalKeys:
    """Of an open store."""

    def __init__(self, accounts: Accounts, actor: str = "") -> None:
        self._accounts = accounts
        self._actor = actor or whoami()

    def all(self, tenant: str = ALL_TENANTS) -> Iterator[TsigKey]:
        """See Keys."""
        return self._accounts.tsig_keys(tenant if tenant == ALL_TENANTS else self._tenant(tenant).id)

    def get(self, name: str) -> TsigKey | None:
        """See Keys."""
        return self._accounts.tsig_key(name)

    def put(self, record: TsigKey, *, replace: bool = False) -> TsigKey:
        """See Keys."""
        had = self._accounts.tsig_key(record.name)
        if had is not None:
            free(had)
        record = msgspec.structs.replace(record, tenant=self._tenant(record.tenant).id, source="")
        expect = Expect.ANY if replace else Expect.ABSENT
        self._accounts.apply(AccountChange((Put(record, expect),), actor=self._actor))
        return self._accounts.tsig_key(record.name) or record

    def delete(self, name: str) -> None:
        """See Keys."""
        had = self._accounts.tsig_key(name)
        if had is not None:
            free(had)
        self._accounts.apply(AccountChange((Delete(TsigKey, name),), actor=self._actor))

    def _tenant(self, ident: str) -> Tenant:
        found = self._accounts.tenant(ident or FIRST_TENANT)
        if found is None and not ident:
            raise NotFound("the database has no accounts yet: start the server once, or run nsblast reset-auth")
        if found is None:
            raise NotFound(f"there is no tenant {ident}", kind="tenant", name=ident)
        return found


def free(record: TsigKey) -> None:
    """Denied when a key is the settings'."""
    if record.source:
        raise Denied(
            f"the key {record.name} comes from {record.source}, which the setting key_files names: change it there"
        )


class RemoteKeys:
    """Of the running server."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def all(self, tenant: str = ALL_TENANTS) -> Iterator[TsigKey]:
        """See Keys."""
        after = ""
        while page := self._backend.command("keys", tenant=tenant, after=after):
            for each in page:
                record = msgspec.convert(each, TsigKey)
                after = record.name
                yield record

    def get(self, name: str) -> TsigKey | None:
        """See Keys."""
        found = self._backend.command("key", name=name)
        return None if found is None else msgspec.convert(found, TsigKey)

    def put(self, record: TsigKey, *, replace: bool = False) -> TsigKey:
        """See Keys."""
        return msgspec.convert(self._backend.command("key_put", record=_plain(record), replace=replace), TsigKey)

    def delete(self, name: str) -> None:
        """See Keys."""
        self._backend.command("key_delete", name=name)


def keys_of(backend: Backend) -> Keys:
    """Those of a backend that is not the admin API's."""
    return LocalKeys(backend.accounts) if isinstance(backend, LocalBackend) else RemoteKeys(backend)


def operations(accounts: Accounts) -> dict[str, Handler]:
    """What the server does for RemoteKeys."""

    def keys(peer: Peer) -> LocalKeys:
        return LocalKeys(accounts, user_of(peer.uid))

    def page(args: dict[str, Any], peer: Peer) -> Any:
        found = []
        after = str(args.get("after", ""))
        for record in keys(peer).all(str(args.get("tenant", ALL_TENANTS))):
            if record.name > after:
                found.append(_plain(record))
            if len(found) == _PAGE:
                break
        return found

    def get(args: dict[str, Any], peer: Peer) -> Any:
        found = keys(peer).get(str(args["name"]))
        return None if found is None else _plain(found)

    def put(args: dict[str, Any], peer: Peer) -> Any:
        try:
            record = msgspec.convert(args["record"], TsigKey)
        except msgspec.ValidationError as error:
            raise Conflict(f"not a key as this server knows it: {error}") from None
        return _plain(keys(peer).put(record, replace=args.get("replace") is True))

    def delete(args: dict[str, Any], peer: Peer) -> None:
        keys(peer).delete(str(args["name"]))

    return {"keys": page, "key": get, "key_put": put, "key_delete": delete}


def _plain(record: TsigKey) -> Any:
    return msgspec.to_builtins(record, builtin_types=(bytes,))
