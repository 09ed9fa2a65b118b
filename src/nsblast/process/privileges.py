"""User, group and limits: looked up by the supervisor, dropped for good by each child once its ports are bound.

The supervisor keeps its own (as other servers' masters do), so that a replacement worker can bind port 53 again.
"""

import grp
import os
import pwd
import resource
import stat
from dataclasses import dataclass
from pathlib import Path

from nsblast.errors import PermissionMissing, SettingsError, TooFewFiles, from_os
from nsblast.settings import Settings
from nsblast.settings_layers import Loaded

# What a process needs besides connections: table files of the store, logs, sockets, pipes.
_FILES_BESIDES = 512


@dataclass(frozen=True)
class Identity:
    """Whom the children become."""

    user: str
    uid: int
    gid: int


def identity_of(loaded: Loaded) -> Identity | None:
    """The user and group asked for; None when children stay what they are. SettingsError, PermissionMissing."""
    settings = loaded.settings
    if not settings.user:
        return None
    try:
        entry = pwd.getpwuid(int(settings.user)) if settings.user.isdigit() else pwd.getpwnam(settings.user)
    except KeyError:
        raise SettingsError(f"{_told(loaded, 'user')}: there is no such user", key="user") from None
    gid = entry.pw_gid
    if settings.group:
        try:
            gid = int(settings.group) if settings.group.isdigit() else grp.getgrnam(settings.group).gr_gid
        except KeyError:
            raise SettingsError(f"{_told(loaded, 'group')}: there is no such group", key="group") from None
    if os.geteuid() != 0:
        if (entry.pw_uid, gid) == (os.geteuid(), os.getegid()):
            return None
        raise PermissionMissing(f"{_told(loaded, 'user')}: only root can become another user")
    return Identity(entry.pw_name, entry.pw_uid, gid)


def _told(loaded: Loaded, name: str) -> str:
    """A setting with the place it was set at."""
    return f"{loaded.source(name).where}: {name} = {getattr(loaded.settings, name)!r}"


def drop(identity: Identity | None) -> None:
    """Become that user for good; PermissionMissing when the system refuses or a way back is left open."""
    if identity is None:
        return
    try:
        os.initgroups(identity.user, identity.gid)
        os.setresgid(identity.gid, identity.gid, identity.gid)
        os.setresuid(identity.uid, identity.uid, identity.uid)
    except OSError as error:
        raise from_os(error, f"become user {identity.user}") from None
    if identity.uid != 0:
        try:
            os.setuid(0)
        except OSError:
            return
        raise PermissionMissing(f"became user {identity.user}, but root can be had back: refusing to go on")


def prepare_folder(db_path: Path, identity: Identity | None) -> None:
    """Make the database folder, closed to others, and let it belong to the user the children become."""
    try:
        db_path.mkdir(mode=0o750, parents=True, exist_ok=True)
        status = db_path.stat()
        if status.st_mode & 0o007 and os.geteuid() in (0, status.st_uid):
            # RocksDB's files, keys' secrets among them, are readable for whoever gets here.
            db_path.chmod(stat.S_IMODE(status.st_mode) & ~0o007)
        if identity is not None:
            _give(db_path, identity)
    except OSError as error:
        raise from_os(error, f"make database folder {db_path}") from None
    mode = os.R_OK | os.W_OK | os.X_OK
    if identity is None and not os.access(db_path, mode):
        raise PermissionMissing(f"cannot use database folder {db_path}: no right to read and write there")


def _give(folder: Path, identity: Identity) -> None:
    """What root made here before (a command with the server stopped) changes hands; links are not followed."""
    # By descriptors: who owns the folder could put a link to another in the place of one inside while root goes through them.
    for _, _, files, inside in os.fwalk(folder):
        for name in (".", *files):
            status = os.stat(name, dir_fd=inside, follow_symlinks=False)
            if (status.st_uid, status.st_gid) != (identity.uid, identity.gid):
                os.chown(name, identity.uid, identity.gid, dir_fd=inside, follow_symlinks=False)


def raise_limits(settings: Settings) -> None:
    """As many open files as allowed; TooFewFiles when that is less than the settings need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    need = settings.tcp_connections // settings.worker_count + _FILES_BESIDES
    if hard != resource.RLIM_INFINITY and hard < need:
        raise TooFewFiles(
            f"a process may open {hard} files here but {need} are needed: raise the limit (ulimit -n, LimitNOFILE=) "
            f"or lower tcp_connections = {settings.tcp_connections}"
        )
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
