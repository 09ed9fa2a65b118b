"""TSIG keys over the admin API (--url), with the face that those of a database have (backend.keys.Keys).

Owns: records to the client's shapes and back. Never: HTTP. A secret is known of a key that was just made, and of no other. The tenant is the
client's: it stands in every request.
"""

import base64
from collections.abc import Iterator
from contextlib import suppress

from nsblast.access.may import ALL_TENANTS
from nsblast.access.records_v1 import TsigKey
from nsblast.client import Client, Missing, shapes

_SAME = ("name", "algorithm", "transfer", "update", "notify", "zones", "names", "types", "networks", "active", "regex")


class UrlKeys:
    """See backend.keys.Keys."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def all(self, tenant: str = ALL_TENANTS) -> Iterator[TsigKey]:
        """See Keys; without --tenant those of the own one."""
        return map(_record, self._client.tsig_keys())

    def get(self, name: str) -> TsigKey | None:
        """See Keys."""
        try:
            return _record(self._client.tsig_key(name))
        except Missing:
            return None

    def put(self, record: TsigKey, *, replace: bool = False) -> TsigKey:
        """See Keys."""
        given = {name: getattr(record, name) for name in _SAME}
        key = shapes.TsigKey(**given, secret=base64.b64encode(record.secret).decode())
        if replace:
            with suppress(Missing):
                return _record(self._client.put_tsig_key(key))
        return _record(self._client.create_tsig_key(key))

    def delete(self, name: str) -> None:
        """See Keys."""
        self._client.delete_tsig_key(name)


def _record(key: shapes.TsigKey) -> TsigKey:
    given = {name: getattr(key, name) for name in _SAME}
    return TsigKey(tenant=key.tenant, secret=base64.b64decode(key.secret), source=key.source, **given)
