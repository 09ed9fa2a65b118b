"""Requests of the permission matrix: for each endpoint some, with what each needs and answers then, from the contract.

Owns: the world these requests are made in, and the predictions. Never: the product's code. Tenant "mine" asks; "theirs" is another.
Writes are dry runs, so that the world stays the same; what they answer is the contract's status with 201 told as 200.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.security.twin import Role, may, types_at
from tests.security.wire import path

A = {"ttl": 60, "a": ["192.0.2.99"]}
NS = {"ns": ["ns1.example.net"]}
MASTER = {"master": {"hostname": "192.0.2.1"}}
ROLE_PERMISSIONS = ("CREATE_ROLE", "LIST_ROLES", "GET_ROLE", "UPDATE_ROLE", "DELETE_ROLE")
Needs = Callable[[list[Role]], int]


@dataclass(frozen=True)
class Need:
    """One permission, with a name and types where they matter."""

    permission: str
    name: str | None = None
    types: tuple[str, ...] | None = None
    any_type: bool = False

    def met(self, roles: list[Role]) -> bool:
        """Whether it is there."""
        return may(roles, self.permission, self.name, self.types, self.any_type)


@dataclass(frozen=True)
class Case:
    """One request and its prediction."""

    method: str
    template: str
    """Of the endpoint, below /api/v1."""
    target: str
    then: int
    """What is answered to who may."""
    needs: tuple[tuple[Need, ...], ...] = ()
    """All of one of these; none: whoever is logged in."""
    json: Any = None
    never: bool = False
    """Refused to everybody in this tenant."""
    reads: str = ""
    """GET of a name's records: what is there."""
    rooted: bool = False

    def predict(self, roles: list[Role]) -> int:
        """The status."""
        if self.never:
            return 403
        if self.needs and not any(all(need.met(roles) for need in every) for every in self.needs):
            return 403
        if self.reads:
            seen = types_at(roles, "READ_RR", self.reads)
            return 200 if seen is None or seen & {"A", "TXT"} else 404
        return self.then

    @property
    def permissions(self) -> set[str]:
        """Those it speaks of."""
        return {need.permission for every in self.needs for need in every}


def _one(permission: str, name: str | None = None, *types: str, some: bool = False) -> tuple[tuple[Need, ...], ...]:
    return ((Need(permission, name, tuple(types) or None, some),),)


def _either(*permissions: str) -> tuple[tuple[Need, ...], ...]:
    return tuple((Need(permission),) for permission in permissions)


def cases(world: dict[str, str]) -> Iterator[Case]:
    """All of them. world: ids that the server gave."""
    yield from _zones()
    yield from _records()
    yield from _vzones()
    yield from _accounts(world)
    yield from _server(world)


def _zones() -> Iterator[Case]:
    dry = "?dry_run=true"
    zone, below = "/zone/{zone}", "/zone/{zone}/"
    yield Case("GET", "/zone", path("zone"), 200, _one("LIST_ZONES"))
    yield Case("GET", "/history", path("history"), 200)
    yield Case("GET", "/events", path("events") + "?heartbeat=60", 200, _one("LIST_ZONES"))
    for name, then, never in (
        ("t.test", 200, False),
        ("none.test", 404, False),
        ("o.test", 0, True),
        ("x.o.test", 0, True),
    ):
        at = path("zone", name)
        yield Case("GET", zone, at, then, _one("READ_ZONE", name), never=never)
        yield Case("GET", zone, at + "?kind=verbose", then, _one("READ_ZONE", name), never=never)
        # a master file is all of a zone, and there are two names in this one
        names = (name, f"www.{name}") if then == 200 else (name,)
        whole = (tuple(Need("READ_ZONE", each) for each in names),)
        yield Case("GET", below + "export", at + "/export", then, whole, never=never)
        yield Case("GET", below + "history", at + "/history", then, _one("READ_ZONE", name), never=never)
        yield Case(
            "POST", below + "revert", at + "/revert" + dry, then, _one("UPDATE_ZONE", name), {"serial": 1}, never
        )
        yield Case("DELETE", zone, at + dry, then, _one("DELETE_ZONE", name), never=never)
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            had = 404 if method in ("GET", "PATCH", "DELETE") else then
            body = None if method in ("GET", "DELETE") else MASTER
            target = at + "/master" + (dry if method != "GET" else "")
            target = target.replace("/zone/", "/config/")
            needs = _one("CONFIG_SLAVE", name)
            if name == "none.test" and method in ("POST", "PUT"):  # it would be made
                had, needs = 200, ((Need("CONFIG_SLAVE", name), Need("CREATE_ZONE", name)),)
            yield Case(method, "/config/{zone}/master", target, had, needs, body, never)
        done = 409 if name == "t.test" else then  # a primary has nobody to ask
        yield Case("POST", below + "transfer", at + "/transfer", done, _one("CONFIG_SLAVE", name), {}, never)
    for name, then, never in (
        ("t.test", 200, False),
        ("none.test", 404, False),
        ("o.test", 0, True),
        ("t2.test", 0, True),
    ):
        for method, body in (("GET", None), ("PUT", {"access": {"transfer": ["192.0.2.1"]}}), ("DELETE", None)):
            if (name, method) == ("t2.test", "GET"):
                continue
            target = path("config", name, "access") + (dry if method != "GET" else "")
            needs = _one("CONFIG_SLAVE", name)
            yield Case(method, "/config/{zone}/access", target, then, needs, body, never)
        for method, body in (("GET", None), ("PUT", {"notify": [{"address": "192.0.2.1"}]}), ("DELETE", None)):
            if (name, method) == ("t2.test", "GET"):
                continue
            target = path("config", name, "notify") + (dry if method != "GET" else "")
            yield Case(method, "/config/{zone}/notify", target, then, _one("CONFIG_SLAVE", name), body, never)
        for method, body in (("GET", None), ("PUT", {"membership": {"group": "g"}}), ("DELETE", None)):
            if (name, method) == ("t2.test", "GET"):
                continue
            target = path("config", name, "membership") + (dry if method != "GET" else "")
            yield Case(method, "/config/{zone}/membership", target, then, _one("CONFIG_SLAVE", name), body, never)
        for method, of in (("GET", ""), ("PUT", "tenant"), ("PUT", "all"), ("DELETE", "")):
            if (name, method) in (("t2.test", "GET"), ("t2.test", "DELETE")):
                continue
            target = path("config", name, "catalog") + (dry if method != "GET" else "")
            done = 404 if then == 200 and method != "PUT" else then
            needs = _one("CONFIG_SLAVE", name)
            if of == "all" and then == 200:
                needs = ((Need("CONFIG_SLAVE", name), Need("IMPERSONATE_TENANT")),)
            body = {"catalog": {"role": "producer", "of": of}} if of else None
            yield Case(method, "/config/{zone}/catalog", target, done, needs, body, never)
        if name != "t2.test":
            at = path("zone", name)
            for what in ("catalog", "members"):
                needs = _one("READ_ZONE", name)
                yield Case("GET", below + what, at + "/" + what, 404 if then == 200 else then, needs, never=never)
            yield Case("GET", below + "status", at + "/status", then, _one("READ_ZONE", name), never=never)
            yield Case("POST", below + "notify", at + "/notify", then, _one("UPDATE_ZONE", name), never=never)
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        target = path("config", "s.test", "master") + (dry if method != "GET" else "")
        body = None if method in ("GET", "DELETE") else MASTER
        then = 409 if method == "POST" else 200
        yield Case(method, "/config/{zone}/master", target, then, _one("CONFIG_SLAVE", "s.test"), body)
    for name in ("new.test", "new.t.test"):
        yield Case("POST", zone, path("zone", name) + dry, 200, _one("CREATE_ZONE", name), NS)
        yield Case("PUT", zone, path("zone", name) + dry, 200, _one("CREATE_ZONE", name), [{"fqdn": name, **NS}])
    yield Case("POST", zone, path("zone", "t.test") + dry, 409, _one("CREATE_ZONE", "t.test"), NS)
    yield Case(
        "PUT", zone, path("zone", "t.test") + dry, 200, _one("UPDATE_ZONE", "t.test"), [{"fqdn": "t.test", **NS}]
    )
    for method, body in (("POST", NS), ("PUT", [{"fqdn": "x.o.test", **NS}])):
        yield Case(method, zone, path("zone", "x.o.test") + dry, 0, json=body, never=True)
    # part of it is given to another tenant: nothing is done to the whole
    for method, body in (("DELETE", None), ("PUT", [{"fqdn": "t2.test", **NS}])):
        yield Case(method, zone, path("zone", "t2.test") + dry, 0, json=body, never=True)
    yield Case("GET", below + "export", path("zone", "t2.test", "export"), 0, never=True)


def _records() -> Iterator[Case]:
    dry = "?dry_run=true"
    rr, types = "/rr/{fqdn}", "/rr/{fqdn}/{types}"
    www, new, far = "www.t.test", "new.t.test", "www.o.test"
    given_away, held = "a.v.t2.test", "a.v.o.test"
    read = _one("READ_RR", www, some=True)
    yield Case("GET", rr, path("rr", www), 200, read, reads=www)
    yield Case("GET", rr, path("rr", new), 404, _one("READ_RR", new, some=True))
    yield Case("POST", rr, path("rr", new) + dry, 200, _one("CREATE_RR", new, "A"), A)
    yield Case("POST", rr, path("rr", www) + dry, 409, _one("CREATE_RR", www, "A"), A)
    yield Case("POST", rr, path("rr", "t.test") + dry, 400, _one("CREATE_RR", "t.test", "A"), A)
    yield Case("POST", rr, path("rr", "www.none.test") + dry, 404, _one("CREATE_RR", "www.none.test", "A"), A)
    yield Case("PUT", rr, path("rr", www) + dry, 200, _one("UPDATE_RR", www, "A", "TXT"), A)
    yield Case("PUT", rr, path("rr", new) + dry, 200, _one("CREATE_RR", new, "A"), A)
    yield Case("PATCH", rr, path("rr", www) + dry, 200, _one("UPDATE_RR", www, "A"), A)
    yield Case("PATCH", rr, path("rr", www) + dry + "&append=true", 200, _one("UPDATE_RR", www, "A"), A)
    yield Case("PATCH", rr, path("rr", new) + dry, 200, _one("CREATE_RR", new, "A"), A)
    yield Case("DELETE", rr, path("rr", www) + dry, 200, _one("DELETE_RR", www, "A", "TXT"))
    yield Case("DELETE", rr, path("rr", new) + dry, 404, _one("DELETE_RR", new, some=True))
    yield Case("DELETE", rr, path("rr", "t.test") + dry, 400, _one("DELETE_RR", "t.test", some=True))
    yield Case("DELETE", types, path("rr", www, "a") + dry, 200, _one("DELETE_RR", www, "A"))
    yield Case("DELETE", types, path("rr", www, "a,txt") + dry, 200, _one("DELETE_RR", www, "A", "TXT"))
    yield Case("DELETE", types, path("rr", www, "mx") + dry, 404, _one("DELETE_RR", www, "MX"))
    yield Case("DELETE", types, path("rr", "t.test", "ns") + dry, 400, _one("DELETE_RR", "t.test", "NS"))
    for name in (far, "none.o.test", given_away):
        for method, body in (("GET", None), ("POST", A), ("PUT", A), ("PATCH", A), ("DELETE", None)):
            yield Case(method, rr, path("rr", name) + (dry if method != "GET" else ""), 0, json=body, never=True)
        yield Case("DELETE", types, path("rr", name, "a") + dry, 0, never=True)
        yield Case("POST", "/changes", path("changes") + dry, 0, json=_changes("PATCH", name), never=True)
    yield Case("GET", rr, path("rr", held), 404, _one("READ_RR", held, some=True))
    yield Case("PATCH", rr, path("rr", held) + dry, 200, _one("CREATE_RR", held, "A"), A)
    yield Case("POST", "/changes", path("changes") + dry, 200, _one("UPDATE_RR", www, "A"), _changes("PATCH", www))
    yield Case("POST", "/changes", path("changes") + dry, 409, _one("CREATE_RR", www, "A"), _changes("POST", www))
    both = (Need("CREATE_ZONE", "new.test"), Need("UPDATE_RR", www, ("A",)))
    made = {"changes": [{"method": "POST", "zone": "new.test", "entry": NS}, *_changes("PATCH", www)["changes"]]}
    yield Case("POST", "/changes", path("changes") + dry, 200, (both,), made)


def _changes(method: str, name: str) -> dict[str, Any]:
    return {"changes": [{"method": method, "fqdn": name, "entry": A}]}


def _vzones() -> Iterator[Case]:
    dry = "?dry_run=true"
    one, to = "/vzone/{vzone}", {"tenant": "theirs"}
    yield Case("GET", "/vzone", path("vzone"), 200, _one("LIST_VZONES"))
    yield Case("GET", "/vzone", path("vzone") + "?given=true", 200, _one("LIST_VZONES"))
    yield Case("GET", one, path("vzone", "v.o.test"), 200, _one("READ_VZONE", "v.o.test"))
    yield Case("GET", one, path("vzone", "v.t2.test"), 200, _one("READ_VZONE", "v.t2.test"))
    yield Case("GET", one, path("vzone", "n.t2.test"), 404, _one("READ_VZONE", "n.t2.test"))
    yield Case("POST", one, path("vzone", "n.t2.test") + dry, 200, _one("CREATE_VZONE", "n.t2.test"), to)
    yield Case("POST", one, path("vzone", "v.t2.test") + dry, 409, _one("CREATE_VZONE", "v.t2.test"), to)
    yield Case("POST", one, path("vzone", "n.none.test") + dry, 404, _one("CREATE_VZONE", "n.none.test"), to)
    yield Case("PUT", one, path("vzone", "n.t2.test") + dry, 200, _one("CREATE_VZONE", "n.t2.test"), to)
    yield Case("PUT", one, path("vzone", "v.t2.test") + dry, 200, _one("UPDATE_VZONE", "v.t2.test"), to)
    yield Case("DELETE", one, path("vzone", "v.t2.test") + dry, 200, _one("DELETE_VZONE", "v.t2.test"))
    yield Case("GET", one, path("vzone", "w.o.test"), 0, never=True)
    yield Case("DELETE", one, path("vzone", "v.o.test") + dry, 0, never=True)
    for method in ("POST", "PUT"):
        yield Case(method, one, path("vzone", "w.o.test") + dry, 0, json=to, never=True)


def _accounts(world: dict[str, str]) -> Iterator[Case]:
    dry = "?dry_run=true"
    one = "/tenant/{tenant}"
    yield Case("GET", "/tenant", path("tenant"), 200, _one("LIST_TENANTS"))
    yield Case("POST", "/tenant", path("tenant") + dry, 200, _one("CREATE_TENANT"), {"name": "new"})
    for name, then, own in (("mine", 200, True), ("theirs", 200, False), ("nobody", 404, False)):
        for method, verb, body in (
            ("GET", "GET", None), ("PUT", "UPDATE", {"name": name}), ("PATCH", "UPDATE", {"properties": {"a": "b"}}),
            ("DELETE", "DELETE", None),
        ):  # fmt: skip
            needs = _either(f"{verb}_TENANT", *([f"{verb}_SELF_TENANT"] if own else []))
            answered = 409 if method == "DELETE" and then == 200 else then
            yield Case(method, one, path("tenant", name) + (dry if method != "GET" else ""), answered, needs, body)
    yield Case("GET", "/permissions", path("permissions"), 200, _either(*ROLE_PERMISSIONS))
    for kind, noun, have, form in (
        ("role", "ROLE", "spare", {"name": "spare"}),
        ("user", "USER", "mate", {"name": "mate"}),
        ("apikey", "APIKEY", world["mate key"], {"owner": "mate"}),
        ("tsigkey", "APIKEY", "mate.key", {"name": "mate.key"}),
    ):
        here = f"/{kind}/{{{ {'apikey': 'id', 'tsigkey': 'name'}.get(kind, kind) }}}"
        yield Case("GET", f"/{kind}", path(kind), 200, _one(f"LIST_{noun}S"))
        fresh = {**form, "name": "fresh"} if "name" in form else form
        yield Case("POST", f"/{kind}", path(kind) + dry, 200, _one(f"CREATE_{noun}"), fresh)
        if "name" in form:
            yield Case("POST", f"/{kind}", path(kind) + dry, 409, _one(f"CREATE_{noun}"), form)
        for name, then in ((have, 200), ("nothing", 404)):
            yield Case("GET", here, path(kind, name), then, _one(f"GET_{noun}"))
            yield Case("DELETE", here, path(kind, name) + dry, then, _one(f"DELETE_{noun}"))
            if kind in ("role", "user"):
                put = {**form, "name": name}
                yield Case("PUT", here, path(kind, name) + dry, then, _one(f"UPDATE_{noun}"), put)
            elif kind == "tsigkey":
                yield Case("PUT", here, path(kind, name) + dry, then, _one("CREATE_APIKEY"), {"name": name})
        if kind != "role":
            foreign = {"user": "stranger", "apikey": world["stranger key"], "tsigkey": "stranger.key"}[kind]
            yield Case("GET", here, path(kind, foreign), 0, never=True)
            yield Case("DELETE", here, path(kind, foreign) + dry, 0, never=True)
        if kind == "tsigkey":
            yield Case("PUT", here, path(kind, "stranger.key") + dry, 0, (), {"name": "stranger.key"}, never=True)
    yield Case("PUT", "/role/{role}", path("role", "spare") + dry, 400, _one("UPDATE_ROLE"), {"name": "other"})
    yield Case("GET", "/user/{user}", path("user", "asker"), 200, _either("GET_USER", "GET_SELF_USER"))
    yield Case("DELETE", "/user/{user}", path("user", "asker") + dry, 200, _either("DELETE_USER", "DELETE_SELF_USER"))
    for kind, permission in (
        ("user", "LIST_USERS"),
        ("role", "LIST_ROLES"),
        ("apikey", "LIST_APIKEYS"),
        ("zone", "LIST_ZONES"),
    ):
        both = ((Need("IMPERSONATE_TENANT"), Need(permission)),)
        for other in ("theirs", world["theirs"], "*"):
            yield Case("GET", f"/{kind}", path(kind) + f"?tenant={other}", 200, both)
        yield Case("GET", f"/{kind}", path(kind) + "?tenant=mine", 200, _one(permission))
        yield Case("GET", f"/{kind}", path(kind) + "?tenant=nobody", 404, _one("IMPERSONATE_TENANT"))
    both = ((Need("IMPERSONATE_TENANT"), Need("READ_RR", "www.o.test", None, True)),)
    yield Case("GET", "/rr/{fqdn}", path("rr", "www.o.test") + "?tenant=theirs", 200, both, reads="www.o.test")
    both = ((Need("IMPERSONATE_TENANT"), Need("DELETE_ZONE", "o.test")),)
    yield Case("DELETE", "/zone/{zone}", path("zone", "o2.test") + dry + "&tenant=theirs", 200,
               ((Need("IMPERSONATE_TENANT"), Need("DELETE_ZONE", "o2.test")),))  # fmt: skip


def _server(world: dict[str, str]) -> Iterator[Case]:
    yield Case("GET", "/version", path("version"), 200)
    yield Case("GET", "/status", path("status"), 200)
    yield Case("GET", "/config/log", path("config", "log"), 200, _one("METRICS"))
    yield Case("PATCH", "/config/log", path("config", "log"), 200, _one("IMPERSONATE_TENANT"), {"level": "info"})
    yield Case("GET", "/metrics", "/metrics", 200, _one("METRICS"), rooted=True)
    yield Case("GET", "/backup", path("backup"), 200, _one("LIST_BACKUPS"))
    yield Case("POST", "/backup", path("backup"), 201, _one("CREATE_BACKUP"))
    yield Case("DELETE", "/backup", path("backup") + "?keep=1000", 200, _one("DELETE_BACKUP"))
    yield Case("DELETE", "/backup/{id}", path("backup", "nothing"), 404, _one("DELETE_BACKUP"))
    yield Case("POST", "/backup/{id}/verify", path("backup", "nothing", "verify"), 404, _one("VERIFY_BACKUP"))
    for target in ("/healthz", "/readyz", "/api/docs", "/api/docs/docs.js", "/api/docs/docs.css"):
        yield Case("GET", target, target, 200, rooted=True)
    for target in ("/", "/api", "/api/docs/"):
        yield Case("GET", target, target, 307, rooted=True)
    yield Case("GET", "/api/v1/openapi.json", path("openapi.json"), 200, rooted=True)


def templates(every: Iterable[Case]) -> set[tuple[str, str]]:
    """Endpoints that are spoken of: method and full path."""
    return {(case.method, case.template if case.rooted else "/api/v1" + case.template) for case in every}
