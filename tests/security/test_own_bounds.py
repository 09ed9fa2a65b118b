"""What a tenant, a role or a key may not do although each single step of it is allowed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.query
import dns.rcode
import dns.tsigkeyring
import dns.update
import pytest

from nsblast.admin import events
from tests.helpers.api import PASSWORD, Api, api
from tests.security.wire import Wire, basic, key, path

NS = {"ns": ["ns1.example.net"]}


def do(wire: Wire, method: str, target: str, json: object = None) -> Any:
    """The answer's value."""
    got = wire(method, target, json)
    assert got.status in (200, 201), (method, target, got.body)
    return got.value


def login(admin: Wire, server: Api, tenant: str, role: str, **form: Any) -> Wire:
    """By a key of a user of a tenant with one new role."""
    act = f"?tenant={tenant}"
    do(admin, "POST", path("role") + act, {"name": role, **form})
    do(admin, "POST", path("user") + act, {"name": f"{tenant}.{role}", "roles": [role]})
    made = do(admin, "POST", path("apikey") + act, {"owner": f"{tenant}.{role}", "roles": [role]})
    return Wire(server, key(made["key"]))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder: Path = tmp_path_factory.mktemp("bounds")
    with api(folder, "--http-body-limit", "64KiB", workers=1) as started:
        with Wire(started, basic("admin", PASSWORD)) as admin:
            for name in ("one", "two"):
                do(admin, "POST", path("tenant"), {"name": name})
        yield started


@pytest.fixture
def admin(server: Api) -> Iterator[Wire]:
    with Wire(server, basic("admin", PASSWORD)) as wire:
        yield wire


def test_a_small_body_stands_for_no_large_zone(admin: Wire) -> None:
    """$GENERATE counts as the text it stands for; 142 octets made four million records."""
    head = "@ 60 IN SOA ns. h. 1 2 3 4 5\n@ 60 IN NS ns.\n"
    for lines, status in (
        ("$GENERATE 1-100 x$ 60 A 192.0.2.1\n", 201),
        ("$GENERATE 1-1000 x$ 60 A 192.0.2.1\n" * 9, 400),
    ):
        target = path("zone", f"g{status}.test")
        got = admin("PUT", target, raw=(head + lines).encode(), headers={"content-type": "text/dns"})
        assert got.status == status, got.body
    assert b"at most 65536 octets" in got.body


def test_a_role_for_some_names_reads_no_others(server: Api, admin: Wire) -> None:
    """The list of entries hid them; the master file and the history showed them."""
    do(admin, "POST", path("zone", "names.test") + "?tenant=one", NS)
    do(admin, "PATCH", path("rr", "secret.names.test") + "?tenant=one", {"txt": ["hidden"]})
    do(admin, "PATCH", path("rr", "names.test") + "?tenant=one", {"txt": ["shown"]})
    reading = ["READ_ZONE", "LIST_ZONES"]
    some = login(admin, server, "one", "apex", permissions=reading, filter={"fqdn": "names.test", "recursive": False})
    every = login(admin, server, "one", "below", permissions=reading, filter={"fqdn": "names.test"})
    fits = login(admin, server, "one", "regex", permissions=reading, filter={"regex": r"(.*\.)?names\.test"})
    zone = path("zone", "names.test")
    for target in (zone + "/export", zone + "/history?kind=verbose", "/api/v1/history?kind=verbose"):
        for wire in (some, every, fits):
            got = wire("GET", target)
            assert (b"hidden" in got.body) is (wire is not some), (target, got.body)
            assert got.status == (403 if wire is some and target.endswith("export") else 200)
            assert got.status == 403 or b"shown" in got.body
    for wire in (some, every, fits):
        wire.close()


def test_who_acts_elsewhere_gives_no_more_than_at_home(server: Api, admin: Wire) -> None:
    """IMPERSONATE_TENANT with CREATE_APIKEY or CREATE_USER made a key to everything, of the first tenant's administrator."""
    may = ["IMPERSONATE_TENANT", "CREATE_USER", "UPDATE_USER", "CREATE_ROLE", "UPDATE_ROLE", "CREATE_APIKEY", "READ_RR"]
    do(admin, "POST", path("tenant"), {"name": "support", "allowedPermissions": may})
    with login(admin, server, "support", "all", permissions=may) as support:
        do(admin, "POST", path("role"), {"name": "reader", "permissions": ["READ_RR"]})
        first = "?tenant=nsblast"
        everything = {"name": "x", "roles": ["Administrator"], "password": "a password long enough"}
        for method, target, form in (
            ("POST", path("apikey"), {"owner": "admin", "roles": ["Administrator"]}),
            ("POST", path("user"), everything),
            ("PUT", path("user", "admin"), {**everything, "name": "admin"}),
            ("POST", path("role"), {"name": "mine", "permissions": ["DELETE_TENANT"]}),
            ("PUT", path("role", "reader"), {"name": "reader", "permissions": ["READ_RR", "CREATE_BACKUP"]}),
        ):
            got = support(method, target + first, form)
            assert got.status == 403 and b"your own tenant may not do that" in got.body, (target, got.body)
        do(support, "POST", path("apikey") + first, {"owner": "admin", "roles": ["reader"]})
        do(support, "POST", path("user") + first, {**everything, "roles": ["reader"]})
        # what a tenant may not have is not given by its roles
        do(support, "POST", path("role") + "?tenant=one", {"name": "reader", "permissions": ["READ_RR", "METRICS"]})


def test_prerequisites_answer_nobody_who_may_not_ask(server: Api, admin: Wire) -> None:
    """The key of a part of a zone read the rest by them, which its query rule shows to nobody."""
    do(admin, "POST", path("zone", "closed.test") + "?tenant=one", NS)
    do(admin, "PATCH", path("rr", "secret.closed.test") + "?tenant=one", {"a": ["192.0.2.77"]})
    do(admin, "PUT", path("config", "closed.test", "access") + "?tenant=one", {"access": {"query": ["none"]}})
    do(admin, "POST", path("vzone", "v.closed.test") + "?tenant=one", {"tenant": "two"})
    ring = {}
    for tenant in ("one", "two"):
        made = do(admin, "POST", path("tsigkey") + f"?tenant={tenant}", {"name": f"{tenant}.key", "update": True})
        ring[f"{tenant}.key."] = ("hmac-sha256", made["secret"])
    keys = dns.tsigkeyring.from_text(ring)
    refused, done, wrong = dns.rcode.REFUSED, dns.rcode.NOERROR, dns.rcode.NXRRSET
    for tenant, prerequisite, rcode in (
        ("two", ("secret.closed.test.", "A", "192.0.2.77"), refused),
        ("two", ("secret.closed.test.", "A", "192.0.2.78"), refused),
        ("two", ("nothing.closed.test.",), refused),
        ("two", ("v.closed.test.", "A"), wrong),
        ("one", ("secret.closed.test.", "A", "192.0.2.77"), done),
    ):
        update = dns.update.UpdateMessage("closed.test", keyring=keys, keyname=f"{tenant}.key.")
        update.present(*prerequisite)
        assert dns.query.udp(update, server.address, 5, server.port).rcode() == rcode, (tenant, prerequisite)


def test_one_tenant_does_not_listen_in_all_places(server: Api, admin: Wire) -> None:
    with login(admin, server, "two", "listener", permissions=["LIST_ZONES"]) as wire:
        listening = []
        for number in range(events.OF_TENANT + 1):
            one = Wire(server, wire.credentials, address=f"127.0.1.{1 + number % 2}")
            one.start(one.octets("GET", path("events")))
            listening.append(one)
            head = one.some()
            assert head.startswith(b"HTTP/1.1 200" if number < events.OF_TENANT else b"HTTP/1.1 503"), head
        with Wire(server, admin.credentials, address="127.0.1.9") as other:
            other.start(other.octets("GET", path("events")))
            assert other.some().startswith(b"HTTP/1.1 200")
        for one in listening:
            one.close()
