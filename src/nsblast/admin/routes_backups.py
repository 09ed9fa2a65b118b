"""Endpoints of backups. What they do: backups.py."""

from typing import Annotated

from msgspec import Meta, Struct

from nsblast.access.permissions import Permission
from nsblast.admin.backups import BackupService
from nsblast.admin.calls import Acting, Answer, Call, Endpoint
from nsblast.admin.reach import in_thread
from nsblast.errors import InputError


class Keeping(Acting, kw_only=True, frozen=True):
    """How many stay."""

    keep: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="delete all but the newest so many, at least one")
    ] = None


class NewBackup(Struct, forbid_unknown_fields=True):
    """What a backup is made with."""

    comment: Annotated[str, Meta(max_length=200)] = ""


def _service(call: Call) -> BackupService:
    service: BackupService = call.site.parts["backups"]
    return service


async def get_backups(call: Call) -> Answer:
    """GET /backup."""
    return Answer(await in_thread(_service(call).all))


async def post_backup(call: Call) -> Answer:
    """POST /backup."""
    comment = call.body.comment if call.body is not None else ""
    return Answer(await in_thread(_service(call).create, comment), status=201)


async def delete_backups(call: Call) -> Answer:
    """DELETE /backup?keep=N."""
    if call.query.keep is None:
        raise InputError("keep: how many are to stay? at least one; the last is deleted by its id")
    return Answer({"deleted": await in_thread(_service(call).keep, call.query.keep)})


async def delete_backup(call: Call) -> Answer:
    """DELETE /backup/{id}."""
    return Answer({"deleted": [await in_thread(_service(call).delete, call.path["id"])]})


async def verify_backup(call: Call) -> Answer:
    """POST /backup/{id}/verify."""
    return Answer(await in_thread(_service(call).verify, call.path["id"]))


_BUSY = "another backup operation is under way"

ENDPOINTS = (
    Endpoint(
        method="GET", path="/backup", handler=get_backups, permission=Permission.LIST_BACKUPS, query=Acting, tag="backups",
        summary="All backups, the oldest first", answers={200: "backups", 503: "one is damaged; the message names it"},
    ),
    Endpoint(
        method="POST", path="/backup", handler=post_backup, permission=Permission.CREATE_BACKUP, query=Acting,
        body=NewBackup, tag="backups", summary="Back up the last commit",
        answers={201: "made", 409: _BUSY, 507: "no room; nothing is left of it", 503: "it cannot be made"},
    ),
    Endpoint(
        method="DELETE", path="/backup", handler=delete_backups, permission=Permission.DELETE_BACKUP, query=Keeping,
        tag="backups", summary="Delete all but the newest", answers={200: "ids of the deleted", 409: _BUSY},
    ),
    Endpoint(
        method="DELETE", path="/backup/{id}", handler=delete_backup, permission=Permission.DELETE_BACKUP, query=Acting,
        tag="backups", summary="Delete one, by id or uuid",
        answers={200: "its id", 404: "there is none", 409: _BUSY},
    ),
    Endpoint(
        method="POST", path="/backup/{id}/verify", handler=verify_backup, permission=Permission.VERIFY_BACKUP,
        query=Acting, tag="backups", summary="Compare checksums, open it, read all of it",
        answers={200: "what it holds", 404: "there is none", 409: _BUSY, 503: "it is damaged; the message says where"},
    ),
)  # fmt: skip
