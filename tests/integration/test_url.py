"""Commands with --url, the client and the example scripts, against a real server over real HTTP."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from nsblast.client import Client, Missing, NotLoggedIn, NotPermitted, Stale, Taken
from tests.helpers.api import PASSWORD, Api, api
from tests.helpers.commands import Done, nsblast
from tests.helpers.masters import Scripted, axfr, soa, wire
from tests.helpers.server import free_place

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api(tmp_path_factory.mktemp("url"), "--default-name-servers", "ns1.example.net.", workers=1) as made:
        yield made


@pytest.fixture(autouse=True)
def environment(server: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("URL", server.url), ("USER", "admin"), ("PASSWORD", PASSWORD)):
        monkeypatch.setenv(f"NSBLAST_{name}", value)


@pytest.fixture(scope="module")
def dns(server: Api) -> Iterator[Client]:
    with Client(server.url, user="admin", password=PASSWORD) as made:
        made.create_zone("example.com")
        yield made


def ok(*arguments: str | Path) -> str:
    done = nsblast(*arguments)
    assert (done.code, done.err) == (0, ""), done
    return done.out


def refused(done: Done, code: int) -> str:
    assert (done.code, done.out, done.err.count("\n")) == (code, "", 1), done
    return done.err


def key_of(tmp_path: Path, role: str) -> Path:
    file = tmp_path / "key"
    file.touch(0o600)
    file.write_text(ok("apikey", "create", "--role", role, "--comment", role))
    return file


# -- the client


def test_records_and_conditions(dns: Client) -> None:
    made = dns.create_entry("www.example.com", {"a": ["192.0.2.1"]}, diff=True)
    assert made.created
    assert made.added is not None
    assert "192.0.2.1" in [each.rdata for each in made.added]
    found = dns.entry("www.example.com")
    assert (found.zone, found.entry["a"]) == ("example.com.", ["192.0.2.1"])
    dns.put_entry("www.example.com", found.entry | {"ttl": 60}, if_match=found.etag)
    with pytest.raises(Stale):
        dns.put_entry("www.example.com", found.entry, if_match=found.etag)
    with pytest.raises(Taken):
        dns.create_entry("www.example.com", found.entry)
    dns.delete_entry("www.example.com", ["a"])
    with pytest.raises(Missing, match="nothing at"):
        dns.entry("www.example.com")


def test_lists_of_many_pages(dns: Client) -> None:
    dns.change(
        [{"method": "PUT", "fqdn": f"n{number}.example.com", "entry": {"a": "192.0.2.9"}} for number in range(25)]
    )
    names = list(dns.zone_names("example.com", limit=7))
    assert len(names) == len(set(names)) >= 26
    assert [entry["fqdn"] for entry in dns.zone_entries("example.com", limit=7)] == names
    assert b"n24.example.com." in b"".join(dns.export_zone("example.com"))
    history = list(dns.zone_history("example.com", limit=1))
    assert len(history) >= 2
    assert history[-1].what == "created"


def test_events(dns: Client) -> None:
    before = dns.status()["store"]["position"]
    dns.create_zone("event.example")
    dns.delete_zone("event.example")
    found = list(islice(dns.events(after=str(before)), 2))
    assert [(each.kind, each.zone) for each in found] == [("created", "event.example."), ("deleted", "event.example.")]


def test_the_server_itself(dns: Client) -> None:
    assert dns.alive()
    assert dns.ready()
    assert dns.version().nsblast
    assert "nsblast_build_info" in dns.metrics()
    assert dns.openapi()["openapi"] == "3.1.0"
    assert dns.set_log(level=dns.log()["level"]) == dns.log()
    backup = dns.create_backup("from afar")
    assert backup in dns.backups()
    assert dns.verify_backup(backup.id).zones >= 1
    assert dns.delete_backup(backup.id) == [backup.id]


# -- commands


def test_accounts(server: Api, tmp_path: Path) -> None:
    ok("tenant", "create", "other")
    assert " other\n" in ok("tenant", "list")
    there = ("--tenant", "other")
    ok(
        "role",
        "create",
        "reader",
        "--permission",
        "USE_API",
        "--permission",
        "LIST_ZONES",
        "--fqdn",
        "a.example",
        *there,
    )
    assert "fqdn=a.example." in ok("role", "show", "reader", *there)
    secret = tmp_path / "secret"
    secret.touch(0o600)
    secret.write_text("a long password\n")
    ok("user", "create", "ann", "--role", "reader", "--property", "mail=a@b", "--new-password-file", secret, *there)
    assert ok("user", "list", *there) == "ann\n"
    as_ann = ("--user", "ann", "--password-file", secret)
    assert ok("zone", "list", *as_ann) == ""
    assert "role" not in refused(nsblast("user", "list", *as_ann), 77)
    ok("user", "set", "ann", "--inactive", *there)
    refused(nsblast("zone", "list", *as_ann), 77)
    assert "mail=a@b" in ok("user", "show", "ann", *there)
    key = ok("apikey", "create", "--role", "reader", "--owner", "ann", "--expires", "2099-01-01", *there).strip()
    (listed,) = nsblast("apikey", "list", "--json", *there).json["apikeys"]
    assert listed["expires"] == "2099-01-01T00:00:00Z"
    assert "key" not in listed
    assert key not in ok("apikey", "show", listed["id"], *there)
    assert ok("apikey", "delete", listed["id"], *there) == f"API key {listed['id']} deleted\n"
    made = ok("key", "generate", "k.example", "--transfer", *there)
    assert made.startswith('key "k.example" {\n\talgorithm hmac-sha256;\n')
    assert ok("key", "list", *there) == "k.example.  hmac-sha256  transfer\n"
    secret.write_text("c2VjcmV0IHNlY3JldA==\n")
    assert "already" in refused(nsblast("key", "add", "k.example", "--secret-file", secret, *there), 4)
    block = tmp_path / "block"
    block.write_text(made)
    ok("key", "import", block, "--replace", "--notify", *there)
    assert ok("key", "list", *there) == "k.example.  hmac-sha256  notify\n"
    assert "not told over --url" in refused(nsblast("key", "export", "k.example", *there), 64)
    assert ok("key", "remove", "k.example", *there) == "key k.example. deleted\n"
    refused(nsblast("key", "show", "k.example", *there), 3)
    refused(nsblast("user", "create", "ann", "--no-password", *there), 4)
    ok("tenant", "delete", "other")
    assert "other" in refused(nsblast("tenant", "show", "other"), 3)


def test_transfer_from_a_server_that_is_named(dns: Client, tmp_path: Path) -> None:
    def commands(place: str) -> None:
        ok("tenant", "create", "away")
        ask = ("zone", "transfer", "example", "--from", place, "--tenant", "away")
        assert ok(*ask) == f"example. transferred from {place} by AXFR, serial 7, a new secondary\n"
        (made,) = [each for each in dns.zones(tenant="*") if each.zone == "example."]
        assert (made.kind, made.tenant) == ("secondary", dns.tenant_of("away").id)
        assert f"\n  from {place}: ok, last check " in ok("zone", "status", "example", "--tenant", "away")
        assert ok(*ask) == f"example. is current with {place}, serial 7\n"
        assert ok(*ask, "--force").endswith("by AXFR, serial 7\n")
        assert "from[0].tsig: there is no key 'none.'" in refused(nsblast(*ask, "--key", "none"), 65)
        ok("role", "create", "follower", "--permission", "USE_API", "--permission", "CONFIG_SLAVE")
        follower = ("--api-key-file", key_of(tmp_path, "follower"))
        fresh = ("zone", "transfer", "fresh.test", "--from", place)
        assert "CREATE_ZONE" in refused(nsblast(*fresh, *follower), 77)
        ok("zone", "delete", "example", "--tenant", "away")
        # What is nowhere to be had is not made.
        refused(nsblast("zone", "transfer", "none.test", "--from", place), 74)
        assert "none.test" not in ok("zone", "list")
        ok("tenant", "delete", "away")

    async def run() -> None:
        async with Scripted(lambda query: [wire(query, axfr(7))], lambda query: [wire(query, [soa(7)])]) as master:
            await asyncio.to_thread(commands, f"{master.address}:{master.port}")

    asyncio.run(run())


def test_rules_and_secondaries_of_a_zone(dns: Client) -> None:
    dns.create_zone("ruled.test")
    assert ok("zone", "access", "ruled.test").splitlines()[1] == "transfer: as in the settings"
    ok("zone", "access", "ruled.test", "--transfer", "192.0.2.0/24", "--dry-run")
    assert dns.access("ruled.test") == {}
    told = ok("zone", "access", "ruled.test", "--transfer", "192.0.2.0/24", "--update", "none")
    assert "transfer: 192.0.2.0/24" in told
    assert dns.access("ruled.test") == {"transfer": ["192.0.2.0/24"], "update": ["none"]}
    ok("zone", "access", "ruled.test", "--transfer", "any")
    assert dns.access("ruled.test") == {"transfer": ["any"], "update": ["none"]}
    ok("zone", "access", "ruled.test", "--query", "none", "--default")
    assert dns.access("ruled.test") == {"query": ["none"]}
    ok("zone", "access", "ruled.test", "--default")
    assert dns.access("ruled.test") == {}

    assert ok("zone", "secondaries", "ruled.test", "--set", "192.0.2.7, 192.0.2.8@5353") == (
        "192.0.2.7 port 53\n192.0.2.8 port 5353\n"
    )
    assert [each.port for each in dns.secondaries("ruled.test") or ()] == [53, 5353]
    assert "1.2.3" in refused(nsblast("zone", "secondaries", "ruled.test", "--set", "1.2.3"), 65)
    assert "exclude" in refused(nsblast("zone", "secondaries", "ruled.test", "--set", "", "--default"), 64)
    assert ok("zone", "secondaries", "ruled.test", "--set", "") == ""
    assert dns.secondaries("ruled.test") == []
    assert ok("zone", "secondaries", "ruled.test", "--default") == "as in the settings\n"
    assert dns.secondaries("ruled.test") is None
    assert "no zone" in refused(nsblast("zone", "access", "none.test"), 3)
    dns.delete_zone("ruled.test")


def test_backup() -> None:
    made = nsblast("backup", "create", "--json").json
    assert ok("backup", "verify", str(made["id"])).startswith(f"backup {made['id']} is whole: ")
    assert made["uuid"] in ok("backup", "list")
    assert "keep" in refused(nsblast("backup", "keep", "0"), 64)
    assert ok("backup", "keep", "1") is not None
    assert ok("backup", "delete", str(made["id"])) == f"backup {made['id']} deleted\n"
    assert refused(nsblast("backup", "verify", str(made["id"])), 3)


def test_who_and_where(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NSBLAST_PASSWORD", "wrong")
    assert refused(nsblast("zone", "list"), 77)
    address, port = free_place()
    assert "cannot be reached" in refused(nsblast("zone", "list", "--url", f"http://{address}:{port}"), 69)
    assert "no URL like" in refused(nsblast("zone", "list", "--url", "localhost"), 64)
    assert "--db-path does not go" in refused(nsblast("zone", "list", "--url", "http://a", "-d", tmp_path), 64)
    assert "no database in" in refused(
        nsblast("zone", "list", "-d", tmp_path / "none"), 66
    )  # -d counts more than NSBLAST_URL
    monkeypatch.delenv("NSBLAST_PASSWORD")
    assert "Password of admin is needed" in refused(nsblast("zone", "list"), 64)
    monkeypatch.delenv("NSBLAST_USER")
    assert "who asks?" in refused(nsblast("zone", "list"), 64)
    monkeypatch.delenv("NSBLAST_URL")
    assert "--tenant needs --url" in refused(nsblast("zone", "list", "--tenant", "x"), 64)
    (tmp_path / "open").write_text("k\n")
    (tmp_path / "open").chmod(0o644)
    assert "chmod 600" in refused(nsblast("zone", "list", "--url", "http://a", "--api-key-file", tmp_path / "open"), 77)


def test_tls(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    flags = ("--http-tls-certificate", str(certificate), "--http-tls-key", str(key), "--http-endpoint", "127.0.0.1")
    with api(tmp_path, *flags, workers=1) as secure:
        url = f"https://localhost:{secure.http_port}"
        assert "CERTIFICATE_VERIFY_FAILED" in refused(nsblast("zone", "list", "--url", url), 69)
        assert ok("zone", "list", "--url", url, "--ca-file", certificate) == ""
        by_address = f"https://127.0.0.1:{secure.http_port}"
        assert "CERTIFICATE_VERIFY_FAILED" in refused(
            nsblast("zone", "list", "--url", by_address, "--ca-file", certificate), 69
        )
        assert nsblast("zone", "list", "--url", f"http://localhost:{secure.http_port}").code == 69


def test_reset_auth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with api(tmp_path, workers=1) as lost:
        with Client(lost.url, user="admin", password=PASSWORD) as dns:
            dns.put_user(dns.user("admin"), "nobody knows this one")
            with pytest.raises(NotLoggedIn):
                dns.users().__next__()
        assert "stop it first" in refused(nsblast("reset-auth", "-d", lost.db_path), 75)
        lost.stop()
        monkeypatch.delenv("NSBLAST_PASSWORD")
        assert "password in" in ok("reset-auth", "-d", lost.db_path)
        lost.start()
        assert ok("user", "list", "--url", lost.url, "--password-file", lost.db_path / "password.txt") == "admin\n"


# -- scripts


def run(script: str, key: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "NSBLAST_API_KEY_FILE": str(key), **more}
    return subprocess.run(
        ["sh", str(EXAMPLES / script), *arguments], env=environ, capture_output=True, text=True, timeout=60, check=False
    )


needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@needs_curl
def test_certbot(server: Api, dns: Client, tmp_path: Path) -> None:
    rights = ("USE_API", "CREATE_RR", "UPDATE_RR", "DELETE_RR")
    ok(
        "role",
        "create",
        "acme",
        "--regex",
        r"_acme-challenge\..*",
        "--type",
        "TXT",
        *(f"--permission={each}" for each in rights),
    )
    key = key_of(tmp_path, "acme")
    for value in ("first-value", "second-value"):
        done = run("certbot-auth.sh", key, CERTBOT_DOMAIN="example.com", CERTBOT_VALIDATION=value)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (rrset,) = server.ask("_acme-challenge.example.com", "TXT").answer
    assert sorted(str(each) for each in rrset) == ['"first-value"', '"second-value"']
    for _ in range(2):
        assert run("certbot-cleanup.sh", key, CERTBOT_DOMAIN="example.com").returncode == 0
        assert not server.ask("_acme-challenge.example.com", "TXT").answer
    with Client(server.url, api_key=key.read_text().strip()) as limited:
        for name, entry in (("_acme-challenge.example.com", {"a": "192.0.2.1"}), ("www2.example.com", {"txt": "x"})):
            with pytest.raises(NotPermitted):
                limited.patch_entry(name, entry)  # type: ignore[arg-type]
    key.write_text("wrong.key\n")
    failed = run("certbot-auth.sh", key, CERTBOT_DOMAIN="example.com", CERTBOT_VALIDATION="x")
    assert failed.returncode != 0
    assert "401" in failed.stderr
    assert run("certbot-cleanup.sh", key, CERTBOT_DOMAIN="example.com").returncode == 1


@needs_curl
def test_home_address(server: Api, dns: Client, tmp_path: Path) -> None:
    words = ("--fqdn", "home.example.com", "--only-name", "--type", "A", "--type", "AAAA")
    ok("role", "create", "home", *words, *(f"--permission={each}" for each in ("USE_API", "CREATE_RR", "UPDATE_RR")))
    key, state = key_of(tmp_path, "home"), str(tmp_path / "state")
    for addresses in (("192.0.2.7", "2001:db8::7"), ("192.0.2.8",)):
        done = run("home-address.sh", key, "home.example.com", *addresses, STATE=state)
        assert (done.returncode, done.stderr) == (0, "")
        assert str(server.ask("home.example.com").answer[0][0]) == addresses[0]
    serial = dns.patch_entry("home.example.com", {"ttl": 61}).serial
    assert run("home-address.sh", key, "home.example.com", "192.0.2.8", STATE=state).returncode == 0
    assert dns.patch_entry("home.example.com", {"ttl": 62}).serial == (serial or 0) + 1  # the script wrote nothing
    assert run("home-address.sh", key, "home.example.com", 'x"', STATE=state).returncode == 1
    assert run("home-address.sh", key, "other.example.com", "192.0.2.8", STATE=state).returncode != 0
    page = (EXAMPLES.parent / "docs/client.md").read_text()
    line = page.split("```\ncurl", 1)[1].split("```", 1)[0]
    environ = {**os.environ, "KEY": key.read_text().strip()}
    subprocess.run(["sh", "-c", f"curl --fail {line}"], env=environ, capture_output=True, timeout=60, check=True)
    assert {str(each) for each in server.ask("home.example.com", "AAAA").answer[0]} == {"2001:db8::7"}
