"""Endpoints of API keys and TSIG keys.

Owns: what each method needs and answers. Never: log-in (access/login.py), signing (transfer). A secret is shown in the answer that
makes it, and never again.
"""

import base64
import secrets

import msgspec

from nsblast.access.changes import Alter, Delete, Put
from nsblast.access.checks import ALGORITHMS
from nsblast.access.key_files import algorithm_of, secret_of
from nsblast.access.passwords import new_key
from nsblast.access.permissions import Permission
from nsblast.access.records_v1 import ApiKey, TsigKey
from nsblast.access.rules import wire
from nsblast.admin.account_forms import KeyForm, TsigForm, fqdn, seconds, show
from nsblast.admin.calls import Answer, Call, Paging
from nsblast.admin.routes_access import (
    GONE,
    TAKEN,
    accounts_of,
    answer,
    body_of,
    cap_roles,
    change,
    endpoint,
    listed,
    mine,
)
from nsblast.backend.keys import free
from nsblast.errors import InputError
from nsblast.zones.model import Expect

P = Permission


async def list_keys(call: Call) -> Answer:
    """GET /apikey."""
    query: Paging = call.query
    return listed(call, accounts_of(call).keys(call.actor.tenant, after=query.start, backwards=query.backwards))


def _key(call: Call) -> ApiKey:
    found = accounts_of(call).key(call.path["id"])
    mine(call.actor, found, "apikey", call.path["id"])
    assert found is not None
    return found


async def get_key(call: Call) -> Answer:
    """GET /apikey/{id}."""
    return answer_of(_key(call))


def answer_of(record: ApiKey | TsigKey) -> Answer:
    """Without secrets."""
    return Answer(show(record))


async def post_key(call: Call) -> Answer:
    """POST /apikey."""
    form: KeyForm = body_of(call)
    actor = call.actor
    if not form.owner and (actor.tenant != actor.home or not actor.user):
        raise InputError("owner: which user of that tenant is the key for?", member="owner")
    cap_roles(call, form.roles)
    ident, text, kept = new_key()
    record = ApiKey(
        tenant=actor.tenant,
        id=ident,
        secret=kept,
        owner=form.owner or actor.user,
        roles=list(dict.fromkeys(form.roles)),
        active=form.active,
        expires=seconds(form.expires),
        networks=form.networks,
        comment=form.comment,
    )
    made = answer(call, await change(call, Put(record, Expect.ABSENT)), record, 201)
    return made if call.query.dry_run else made._replace(value={**made.value, "key": text})


async def delete_key(call: Call) -> Answer:
    """DELETE /apikey/{id}."""
    found = _key(call)
    return answer(call, await change(call, Delete(ApiKey, found.id, found.tenant)), None)


async def list_tsig(call: Call) -> Answer:
    """GET /tsigkey."""
    query: Paging = call.query
    return listed(
        call, accounts_of(call).tsig_keys(call.actor.tenant, after=fqdn(query.start), backwards=query.backwards)
    )


def _tsig(call: Call) -> TsigKey:
    name = fqdn(call.path["name"])
    found = accounts_of(call).tsig_key(name)
    mine(call.actor, found, "tsigkey", name)
    assert found is not None
    return found


async def get_tsig(call: Call) -> Answer:
    """GET /tsigkey/{name}."""
    return answer_of(_tsig(call))


async def post_tsig(call: Call) -> Answer:
    """POST /tsigkey."""
    form: TsigForm = body_of(call)
    if not form.name:
        raise InputError("name: empty", member="name")
    algorithm = algorithm_of(form.algorithm)
    secret = secret_of(form.secret) if form.secret else secrets.token_bytes(ALGORITHMS[algorithm])
    record = _tsig_of(call, form, algorithm, secret)
    made = answer(call, await change(call, Put(record, Expect.ABSENT)), record, 201)
    if call.query.dry_run:
        return made
    return made._replace(value={**made.value, "secret": base64.b64encode(secret).decode()})


def _tsig_of(call: Call, form: TsigForm, algorithm: str, secret: bytes) -> TsigKey:
    """The record; what it names must not be another tenant's."""
    accounts = accounts_of(call)
    for name in (*form.zones, *(each.removeprefix("*.") for each in form.names)):
        accounts.demand_name(call.actor, wire(name))
    return TsigKey(
        tenant=call.actor.tenant,
        name=fqdn(form.name),
        algorithm=algorithm,
        secret=secret,
        transfer=form.transfer,
        update=form.update,
        notify=form.notify,
        zones=[fqdn(name) for name in form.zones],
        names=[fqdn(name) for name in form.names],
        regex=form.regex,
        types=[name.upper() for name in form.types],
        networks=form.networks,
        active=form.active,
    )


async def put_tsig(call: Call) -> Answer:
    """PUT /tsigkey/{name}."""
    form: TsigForm = body_of(call)
    found = _tsig(call)
    free(found)
    if fqdn(form.name) != found.name:
        raise InputError(f"name: {form.name!r} is not {found.name!r}: renaming is not possible", member="name")
    secret = secret_of(form.secret) if form.secret else b""
    record = _tsig_of(call, form, algorithm_of(form.algorithm), secret)

    def alter(had: TsigKey) -> TsigKey:
        free(had)
        return msgspec.structs.replace(record, secret=secret or had.secret, created=had.created)

    return answer(call, await change(call, Alter(TsigKey, found.name, alter, found.tenant)), record)


async def delete_tsig(call: Call) -> Answer:
    """DELETE /tsigkey/{name}."""
    found = _tsig(call)
    free(found)
    return answer(call, await change(call, Delete(TsigKey, found.name, found.tenant)), None)


ENDPOINTS = (
    endpoint("GET", "/apikey", list_keys, P.LIST_APIKEYS, "API keys, by id"),
    endpoint("POST", "/apikey", post_key, P.CREATE_APIKEY, "Make an API key; its secret is shown this once", body=KeyForm, answers=TAKEN),
    endpoint("GET", "/apikey/{id}", get_key, P.GET_APIKEY, "An API key, without its secret", answers=GONE),
    endpoint("DELETE", "/apikey/{id}", delete_key, P.DELETE_APIKEY, "Delete an API key", answers=GONE),
    endpoint("GET", "/tsigkey", list_tsig, P.LIST_APIKEYS, "TSIG keys, by name"),
    endpoint("POST", "/tsigkey", post_tsig, P.CREATE_APIKEY, "Make a TSIG key; its secret is shown this once", body=TsigForm, answers=TAKEN),
    endpoint("GET", "/tsigkey/{name}", get_tsig, P.GET_APIKEY, "A TSIG key, without its secret", answers=GONE),
    endpoint("PUT", "/tsigkey/{name}", put_tsig, P.CREATE_APIKEY, "Replace a TSIG key's scope; without a secret the one it has stays", body=TsigForm, answers=GONE),
    endpoint("DELETE", "/tsigkey/{name}", delete_tsig, P.DELETE_APIKEY, "Delete a TSIG key", answers=GONE),
)  # fmt: skip
