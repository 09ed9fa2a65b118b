"""What is taken away is gone with the next request: under load, on connections that stay, with passwords that are remembered.

Owns: clients that ask without pause, and the moment from which each answer must be a refusal. A request counts from when it is sent: one
that was under way when the change was answered may still get through, none that began after it.
"""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.helpers.api import PASSWORD, Api, api
from tests.security.wire import Got, Wire, basic, key, path

ROLE = {"name": "lister", "permissions": ["LIST_ROLES", "LIST_ZONES"]}
SECRET = "the first password"
HERE = "127.60.0.1"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api(tmp_path_factory.mktemp("revoked"), workers=1) as running:
        yield running


def do(wire: Wire, method: str, target: str, json: Any = None) -> Got:
    got = wire(method, target, json)
    assert got.status in (200, 201), (method, target, got.body)
    return got


class Load:
    """Clients that stay connected and ask without pause, each as somebody."""

    def __init__(self, server: Api, askers: dict[str, Callable[[], dict[str, str]]], clients: int = 3) -> None:
        self.stop = threading.Event()
        self.forbidden = 0.0
        """Requests sent after this moment must be refused; 0 = none must."""
        self.wrong: list[tuple[str, Got]] = []
        self.through = dict.fromkeys(askers, 0)
        self.refused = dict.fromkeys(askers, 0)
        self.threads = [
            threading.Thread(target=self._ask, args=(server, name, credentials, number))
            for name, credentials in askers.items()
            for number in range(clients)
        ]

    def __enter__(self) -> "Load":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def _ask(self, server: Api, name: str, credentials: Callable[[], dict[str, str]], number: int) -> None:
        # Who was refused comes again from another address: failures would slow it down.
        with Wire(server, timeout=30, address=f"127.61.{len(name)}.{number + 1}") as wire:
            places = itertools.count(1)
            while not self.stop.is_set():
                sent = credentials()
                before, began = self.forbidden, time.monotonic()
                got = wire("GET", path("role"), headers=sent)
                if got.status == 200:
                    self.through[name] += 1
                    if before and began > before and self.forbidden == before:
                        self.wrong.append((name, got))
                else:
                    self.refused[name] += 1
                    assert got.status in (401, 403, 429), got
                    wire.close()
                    place = next(places)
                    wire.address = f"127.{62 + len(name)}.{number + 10 * (place // 250)}.{place % 250 + 1}"
                    self.stop.wait(0.02)

    def taken(self, take: Callable[[], object], give: Callable[[], object]) -> None:
        """Take something away: from its answer on nobody gets through, until it is given back."""
        began = dict(self.through)
        deadline = time.monotonic() + 20
        while any(self.through[name] < began[name] + 3 for name in began):
            assert time.monotonic() < deadline, (began, self.through)
            time.sleep(0.005)
        take()
        refused = dict(self.refused)
        self.forbidden = time.monotonic()
        while any(self.refused[name] < refused[name] + 2 for name in began):
            assert time.monotonic() < deadline, (refused, self.refused)
            time.sleep(0.005)
        self.forbidden = 0.0
        give()


class Customer:
    """A tenant with a role, a user and a key."""

    def __init__(self, server: Api) -> None:
        self.admin = Wire(server, basic("admin", PASSWORD))
        self.act = "?tenant=customer"
        self.id = do(self.admin, "POST", path("tenant"), {"name": "customer"}).value["id"]
        do(self.admin, "POST", path("role") + self.act, ROLE)
        self.form = {"name": "u", "roles": ["lister"]}
        do(self.admin, "POST", path("user") + self.act, {**self.form, "password": SECRET})
        self.secret = SECRET
        self.new_key()

    def new_key(self, **more: Any) -> None:
        """Another one."""
        form = {"owner": "u", "roles": ["lister"], **more}
        self.key = do(self.admin, "POST", path("apikey") + self.act, form).value

    def put(self, kind: str, name: str, form: dict[str, Any]) -> None:
        do(self.admin, "PUT", path(kind, name) + self.act, form)

    def tenant(self, **members: Any) -> None:
        do(self.admin, "PATCH", path("tenant", self.id), members)

    def again(self, kind: str, name: str, form: dict[str, Any]) -> None:
        do(self.admin, "POST", path(kind) + self.act, form)

    def delete(self, kind: str, name: str) -> None:
        do(self.admin, "DELETE", path(kind, name) + self.act)

    def both(self) -> dict[str, Callable[[], dict[str, str]]]:
        return {"password": lambda: basic("u", self.secret), "key": lambda: key(self.key["key"])}


@pytest.fixture
def customer(server: Api) -> Iterator[Customer]:
    made = Customer(server)
    yield made
    made.delete("user", "u")
    do(made.admin, "DELETE", path("tenant", made.id))
    made.admin.close()


def test_roles_users_and_tenants(server: Api, customer: Customer) -> None:
    """Users with a remembered password and keys alike."""
    c = customer
    with Load(server, c.both()) as load:
        load.taken(lambda: c.put("role", "lister", {"name": "lister"}), lambda: c.put("role", "lister", ROLE))
        load.taken(lambda: c.tenant(active=False), lambda: c.tenant(active=True))
        load.taken(
            lambda: c.tenant(allowedPermissions=["LIST_ZONES"]), lambda: c.tenant(allowedPermissions=["LIST_ROLES"])
        )
        load.taken(lambda: c.put("user", "u", {**c.form, "active": False}), lambda: c.put("user", "u", c.form))

        def role_again() -> None:
            c.again("role", "lister", ROLE)
            c.put("user", "u", c.form)
            c.new_key()

        load.taken(lambda: c.delete("role", "lister"), role_again)

        def user_again() -> None:
            c.again("user", "u", {**c.form, "password": SECRET})
            c.new_key()

        load.taken(lambda: c.delete("user", "u"), user_again)
        load.taken(lambda: c.put("user", "u", {**c.form, "active": False}), lambda: c.put("user", "u", c.form))
    assert not load.wrong, load.wrong[:3]


def test_a_password(server: Api, customer: Customer) -> None:
    """The old one, though it is remembered; users' own roles too."""
    c = customer
    with Load(server, {"password": c.both()["password"]}, clients=6) as load:

        def renewed() -> None:
            c.put("user", "u", {**c.form, "password": "the second password"})

        def known() -> None:
            c.secret = "the second password"

        load.taken(renewed, known)
        load.taken(lambda: c.put("user", "u", {"name": "u"}), lambda: c.put("user", "u", c.form))
    assert not load.wrong, load.wrong[:3]


def test_keys(server: Api, customer: Customer) -> None:
    """Deleted, expired by the clock alone, and used from elsewhere than their networks."""
    c = customer
    with Load(server, {"key": c.both()["key"]}, clients=6) as load:
        load.taken(lambda: c.delete("apikey", c.key["id"]), c.new_key)
        expires = time.time() + 2.0
        c.new_key(expires=expires)
        load.taken(lambda: time.sleep(max(0.0, expires - time.time())), c.new_key)
        load.taken(lambda: c.new_key(networks=["192.0.2.0/24"]), c.new_key)
    assert not load.wrong, load.wrong[:3]


def test_names_given_to_others(server: Api, customer: Customer) -> None:
    """A virtual zone that is taken back, a root that is moved, a delegated sub-zone: the very next request, on connections that stay."""
    c = customer
    names = ["READ_RR", "CREATE_RR", "UPDATE_RR", "DELETE_RR", "READ_ZONE", "CREATE_ZONE", "DELETE_ZONE"]
    do(c.admin, "POST", path("zone", "given.test"), {"ns": ["ns1.example.net"]})
    c.put("role", "lister", {"name": "lister", "permissions": names})
    www, entry = path("rr", "www.sub.given.test"), {"txt": ["theirs"]}
    apex = path("zone", "sub.given.test")
    with Wire(server, key(c.key["key"])) as theirs, Wire(server, basic("u", SECRET), address=HERE) as by_password:
        for turn in range(20):
            for wire in (theirs, by_password):
                assert wire("PATCH", www, entry).status == 403, turn
            do(c.admin, "POST", path("vzone", "sub.given.test"), {"tenant": "customer"})
            for wire in (theirs, by_password):
                do(wire, "PATCH", www, entry)
            assert c.admin("GET", www).status == 403  # the giver's rights end there
            do(c.admin, "DELETE", path("vzone", "sub.given.test"))
            assert c.admin("GET", www).value["txt"] == ["theirs"]
        # a sub-zone of another tenant's zone: its root lets a tenant make it, and nothing else
        for _ in range(5):
            c.tenant(root="elsewhere.test")
            assert theirs("POST", apex, {"ns": ["ns1.example.net"]}).status == 403
            c.tenant(root="sub.given.test")
            do(theirs, "POST", apex, {"ns": ["ns1.example.net"]})
            assert theirs("POST", path("zone", "other.given.test"), {"ns": ["ns1.example.net"]}).status == 403
            assert theirs("POST", path("zone", "given.test.elsewhere.test"), {"ns": ["ns1.example.net"]}).status == 403
            do(theirs, "PUT", www, entry)
            assert c.admin("GET", www).status == 403
            do(theirs, "DELETE", apex)
            assert theirs("PUT", www, entry).status == 403
        c.tenant(root="")
    do(c.admin, "DELETE", path("zone", "given.test"))


def test_a_stream_of_events_ends(server: Api, customer: Customer) -> None:
    """It tells nothing of what happens after its rights are gone."""
    c = customer
    c.put("role", "lister", {"name": "lister", "permissions": ["LIST_ZONES", "CREATE_ZONE", "DELETE_ZONE"]})
    with Wire(server, key(c.key["key"]), 10) as listener, Wire(server, key(c.key["key"])) as maker:
        listener.start(listener.octets("GET", path("events") + "?heartbeat=1"))
        told = b""
        do(maker, "POST", path("zone", "heard.test"), {"ns": ["ns1.example.net"]})
        while b"heard.test" not in told:
            told += listener.some()
        do(maker, "POST", path("zone", "unheard.test"), {"ns": ["ns1.example.net"]})
        while b"unheard.test" not in told:
            told += listener.some()
        c.put("role", "lister", {"name": "lister"})
        do(c.admin, "POST", path("zone", "secret.test") + c.act, {"ns": ["ns1.example.net"]})
        while not told.endswith(b"\r\n0\r\n\r\n"):  # the last chunk: it has ended
            told += listener.some()
        assert b"secret" not in told
    for zone in ("heard.test", "unheard.test", "secret.test"):
        do(c.admin, "DELETE", path("zone", zone) + c.act)
