"""Everything comes back: a restored server answers the same, record by record; text export and import lose nothing but histories."""

import base64
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import dns.message
import dns.query
import pytest

from nsblast.client import Client, NotLoggedIn
from nsblast.client.shapes import Master, Role, Tenant, TsigKey, User
from tests.helpers.api import PASSWORD, Api, api
from tests.helpers.commands import Database, nsblast

ZONES = Path(__file__).resolve().parents[1] / "interop" / "zones"
TYPES = ("A", "AAAA", "MX", "TXT", "NS", "SOA", "CNAME", "SRV", "CAA", "TYPE65280", "ANY")
SECRET = base64.b64encode(bytes(range(32))).decode()
USERS = "a password of ann's own"


def questions(run: Database) -> list[tuple[str, str]]:
    """Each name that is stored, one below it and one beside it; by each type."""
    names: list[str] = []
    for zone in run.ok("zone", "list").split():
        owners = {
            line.split()[0] for line in run.ok("zone", "export", zone).splitlines() if not line.startswith(("$", ";"))
        }
        names += [zone, f"nothing-here.{zone}", *(f"below.{owner}" for owner in sorted(owners)[:10]), *sorted(owners)]
    return [(name, rdtype) for name in names for rdtype in TYPES]


def answers(server: Api, asked: list[tuple[str, str]]) -> list[object]:
    """What it says to each; records of a section in any order, as a name server may give them."""
    found: list[object] = []
    with socket.create_connection((server.address, server.port), 10) as stream:
        for name, rdtype in asked:
            dns.query.send_tcp(stream, dns.message.make_query(name, rdtype, id=7))
            answer, _ = dns.query.receive_tcp(stream, time.time() + 10)
            parts = [
                sorted(line for each in section for line in each.to_text().split("\n")) for section in answer.sections
            ]
            found.append((name, rdtype, answer.rcode(), answer.flags, parts))
    return found


def furnish(server: Api, run: Database) -> tuple[str, str]:
    """Zones with what zones can have, and accounts of every kind; an API key and the customer's id."""
    run.ok("zone", "import", *sorted(ZONES.glob("*.zone"))[:6])
    with Client(server.url, user="admin", password=PASSWORD) as client:
        customer: Tenant = client.create_tenant("customer", root="customer.test.", properties={"number": "17"})
        client.create_role(Role("editor", ["USE_API", "READ_RR", "UPDATE_RR", "CREATE_RR"], None), tenant=customer.id)
        client.create_user(User("ann@customer", ["editor"], True, {"phone": "1"}), USERS, tenant=customer.id)
        key = client.create_api_key(
            ["editor"], owner="ann@customer", networks=["127.0.0.0/8"], comment="hers", tenant=customer.id
        )
        client.create_tsig_key(TsigKey("all.key.", secret=SECRET, transfer=True))
        client.create_tsig_key(
            TsigKey(
                "some.key.",
                "hmac-sha512",
                secret=SECRET,
                update=True,
                zones=["plain.test."],
                types=["TXT"],
                networks=["127.0.0.1"],
            )
        )
        client.create_zone("customer.test", {"ns": ["ns.example."]}, tenant=customer.id)
        client.create_zone("plain.test", {"ns": ["ns.example."]})
        client.put_entry("www.given.plain.test", {"a": ["192.0.2.7"], "rr": {"type": 65280, "rdata": "wAACAQ=="}})
        client.put_entry(
            "MiXed.plain.test", {"txt": ['"quoted" \\ octets', ["two", "strings"]], "caa": ['0 issue "ca.example"']}
        )
        client.set_access("plain.test", {"transfer": ["192.0.2.0/24", "key:all.key."], "update": ["none"]})
        client.create_vzone("given.plain.test", customer.id)
        client.create_zone("second.test", {"ns": ["ns.example."]})
        client.create_master("second.test", Master("192.0.2.99", 5353, tsig="all.key."))
        assert key.key
        return key.key, customer.id


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, str]]:
    folder = tmp_path_factory.mktemp("everything")
    with api(folder, workers=1) as server:
        key, _ = furnish(server, Database(server.db_path))
        yield server, key


def logs_in(server: Api, key: str) -> None:
    with Client(server.url, api_key=key) as client:
        assert client.entry("www.given.plain.test").entry["a"] == ["192.0.2.7"], "a virtual zone is where it was"
    with Client(server.url, user="ann@customer", password=USERS) as client:
        assert client.entry("www.given.plain.test").entry["rr"]
    with pytest.raises(NotLoggedIn), Client(server.url, user="ann@customer", password="not hers at all") as client:
        client.version()


def test_a_restored_server_answers_the_same(made: tuple[Api, str]) -> None:
    server, key = made
    run = Database(server.db_path)
    asked = questions(run)
    before = answers(server, asked)
    assert len(asked) > 500
    accounts = [
        run.ok(*words, "--tenant", "*", "--json")
        for words in (("user", "list"), ("role", "list"), ("key", "list"), ("vzone", "list"))
    ]
    run.ok("backup", "create")
    # What comes afterwards must be gone again.
    with Client(server.url, user="admin", password=PASSWORD) as client:
        client.put_entry("www.given.plain.test", {"a": ["192.0.2.8"]}, tenant="customer")
        client.delete_zone("customer.test", tenant="customer")
        client.delete_vzone("given.plain.test")
        client.delete_user("ann@customer", tenant="customer")
        client.delete_access("plain.test")
    assert answers(server, asked) != before
    assert server.stop() == 0
    run.ok("backup", "restore", "latest")
    server.start()
    assert answers(server, asked) == before
    assert [
        run.ok(*words, "--tenant", "*", "--json")
        for words in (("user", "list"), ("role", "list"), ("key", "list"), ("vzone", "list"))
    ] == accounts
    logs_in(server, key)


def test_text_and_back_is_the_same(made: tuple[Api, str], tmp_path: Path) -> None:
    server, key = made
    run = Database(server.db_path)
    asked = questions(run)
    before = answers(server, asked)
    run.ok("backup", "export", tmp_path / "text")
    again = tmp_path / "again"
    again.mkdir()
    other = Database(again / "db")
    other.ok("backup", "import", tmp_path / "text")
    other.ok("backup", "export", tmp_path / "text2")
    one, two = (tree(tmp_path / name) for name in ("text", "text2"))
    assert one.keys() == two.keys()
    assert {name for name in one if one[name] != two[name]} == set()
    settings = {
        each["zone"]: each["settings"]
        for each in map(json.loads, (tmp_path / "text2" / "zones.jsonl").read_text().splitlines())
    }
    assert settings["plain.test."]["access"]["transfer"] == ["192.0.2.0/24", "key:all.key."]
    assert settings["second.test."]["master"]["hostname"] == "192.0.2.99"
    kinds = [json.loads(line)["record"] for line in (tmp_path / "text2" / "accounts.jsonl").read_text().splitlines()]
    assert set(kinds) == {"tenant", "role", "user", "apikey", "tsigkey", "vzone"}
    with api(again, workers=1) as copy:
        assert answers(copy, asked) == before
        logs_in(copy, key)
        assert SECRET in Database(copy.db_path).ok("key", "export", "some.key")
    done = nsblast("backup", "import", tmp_path / "text", "-d", again / "db")
    assert done.code != 0
    assert "makes a new one" in done.err


def tree(folder: Path) -> dict[str, bytes]:
    """Every file's contents; without what says when it was written, and in which commit a virtual zone's zone was made."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    told = json.loads(found["meta.json"])
    found["meta.json"] = json.dumps({**told, "time": 0, "position": 0, "settings": {}}).encode()  # they name the folder
    lines = [json.loads(line) for line in found["accounts.jsonl"].splitlines()]
    found["accounts.jsonl"] = json.dumps([{**line, "incarnation": 0} for line in lines]).encode()
    return found
