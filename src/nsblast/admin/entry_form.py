"""The members of an entry in JSON, as msgspec structs: what decodes, and what the description says.

Owns: names and kinds of members. Never: what they mean (entries.py reads them, entry_show.py writes them).
Types that have no form of their own are members by lower-case mnemonic with rdata in presentation form.
"""

from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from nsblast.records import known_types

Octet16: TypeAlias = Annotated[int, Meta(ge=0, le=65535)]
Seconds: TypeAlias = Annotated[int, Meta(ge=0, le=0x7FFFFFFF)]
Base64: TypeAlias = Annotated[str, Meta(description="base64")]
Name: TypeAlias = Annotated[
    str, Meta(description="domain name; absolute even without a final dot, but one label alone is relative to the zone")
]


class _Form(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """A member that is an object."""


class Mx(_Form, kw_only=True, frozen=True):
    """RFC 1035 3.3.9."""

    host: Name
    priority: Octet16 = 10


class Soa(_Form, kw_only=True, frozen=True):
    """RFC 1035 3.3.13; what is not given stays as it is, or is the default in a new zone."""

    mname: Name | UnsetType = UNSET
    rname: Annotated[str, Meta(description="mailbox as a name")] | UnsetType = UNSET
    email: Annotated[str, Meta(description="mailbox as an address; instead of rname")] | UnsetType = UNSET
    serial: Annotated[int, Meta(description="shown; ignored when given")] | UnsetType = UNSET
    refresh: Seconds | UnsetType = UNSET
    retry: Seconds | UnsetType = UNSET
    expire: Seconds | UnsetType = UNSET
    minimum: Seconds | UnsetType = UNSET


class Hinfo(_Form, kw_only=True, frozen=True):
    """RFC 1035 3.3.2."""

    cpu: str
    os: str


class Rp(_Form, kw_only=True, frozen=True):
    """RFC 1183 2.2."""

    mbox: str
    txt: str = "."


class Afsdb(_Form, kw_only=True, frozen=True):
    """RFC 1183 1."""

    host: Name
    subtype: Octet16 = 1


class Srv(_Form, kw_only=True, frozen=True):
    """RFC 2782."""

    target: Name
    port: Octet16
    priority: Octet16 = 0
    weight: Octet16 = 0


class Raw(_Form, kw_only=True, frozen=True):
    """Any type by number."""

    type: Annotated[int, Meta(ge=1, le=65535)]
    rdata: Base64


Texts: TypeAlias = str | list[str] | None
_OWN: dict[str, Any] = {
    "soa": Soa | None,
    "ns": Texts,
    "a": Texts,
    "aaaa": Texts,
    "cname": str | None,
    "mx": list[Mx] | Mx | None,
    "txt": str | list[str | list[str]] | None,
    "hinfo": list[Hinfo] | Hinfo | None,
    "ptr": Texts,
    "rp": list[Rp] | Rp | None,
    "afsdb": list[Afsdb] | Afsdb | None,
    "srv": list[Srv] | Srv | None,
    "dhcid": Texts,
    "openpgpkey": Texts,
}
# Types that cannot stand in a zone have no member.
MNEMONICS: dict[str, int] = {
    name.lower(): number for name, number in known_types().items() if number != 41 and not 128 <= number <= 255
}
"""Every type that is a member under its name, by it."""
BY_NUMBER: dict[int, str] = {number: name for name, number in MNEMONICS.items()}
ORDER: tuple[str, ...] = (*_OWN, *sorted(set(MNEMONICS) - set(_OWN)))
"""Members of types, in the order in which they are shown."""


def _plain(name: str) -> str:
    return name.replace("-", "_") + "_"


FIELDS: tuple[tuple[str, str], ...] = tuple((name, _plain(name)) for name in ORDER)
"""(member, its attribute in EntryForm) of each type."""

_Entry: Any = msgspec.defstruct(
    "Entry",
    [
        ("fqdn", str | UnsetType, UNSET),
        ("ttl", Seconds | UnsetType, UNSET),
        ("ttls", dict[str, Seconds] | UnsetType, UNSET),
        *((attribute, _OWN.get(name, Texts) | UnsetType, UNSET) for name, attribute in FIELDS),
        ("rr", list[Raw] | Raw | None | UnsetType, UNSET),
    ],
    rename={attribute: name for name, attribute in FIELDS},
    forbid_unknown_fields=True,
    kw_only=True,
    frozen=True,
    omit_defaults=True,
    module=__name__,
    namespace={
        "__doc__": "All records of one name. A type that is not named stays (PATCH) or goes (PUT); an empty value removes it."
    },
)


class EntryForm(_Entry):  # type: ignore[misc]
    """One name's records as they come."""
