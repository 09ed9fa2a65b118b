"""The names of everything that can be permitted.

Owns: the enumeration and what is common to groups of it. Never: who has which (may.py). The values are part of the API and of
what is stored: a name may be added, never renamed.
"""

from collections.abc import Iterable
from enum import StrEnum

from nsblast.errors import InputError


class Permission(StrEnum):
    """One permission; name and value are the same word."""

    USE_API = "USE_API"
    """Nothing by itself: a role that lets somebody in and no more."""

    READ_ZONE = "READ_ZONE"
    LIST_ZONES = "LIST_ZONES"
    CREATE_ZONE = "CREATE_ZONE"
    UPDATE_ZONE = "UPDATE_ZONE"
    DELETE_ZONE = "DELETE_ZONE"

    READ_VZONE = "READ_VZONE"
    LIST_VZONES = "LIST_VZONES"
    CREATE_VZONE = "CREATE_VZONE"
    UPDATE_VZONE = "UPDATE_VZONE"
    DELETE_VZONE = "DELETE_VZONE"

    READ_RR = "READ_RR"
    LIST_RRS = "LIST_RRS"
    CREATE_RR = "CREATE_RR"
    UPDATE_RR = "UPDATE_RR"
    DELETE_RR = "DELETE_RR"

    CREATE_APIKEY = "CREATE_APIKEY"
    LIST_APIKEYS = "LIST_APIKEYS"
    GET_APIKEY = "GET_APIKEY"
    DELETE_APIKEY = "DELETE_APIKEY"

    GET_SELF_USER = "GET_SELF_USER"
    DELETE_SELF_USER = "DELETE_SELF_USER"
    CREATE_USER = "CREATE_USER"
    LIST_USERS = "LIST_USERS"
    GET_USER = "GET_USER"
    UPDATE_USER = "UPDATE_USER"
    DELETE_USER = "DELETE_USER"

    CREATE_ROLE = "CREATE_ROLE"
    LIST_ROLES = "LIST_ROLES"
    GET_ROLE = "GET_ROLE"
    UPDATE_ROLE = "UPDATE_ROLE"
    DELETE_ROLE = "DELETE_ROLE"

    GET_SELF_TENANT = "GET_SELF_TENANT"
    UPDATE_SELF_TENANT = "UPDATE_SELF_TENANT"
    DELETE_SELF_TENANT = "DELETE_SELF_TENANT"
    CREATE_TENANT = "CREATE_TENANT"
    LIST_TENANTS = "LIST_TENANTS"
    GET_TENANT = "GET_TENANT"
    UPDATE_TENANT = "UPDATE_TENANT"
    DELETE_TENANT = "DELETE_TENANT"

    IMPERSONATE_TENANT = "IMPERSONATE_TENANT"
    CONFIG_SLAVE = "CONFIG_SLAVE"

    CREATE_BACKUP = "CREATE_BACKUP"
    LIST_BACKUPS = "LIST_BACKUPS"
    RESTORE_BACKUP = "RESTORE_BACKUP"
    VERIFY_BACKUP = "VERIFY_BACKUP"
    DELETE_BACKUP = "DELETE_BACKUP"
    METRICS = "METRICS"


P = Permission

ALL = frozenset(Permission)

SERVER_WIDE = frozenset({
    P.CREATE_TENANT, P.LIST_TENANTS, P.GET_TENANT, P.UPDATE_TENANT, P.DELETE_TENANT, P.IMPERSONATE_TENANT,
    P.CREATE_BACKUP, P.LIST_BACKUPS, P.RESTORE_BACKUP, P.VERIFY_BACKUP, P.DELETE_BACKUP, P.METRICS,
})  # fmt: skip
"""They reach beyond one tenant: a new tenant may have them only where it is said."""

ORDINARY = ALL - SERVER_WIDE
"""What a tenant may be given when nothing is said."""

CONTENTS = frozenset({
    P.READ_ZONE, P.CREATE_ZONE, P.UPDATE_ZONE, P.DELETE_ZONE, P.CONFIG_SLAVE, P.READ_RR, P.CREATE_RR, P.UPDATE_RR, P.DELETE_RR,
})  # fmt: skip
"""They touch records of every type unless types are named: a role limited to some types does not cover them as a whole."""

ROLE_PERMISSIONS = frozenset({P.CREATE_ROLE, P.LIST_ROLES, P.GET_ROLE, P.UPDATE_ROLE, P.DELETE_ROLE})


def permissions_of(names: Iterable[str], where: str) -> frozenset[Permission]:
    """The permissions of these names; InputError names the one that is none. where: the member, for the message."""
    found = set()
    for name in names:
        if name not in Permission.__members__:
            raise InputError(f"{where}: there is no permission {name!r}", member=where, value=name)
        found.add(Permission[name])
    return frozenset(found)
