"""The first accounts of a database, and their restoration.

Owns: tenant nsblast, its role Administrator and user admin, the file password.txt. Never: who calls (backend, CLI).
Invariants: the password's file is there, whole and synced, before the account is, and not there with a password that is no
longer good once another was given; a restoration touches nothing but these three records, and makes them what they are at a first start.
"""

import os
import secrets
from pathlib import Path

from nsblast.access.accounts import Accounts
from nsblast.access.changes import AccountChange, Put
from nsblast.access.passwords import Passwords, check_new
from nsblast.access.permissions import Permission
from nsblast.access.records_v1 import FIRST_TENANT, Role, Tenant, User
from nsblast.errors import Conflict, InputError, SettingsError, from_os

TENANT = "nsblast"
ROLE = "Administrator"
USER = "admin"
FILE = "password.txt"


def make(accounts: Accounts, folder: Path, password: str, least: int) -> Path | None:
    """Make them when the database has no tenant yet; the password's file when it was made, None otherwise."""
    if accounts.tenant(FIRST_TENANT) is not None:
        return None
    return reset(accounts, folder, password, least, "first start")


def reset(accounts: Accounts, folder: Path, password: str, least: int, comment: str) -> Path | None:
    """Make them what they are at first; password "" = random, written to the file that is returned. SettingsError: shorter than least."""
    file = None
    check_password(password, least)
    if not password:
        password = secrets.token_urlsafe(18)
        file = folder / FILE
        _write(file, password)
    passwords = Passwords()
    try:
        kept = passwords.hash(password)
    finally:
        passwords.close()
    rival = accounts.tenant(TENANT)
    if rival is not None and rival.id != FIRST_TENANT:
        raise Conflict(f"another tenant is called {TENANT}")
    every = [permission.value for permission in Permission]
    had = accounts.user(USER)
    ops = [
        Put(Tenant(id=FIRST_TENANT, name=TENANT, allowed=every)),
        Put(Role(tenant=FIRST_TENANT, name=ROLE, permissions=every)),
        Put(User(tenant=FIRST_TENANT, name=USER, roles=[ROLE], password=kept)),
    ]
    if had is not None and had.tenant != FIRST_TENANT:
        raise Conflict(f"user {USER} is of tenant {had.tenant}: rename it first")
    accounts.apply(AccountChange(tuple(ops), actor="nsblast", comment=comment))
    if file is None:
        _remove(folder / FILE)
    return file


def check_password(password: str, least: int) -> None:
    """SettingsError when a password that the settings give is shorter than least."""
    try:
        if password:
            check_new(password, least, "admin_password")
    except InputError as error:
        raise SettingsError(error.message) from None


def _remove(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise from_os(error, f"remove {file}") from None


def _write(file: Path, password: str) -> None:
    """Mode 0600 from its first moment, in place of what was there."""
    beside = file.with_suffix(".new")
    try:
        beside.unlink(missing_ok=True)
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w") as out:
            out.write(f"{password}\n")
            out.flush()
            os.fsync(out.fileno())
        os.replace(beside, file)
    except OSError as error:
        raise from_os(error, f"write {file}") from None
