"""Keys that the server's settings name (key_files), kept among the stored ones: read at start and at each reload.

Owns: making the stored keys of that origin what the files say. Never: the files' form (key_files.py). They are keys of the first tenant with no
scope of their own: access rules (key:NAME) say what they may. A key that is stored by other means is never replaced: SettingsError.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from nsblast.access.accounts import Accounts
from nsblast.access.changes import AccountChange, Delete, Op, Put
from nsblast.access.key_files import read_file
from nsblast.access.records_v1 import FIRST_TENANT, TsigKey
from nsblast.errors import InputError, NsblastError, SettingsError

ACTOR = "settings"


def read_all(files: Sequence[str]) -> dict[str, TsigKey]:
    """What the files say, by name. SettingsError: one cannot be read, or a key is there twice."""
    wanted: dict[str, TsigKey] = {}
    for file in files:
        try:
            found = read_file(Path(file))
        except NsblastError as error:
            raise SettingsError(f"key_files: {error.message}", key="key_files") from None
        for key in found:
            if key.name in wanted:
                other = wanted[key.name].source
                raise SettingsError(f"key_files: the key {key.name} is in {other} and in {file}", key="key_files")
            wanted[key.name] = TsigKey(
                tenant=FIRST_TENANT, name=key.name, algorithm=key.algorithm, secret=key.secret, source=file
            )
    return wanted


def take(accounts: Accounts, files: Sequence[str]) -> int:
    """Make it so, in one commit; how many keys there are of it. SettingsError, and nothing changed, when that cannot be."""
    wanted = read_all(files)
    ops: list[Op] = []
    for record in wanted.values():
        had = accounts.tsig_key(record.name)
        if had is not None and not had.source:
            raise SettingsError(
                f"key_files: {record.source}: the key {record.name} is stored in the database too; "
                f"remove one of them (nsblast key remove {record.name})",
                key="key_files",
            )
        if had is None or msgspec.structs.replace(had, created=0.0) != record:
            ops.append(Put(record))
    ops += [Delete(TsigKey, had.name) for had in accounts.tsig_keys() if had.source and had.name not in wanted]
    if ops:
        try:
            accounts.apply(AccountChange(tuple(ops), actor=ACTOR))
        except InputError as error:
            raise SettingsError(f"key_files: {error.message}", key="key_files") from None
    return len(wanted)
