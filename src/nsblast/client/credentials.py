"""Who a client is: a user with a password, or an API key; from arguments, the environment or files.

Owns: where secrets are looked for, and that a file others can read is refused. Never: prompting, sending.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from nsblast.errors import InputError, PermissionMissing, UsageError, from_os

API_KEY = "NSBLAST_API_KEY"
API_KEY_FILE = "NSBLAST_API_KEY_FILE"
USER = "NSBLAST_USER"
PASSWORD = "NSBLAST_PASSWORD"
PASSWORD_FILE = "NSBLAST_PASSWORD_FILE"
_MOST = 4096  # octets of a secret


class Credentials(NamedTuple):
    """Either a key, or a user with a password; neither = nobody."""

    user: str = ""
    password: str = ""
    api_key: str = ""

    def __repr__(self) -> str:
        """Without secrets."""
        return f"Credentials(user={self.user!r})" if self.user else f"Credentials(key={self.api_key.split('.')[0]!r})"


def read_secret(path: Path) -> str:
    """The first line of a file that nobody but its owner can read."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if stat.S_ISREG(mode) and mode & 0o077:
                raise PermissionMissing(f"{path} holds a secret and others can reach it: chmod 600 {path}")
            octets = file.read(_MOST + 1)
    except OSError as error:
        raise from_os(error, f"read {path}") from None
    try:
        secret = octets.split(b"\n", 1)[0].removesuffix(b"\r").decode()
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8") from None
    if not secret or len(octets) > _MOST:
        raise InputError(f"{path}: expected one line with a secret in it")
    return secret


def from_environment(environ: Mapping[str, str] | None = None) -> Credentials:
    """NSBLAST_API_KEY, NSBLAST_API_KEY_FILE, or NSBLAST_USER with NSBLAST_PASSWORD or NSBLAST_PASSWORD_FILE."""
    found = os.environ if environ is None else environ
    if found.get(API_KEY) or found.get(API_KEY_FILE):
        return Credentials(api_key=found.get(API_KEY) or read_secret(Path(found[API_KEY_FILE])))
    user = found.get(USER, "")
    if not user:
        return Credentials()
    password = password_from(found)
    if password is None:
        raise UsageError(f"{USER} is set, but neither {PASSWORD} nor {PASSWORD_FILE}")
    return Credentials(user, password)


def password_from(environ: Mapping[str, str]) -> str | None:
    """The environment's password; None when it has none."""
    if PASSWORD in environ:
        return environ[PASSWORD]
    return read_secret(Path(environ[PASSWORD_FILE])) if environ.get(PASSWORD_FILE) else None
