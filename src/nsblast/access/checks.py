"""What one account record must be by itself, before it is looked at among the others.

Owns: the form of names, ids, lists. Never: what else exists (rules.py). Every error is an InputError that names the member.
"""

import ipaddress
import re
import uuid

from nsblast.access.filters import compile_filter, name_of, types_of
from nsblast.access.permissions import permissions_of
from nsblast.access.records_v1 import Account, ApiKey, Role, Tenant, TsigKey, User, Vzone
from nsblast.errors import InputError

NAME_LENGTH = 255
PROPERTIES = 100
PROPERTY_LENGTH = 4096
LIST_LENGTH = 1000
ALGORITHMS = {
    "hmac-md5.sig-alg.reg.int": 16,
    "hmac-sha1": 20,
    "hmac-sha224": 28,
    "hmac-sha256": 32,
    "hmac-sha384": 48,
    "hmac-sha512": 64,
}
"""RFC 8945 6, and the octets each one's hash has."""
SECRET_OCTETS = (8, 1024)

_BAD = re.compile(r"[\x00-\x1f\x7f/]|^\s|\s$")


def check(record: Account) -> None:
    """Whatever kind it is."""
    match record:
        case Tenant():
            _tenant(record)
        case Role():
            _role(record)
        case User():
            _user(record)
        case ApiKey():
            check_networks(record.networks, "networks")
            _length(record.comment, "comment", PROPERTY_LENGTH)
        case TsigKey():
            _tsig(record)
        case Vzone():
            name_of(record.name, "name")


def check_name(text: str, where: str) -> None:
    """A name of a tenant, role or user: 1 to 255 characters, none of them a slash or control character, no space at its ends."""
    if not text:
        raise InputError(f"{where}: empty", member=where)
    _length(text, where, NAME_LENGTH)
    if _BAD.search(text):
        raise InputError(f"{where}: {text!r} holds a slash, a control character, or space at an end", member=where)


def check_id(text: str, where: str) -> None:
    """A UUID in lower case, with dashes."""
    try:
        right = str(uuid.UUID(text)) == text
    except ValueError:
        right = False
    if not right:
        raise InputError(f"{where}: {text!r} is no UUID in lower case", member=where, value=text)


def check_networks(networks: list[str], where: str) -> None:
    """Addresses and networks."""
    _count(networks, where)
    for each in networks:
        try:
            ipaddress.ip_network(each, strict=False)
        except ValueError:
            raise InputError(f"{where}: {each!r} is not an address or network", member=where, value=each) from None


def _tenant(record: Tenant) -> None:
    check_id(record.id, "id")
    check_name(record.name, "name")
    permissions_of(record.allowed, "allowedPermissions")
    if record.root:
        name_of(record.root, "root")
    _properties(record.properties)


def _role(record: Role) -> None:
    check_name(record.name, "name")
    permissions_of(record.permissions, "permissions")
    compile_filter(record.fqdn, record.recursive, record.regex, tuple(record.types))


def _user(record: User) -> None:
    check_name(record.name, "name")
    if ":" in record.name:
        raise InputError(f"name: {record.name!r} holds a colon, which HTTP Basic cannot carry", member="name")
    _properties(record.properties)
    _count(record.roles, "roles")


def _tsig(record: TsigKey) -> None:
    name_of(record.name, "name")
    if record.algorithm not in ALGORITHMS:
        known = ", ".join(ALGORITHMS)
        raise InputError(f"algorithm: {record.algorithm!r} is none of {known}", member="algorithm")
    low, high = SECRET_OCTETS
    if not low <= len(record.secret) <= high:
        raise InputError(f"secret: {len(record.secret)} octets are not {low} to {high}", member="secret")
    for where, names in (("zones", record.zones), ("names", record.names)):
        _count(names, where)
        for name in names:
            name_of(name, where)
    types_of(record.types, "types")
    if record.regex:
        compile_filter(regex=record.regex, where="key")
    check_networks(record.networks, "networks")


def _properties(properties: dict[str, str]) -> None:
    if len(properties) > PROPERTIES:
        raise InputError(f"properties: more than {PROPERTIES}", member="properties")
    for name, value in properties.items():
        _length(name, "properties", NAME_LENGTH)
        _length(value, f"properties.{name}", PROPERTY_LENGTH)


def _length(text: str, where: str, most: int) -> None:
    if len(text.encode("utf-8", "surrogatepass")) > most:
        raise InputError(f"{where}: longer than {most} octets", member=where)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError(f"{where}: not valid UTF-8", member=where) from None


def _count(items: list[str], where: str) -> None:
    if len(items) > LIST_LENGTH:
        raise InputError(f"{where}: more than {LIST_LENGTH}", member=where)
