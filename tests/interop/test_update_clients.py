"""Programs that change zones by RFC 2136, unchanged against nsblast: certbot's plug-in, octodns-bind, lexicon, dig, kdig.

The Python ones run in an environment of their own (ci/clients.sh). What cert-manager and external-dns send is written in Go; here
their messages are made by dnspython, one for one as their sources (and the library below, which knows no EDNS unless told) make them.
nsupdate and knsupdate: tests/integration/test_update.py.
"""

import base64
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.tsig
import dns.update
import pytest

from tests.helpers import transfers
from tests.helpers.api import Api, api

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = Path(os.environ.get("NSBLAST_TEST_CLIENTS", ROOT / "build/clients/bin/python"))
SECRET = base64.b64encode(bytes(range(64))).decode()
KEY, ACME = "all.test.", "acme.test."
ZONE = "example.com."
TEXT = """\
$ORIGIN example.com.
$TTL 300
@ SOA ns1 hostmaster 5 3600 600 86400 60
@ NS ns1
ns1 A 192.0.2.1
www A 192.0.2.10
www A 192.0.2.11
gone A 192.0.2.12
"""
YAML = """\
---
'':
  ttl: 300
  type: NS
  values: [ns1.example.com.]
alias: {ttl: 300, type: CNAME, value: www.example.com.}
mail: {ttl: 300, type: MX, values: [{exchange: mx.example.com., preference: 10}]}
ns1: {ttl: 300, type: A, value: 192.0.2.1}
text: {ttl: 300, type: TXT, value: 'v=spf1 include:example.net ~all'}
www: {ttl: 600, type: A, values: [192.0.2.20, 192.0.2.21]}
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Api]:
    path = tmp_path / "zone"
    path.write_text(TEXT)
    with api(tmp_path, workers=1) as running:
        running.command("zone", "import", str(path))
        with running.client() as client:
            for form in (
                {"name": KEY, "algorithm": "hmac-sha256", "update": True, "transfer": True},
                {"name": ACME, "algorithm": "hmac-sha512", "update": True, "names": ["_acme-challenge.example.com"]},
            ):
                assert client.post("/tsigkey", json={**form, "secret": SECRET}).status_code == 201
        yield running


def values(server: Api, name: str, rdtype: str = "A") -> list[str]:
    return sorted(rr.to_text() for rrset in server.ask(name, rdtype).answer for rr in rrset)


def run(program: str, server: Api, *arguments: str, key: str = KEY) -> str:
    """A client's output. It has to end well."""
    if not CLIENTS.exists():
        pytest.skip("ci/clients.sh was not run")
    command = [str(CLIENTS), str(ROOT / "tests/interop/clients" / f"{program}.py")]
    command += [server.address, str(server.port), key, SECRET, *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_certbot(server: Api) -> None:
    """Two challenges for one name stand beside each other, and each is taken away alone."""
    name = "_acme-challenge.example.com"
    for value in ("one", "two"):
        run("certbot_rfc2136", server, name, "perform", value, key=ACME)
    assert values(server, name, "TXT") == ['"one"', '"two"']
    run("certbot_rfc2136", server, name, "cleanup", "one", key=ACME)
    assert values(server, name, "TXT") == ['"two"']
    run("certbot_rfc2136", server, name, "cleanup", "two", key=ACME)
    assert values(server, name, "TXT") == []


def test_octodns(server: Api, tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(YAML)
    assert run("octodns_sync", server, ZONE, str(plan)).strip() == "5"
    assert values(server, "www.example.com.") == ["192.0.2.20", "192.0.2.21"]
    assert values(server, "alias.example.com.", "CNAME") == ["www.example.com."]
    assert values(server, "mail.example.com.", "MX") == ["10 mx.example.com."]
    assert values(server, "text.example.com.", "TXT") == ['"v=spf1 include:example.net ~all"']
    assert values(server, "gone.example.com.") == []
    assert run("octodns_sync", server, ZONE, str(plan)).strip() == "0"  # it finds what it made


def test_lexicon(server: Api) -> None:
    run("lexicon_ddns", server, ZONE, "create", f"lex.{ZONE}", "TXT", "some text")
    assert values(server, f"lex.{ZONE}", "TXT") == ['"some" "text"']
    run("lexicon_ddns", server, ZONE, "create", f"lex.{ZONE}", "A", "192.0.2.7")
    assert values(server, f"lex.{ZONE}") == ["192.0.2.7"]
    run("lexicon_ddns", server, ZONE, "delete", f"lex.{ZONE}", "A", "192.0.2.7")
    assert values(server, f"lex.{ZONE}") == []


def key_of(name: str, algorithm: str) -> dns.tsig.Key:
    return dns.tsig.Key(name, SECRET, algorithm)


def exchange(server: Api, update: dns.update.UpdateMessage, key: dns.tsig.Key, *, tcp: bool = False) -> str:
    """As Go's library does: signed, no EDNS; the answer must be signed."""
    update.use_tsig(key)
    ask = dns.query.tcp if tcp else dns.query.udp
    answer = ask(update, server.address, 5, server.port)
    assert answer.had_tsig
    return dns.rcode.to_text(answer.rcode())


@pytest.mark.parametrize("tcp", [False, True])
def test_cert_manager(server: Api, tcp: bool) -> None:
    """One TXT of 60 s is added for a challenge, and that one record deleted (class NONE) when it is over."""
    name, key = "_acme-challenge.example.com.", key_of(ACME, "hmac-sha512")
    update = dns.update.UpdateMessage(ZONE)
    update.add(name, 60, "TXT", "challenge")
    assert exchange(server, update, key, tcp=tcp) == "NOERROR"
    assert values(server, name, "TXT") == ['"challenge"']
    update = dns.update.UpdateMessage(ZONE)
    update.delete(name, "TXT", "challenge")
    assert exchange(server, update, key, tcp=tcp) == "NOERROR"
    assert values(server, name, "TXT") == []
    assert exchange(server, update, key, tcp=tcp) == "NOERROR"  # what is not there is gone


def test_external_dns(server: Api) -> None:
    """It takes the zone by a signed AXFR, adds an endpoint's targets and its TXT of ownership, changes by deleting and adding, over UDP."""
    key = key_of(KEY, "hmac-sha256")

    def endpoints() -> dict[tuple[str, str], list[str]]:
        found: dict[tuple[str, str], list[str]] = {}
        for name, _, rdata in transfers.take(transfers.question(ZONE, key=key), (server.address, server.port), key):
            found.setdefault((str(name), rdata.rdtype.name), []).append(rdata.to_text())
        return found

    owner = '"heritage=external-dns,external-dns/owner=default"'
    assert ("www.example.com.", "A") in endpoints()
    for rdtype, targets in (("A", ["192.0.2.30", "192.0.2.31"]), ("TXT", [owner])):
        update = dns.update.UpdateMessage(ZONE)
        for target in targets:
            update.add("app.example.com.", 60, rdtype, target)
        assert exchange(server, update, key) == "NOERROR"
    assert endpoints()["app.example.com.", "A"] == ["192.0.2.30", "192.0.2.31"]
    update = dns.update.UpdateMessage(ZONE)
    for target in ("192.0.2.30", "192.0.2.31"):
        update.delete("app.example.com.", "A", target)
    update.add("app.example.com.", 120, "A", "192.0.2.32")
    assert exchange(server, update, key) == "NOERROR"
    assert endpoints()["app.example.com.", "A"] == ["192.0.2.32"]
    for rdtype, target in (("A", "192.0.2.32"), ("TXT", owner)):
        update = dns.update.UpdateMessage(ZONE)
        update.delete("app.example.com.", rdtype, target)
        assert exchange(server, update, key) == "NOERROR"
    assert not [name for name, _ in endpoints() if name.startswith("app.")]


def tool(server: Api, *words: str) -> str:
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    command = [words[0], f"@{server.address}", "-p", str(server.port), *words[1:]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize("program", ["dig", "kdig"])
def test_dig_with_keys(server: Api, program: str) -> None:
    right = ("-y", f"hmac-sha256:{KEY}:{SECRET}")
    answer = tool(server, program, *right, "www.example.com", "A")
    assert "192.0.2.10" in answer
    assert "TSIG" in answer
    assert "verify" not in answer.lower()
    whole = tool(server, program, *right, "example.com", "AXFR")
    assert whole.count("SOA") == 2
    assert "192.0.2.12" in whole
    update = dns.update.UpdateMessage(ZONE)
    update.delete("gone.example.com.")
    assert exchange(server, update, key_of(KEY, "hmac-sha256")) == "NOERROR"
    difference = tool(server, program, *right, "example.com", "IXFR=5")
    assert difference.count("SOA") == 4
    assert "192.0.2.12" in difference
    assert "192.0.2.10" not in difference
    wrong = ("-y", f"hmac-sha256:{KEY}:{base64.b64encode(bytes(32)).decode()}")
    refused = tool(server, program, *wrong, "example.com", "AXFR")
    assert "192.0.2.10" not in refused
    assert "BADSIG" in refused or "NOTAUTH" in refused
    assert "192.0.2.10" not in tool(server, program, "example.com", "AXFR")
