"""Accounts and virtual zones by command without HTTP: on a stopped database, and beside a server by its control socket."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsblast.client import Client, NotLoggedIn
from tests.helpers.api import PASSWORD as ADMINS
from tests.helpers.api import Api, api
from tests.helpers.commands import Database, nsblast

ZONE = "$ORIGIN here.test.\n$TTL 60\n@ SOA ns h 1 1 1 1 1\n@ NS ns\nns A 192.0.2.1\nwww.sub A 192.0.2.2\n"
PASSWORD = "long enough, and nobody's"


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("URL", "USER", "PASSWORD", "API_KEY"):
        monkeypatch.delenv(f"NSBLAST_{name}", raising=False)


def secret(folder: Path) -> Path:
    file = folder / "password"
    file.touch(0o600)
    file.write_text(PASSWORD + "\n")
    return file


def life(run: Database, folder: Path) -> str:
    """A tenant, a role, a user, a key and a virtual zone; the key."""
    ident = json.loads(run.ok("tenant", "create", "customer", "--json"))["id"]
    assert run.ok("tenant", "list").count("\n") == 2
    run.ok("role", "create", "editor", "--permission", "USE_API", "--permission", "READ_RR", "--permission", "CREATE_RR",
           "--permission", "UPDATE_RR", "--fqdn", "sub.here.test", "--tenant", "customer")  # fmt: skip
    assert "sub.here.test." in run.ok("role", "show", "editor", "--tenant", ident)
    run.ok(
        "user",
        "create",
        "ann@customer",
        "--role",
        "editor",
        "--tenant",
        "customer",
        "--new-password-file",
        secret(folder),
    )
    run.ok("user", "set", "ann@customer", "--property", "phone=1", "--tenant", "customer")
    assert "phone=1" in run.ok("user", "show", "ann@customer", "--tenant", "customer")
    assert "USE_API" in run.ok("role", "permissions")
    key = run.ok("apikey", "create", "--role", "editor", "--owner", "ann@customer", "--tenant", "customer").strip()
    assert "ann@customer" in run.ok("apikey", "list", "--tenant", "customer")
    run.ok("vzone", "create", "sub.here.test", "--to", "customer")
    assert run.ok("vzone", "list", "--tenant", "*") == f"sub.here.test.  here.test.  {ident}\n"
    assert run.ok("vzone", "list", "--given") == f"sub.here.test.  here.test.  {ident}\n"
    assert run.ok("vzone", "list") == run.ok("vzone", "list", "--given", "--tenant", "customer") == ""
    assert run.ok("vzone", "names", "sub.here.test", "--tenant", "customer") == "www.sub.here.test.  a\n"
    return key


def test_on_a_stopped_database_and_what_a_server_makes_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "server"
    folder.mkdir()
    (tmp_path / "zone").write_text(ZONE)
    run = Database(folder / "db")
    run.ok("zone", "import", tmp_path / "zone")
    key = life(run, tmp_path)
    assert (folder / "db" / "password.txt").exists(), "the first accounts are made as a server would"
    taken = run.run("role", "create", "editor", "--tenant", "customer")
    assert (taken.code, taken.out) != (0, "")
    assert "editor" in taken.err
    with api(folder, workers=1) as server, Client(server.url, api_key=key) as client:
        assert client.entry("www.sub.here.test").entry["a"] == ["192.0.2.2"]
        with Client(server.url, user="ann@customer", password=PASSWORD) as ann:
            assert ann.entry("www.sub.here.test").entry["a"] == ["192.0.2.2"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("here")
    (folder / "zone").write_text(ZONE)
    with api(folder, workers=1) as running:
        running.command("zone", "import", str(folder / "zone"))
        yield running


def test_beside_a_server(server: Api, tmp_path: Path) -> None:
    run = Database(server.db_path)
    key = life(run, tmp_path)
    with Client(server.url, api_key=key) as client:
        assert client.entry("www.sub.here.test").entry["a"] == ["192.0.2.2"]
        # What a command takes away is gone for the next request.
        run.ok("user", "set", "ann@customer", "--inactive", "--tenant", "customer")
        with pytest.raises(NotLoggedIn):
            client.entry("www.sub.here.test")
    assert run.ok("vzone", "set", "sub.here.test", "--to", "nsblast").startswith(
        "sub.here.test. of here.test. given to "
    )
    assert run.ok("vzone", "delete", "sub.here.test") == "sub.here.test. of here.test. taken back\n"
    run.ok("user", "delete", "ann@customer", "--tenant", "customer")
    assert run.ok("apikey", "list", "--tenant", "customer") == "", "its keys went with it"
    run.ok("role", "delete", "editor", "--tenant", "customer")
    run.ok("tenant", "delete", "customer")


def test_refusals_are_one_line_with_the_code_they_have_over_http(server: Api) -> None:
    run = Database(server.db_path)
    assert "nobody" in run.fails(3, "user", "show", "nobody")
    assert "nobody" in run.fails(3, "tenant", "delete", "nobody")
    assert "lies in no zone" in run.fails(3, "vzone", "create", "x.nowhere.test", "--to", "nsblast")
    assert "no virtual zone" in run.fails(3, "vzone", "delete", "x.here.test")
    assert "--to" in run.fails(64, "vzone", "create", "x.here.test")
    assert "nobody" in run.fails(65, "vzone", "create", "x.here.test", "--to", "nobody")
    assert "owner: which user" in run.fails(65, "apikey", "create", "--role", "Administrator")
    assert "--user needs --url" in run.fails(64, "user", "list", "--user", "admin")
    assert "--db-path does not go with it" in run.fails(64, "user", "list", "--url", server.url, "--api-key", "x")
    assert "--config does not go with it" in nsblast("role", "list", "--url", server.url, "--config", "x").err


def test_the_past_tells_who_did_it(server: Api, tmp_path: Path) -> None:
    run = Database(server.db_path)
    run.ok("tenant", "create", "of the past")
    with Client(server.url, user="admin", password=ADMINS) as client:
        last = next(one for one in client.history() if one.kind == "tenant")
    assert last.what == "created"
    assert last.user
    assert last.user != "admin"


def test_masters_are_set_shown_and_removed(server: Api) -> None:
    run = Database(server.db_path)
    assert run.ok("zone", "master", "here.test") == "none: a primary zone\n"
    assert "no zone" in run.fails(3, "zone", "master", "nowhere.test")
    run.ok("key", "generate", "moves.key")
    told = run.ok(
        "zone", "master", "copied.test", "--set", "127.0.0.9@5399 key:moves.key, ns.there.test", "--refresh", "90"
    )
    lines = [
        "127.0.0.9 port 5399, key moves.key.",
        "ns.there.test. port 53",
        "by IXFR, looked at every 90 s or more often",
    ]
    assert told.splitlines() == lines
    assert "by AXFR" in run.ok("zone", "master", "copied.test", "--strategy", "axfr")
    found = json.loads(run.ok("zone", "master", "copied.test", "--json"))["master"]
    assert (found["strategy"], found["refresh"], found["also"][0]["hostname"]) == ("axfr", 90, "ns.there.test.")
    for given, word in (("127.0.0.9 nokey", "nokey"), (" ,", "no master"), ("127.0.0.9@0", "0"), ("a b c", "a b c")):
        assert word in run.fails(65, "zone", "master", "copied.test", "--set", given)
    assert "no.such.key" in run.fails(65, "zone", "master", "copied.test", "--set", "127.0.0.9 key:no.such.key")
    assert "stands alone" in run.fails(64, "zone", "master", "copied.test", "--remove", "--refresh", "1")
    assert "by AXFR" in run.ok("zone", "master", "copied.test"), "nothing of what was refused was done"
    assert "SOA" in run.fails(65, "zone", "master", "copied.test", "--remove"), "it never had contents"
    run.ok("zone", "master", "here.test", "--set", "127.0.0.9@5399")
    assert run.ok("zone", "master", "here.test", "--remove") == "none: a primary zone\n"
