"""Dynamic update of a running server, by the clients that people use: nsupdate, knsupdate, and what ACME and DNS tools send."""

import base64
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import dns.update
import pytest

from tests.helpers.api import Api, api

SECRET = base64.b64encode(bytes(range(32))).decode()
KEY = "upd.test."
ACME = "acme.test."
ZONE = """\
$ORIGIN example.com.
$TTL 300
@       IN SOA ns1 hostmaster 5 3600 600 86400 60
        NS ns1
ns1     A 192.0.2.1
www     A 192.0.2.10
"""
KEYRING = dns.tsigkeyring.from_text({KEY: ("hmac-sha256", SECRET), ACME: ("hmac-sha512", SECRET)})


def prepare(server: Api, folder: Path) -> None:
    """The zone and two keys: one for all of it, one for ACME's names only."""
    path = folder / "example.zone"
    path.write_text(ZONE)
    server.command("zone", "import", str(path))
    with server.client() as client:
        for form in (
            {"name": KEY, "update": True, "secret": SECRET},
            {
                "name": ACME,
                "algorithm": "hmac-sha512",
                "update": True,
                "secret": SECRET,
                "names": ["_acme-challenge.example.com"],
                "types": ["TXT"],
            },
        ):
            answer = client.post("/tsigkey", json=form)
            assert answer.status_code == 201, answer.text


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("update")
    with api(folder, workers=2) as running:
        prepare(running, folder)
        yield running


def message(key: str = KEY, zone: str = "example.com.") -> dns.update.UpdateMessage:
    """An empty one, signed when it is sent."""
    name = dns.name.from_text(key)
    return dns.update.UpdateMessage(zone, keyring=KEYRING, keyname=name, keyalgorithm=KEYRING[name].algorithm)


def send(server: Api, what: dns.message.Message, *, tcp: bool = False, timeout: float = 5) -> dns.rcode.Rcode:
    """The response code."""
    ask: Any = dns.query.tcp if tcp else dns.query.udp
    answer: dns.message.Message = ask(what, server.address, timeout, server.port)
    return answer.rcode()


def values(server: Api, name: str, rrtype: str = "A") -> list[str]:
    """What a client is told."""
    return sorted(rr.to_text() for rrset in server.ask(name, rrtype).answer for rr in rrset)


def run(tool: str, server: Api, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """nsupdate and knsupdate read the same commands."""
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    script = f"server {server.address} {server.port}\n{text}send\n"
    return subprocess.run([tool, *arguments], input=script, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("tool", ["nsupdate", "knsupdate"])
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_nsupdate(server: Api, tool: str, transport: str) -> None:
    name = f"{tool}-{transport}.example.com."
    flags = ("-y", f"hmac-sha256:{KEY}:{SECRET}", *(("-v",) if transport == "tcp" else ()))
    zone = "zone example.com.\n"
    done = run(tool, server, f"{zone}prereq nxdomain {name}\nupdate add {name} 60 A 192.0.2.7\n", *flags)
    assert done.returncode == 0, done
    assert values(server, name) == ["192.0.2.7"]
    done = run(tool, server, f"{zone}prereq nxdomain {name}\nupdate add {name} 60 A 192.0.2.8\n", *flags)
    assert "YXDOMAIN" in done.stdout + done.stderr
    done = run(tool, server, f"{zone}update delete {name} A\n", *flags)
    assert done.returncode == 0, done
    assert values(server, name) == []


def test_nsupdate_refused(server: Api) -> None:
    text = "zone example.com.\nupdate add x.example.com. 60 A 192.0.2.7\n"
    assert "REFUSED" in run("nsupdate", server, text).stderr
    wrong = base64.b64encode(bytes(32)).decode()
    done = run("nsupdate", server, text, "-y", f"hmac-sha256:{KEY}:{wrong}")
    assert "NOTAUTH" in done.stderr or "BADSIG" in done.stderr
    assert values(server, "x.example.com.") == []


def test_certbot_dns_rfc2136(server: Api) -> None:
    """Its exchange: SOA queries from the name upwards until one is authoritative, then add, later delete one TXT."""
    name = "_acme-challenge.example.com."
    for candidate, found in ((name, False), ("example.com.", True)):
        query = dns.message.make_query(candidate, "SOA")
        query.flags ^= dns.flags.RD
        query.use_tsig(KEYRING, dns.name.from_text(ACME), algorithm="hmac-sha512")
        answer = dns.query.udp(dns.message.make_query(candidate, "SOA"), server.address, 3, server.port)
        assert bool(answer.answer) is found
        assert answer.flags & dns.flags.AA
    for change in ("add", "delete"):
        update = message(ACME)
        relative = dns.name.from_text(name).relativize(dns.name.from_text("example.com."))
        if change == "add":
            update.add(relative, 120, dns.rdatatype.TXT, "token-of-acme")
        else:
            update.delete(relative, dns.rdatatype.TXT, "token-of-acme")
        assert send(server, update, tcp=True) == dns.rcode.NOERROR
        assert values(server, name, "TXT") == (['"token-of-acme"'] if change == "add" else [])
    update = message(ACME)
    update.add("www", 120, "TXT", "not mine")
    assert send(server, update, tcp=True) == dns.rcode.REFUSED


def test_octodns_and_lexicon(server: Api) -> None:
    """octodns-bind sends a plan as deletions and additions of one message; lexicon's ddns replaces RRsets."""
    update = message()
    update.delete("www", "A", "192.0.2.10")
    update.add("www", 300, "A", "192.0.2.20")
    update.add("www", 300, "A", "192.0.2.21")
    update.add("mx", 300, "MX", "10 mail.example.com.")
    assert send(server, update, tcp=True) == dns.rcode.NOERROR
    assert values(server, "www.example.com.") == ["192.0.2.20", "192.0.2.21"]
    update = message()
    update.replace("www", 300, "A", "192.0.2.10")
    update.delete("mx")
    assert send(server, update) == dns.rcode.NOERROR
    assert values(server, "www.example.com.") == ["192.0.2.10"]
    assert values(server, "mx.example.com.", "MX") == []


def test_a_message_as_large_as_there_is(server: Api) -> None:
    update = message()
    for number in range(1200):
        update.add(f"large{number}", 60, "A", f"192.0.2.{number % 250}")
    assert send(server, update, tcp=True, timeout=20) == dns.rcode.NOERROR
    assert values(server, "large1199.example.com.") == [f"192.0.2.{1199 % 250}"]
    update = message()
    for number in range(1200):
        update.delete(f"large{number}")
    assert send(server, update, tcp=True, timeout=20) == dns.rcode.NOERROR
    assert server.ask("large1199.example.com.").rcode() == dns.rcode.NXDOMAIN


def test_many_on_one_connection(server: Api) -> None:
    """Pipelined: none waits for the one before; each has its answer and counts."""
    before = int(values(server, "example.com.", "SOA")[0].split()[2])
    asked: dict[int, bytes] = {}
    with socket.create_connection((server.address, server.port), 10) as connection:
        for number in range(60):
            update = message()
            update.id = number
            update.add(f"pipe{number}", 60, "A", "192.0.2.1")
            packet = update.to_wire()
            asked[number] = packet
            connection.sendall(len(packet).to_bytes(2, "big") + packet)
        stream = connection.makefile("rb")
        for _ in range(60):
            answer = stream.read(int.from_bytes(stream.read(2), "big"))
            assert answer[3] & 15 == 0
            del asked[int.from_bytes(answer[:2], "big")]
    assert not asked
    assert int(values(server, "example.com.", "SOA")[0].split()[2]) == before + 60


def test_history_names_the_key(server: Api) -> None:
    update = message()
    update.add("traced", 60, "A", "192.0.2.1")
    assert send(server, update) == dns.rcode.NOERROR
    with server.client() as client:
        assert f"key:{KEY}" in client.get("/zone/example.com/history").text


def test_control_replaced(tmp_path: Path) -> None:
    """Killed again and again: every update that was answered NOERROR is there afterwards, and updates go on."""
    with api(tmp_path, workers=1) as server:
        prepare(server, tmp_path)
        kept: list[str] = []
        silent = 0
        ended = threading.Event()

        def killing() -> None:
            for _ in range(3):
                time.sleep(0.7)
                server.kill(server.pids()["control"])
                time.sleep(1.0)
            ended.set()

        killer = threading.Thread(target=killing)
        killer.start()
        number = 0
        while not ended.is_set():
            number += 1
            update = message()
            update.add(f"n{number}", 60, "A", "192.0.2.1")
            try:
                if send(server, update, timeout=1.0) == dns.rcode.NOERROR:
                    kept.append(f"n{number}.example.com.")
            except dns.exception.Timeout:
                silent += 1
            except (dns.tsig.BadSignature, dns.message.UnknownTSIGKey, dns.exception.DNSException):
                silent += 1
        killer.join()
        assert len(kept) > 20
        after = message()
        after.add("after", 60, "A", "192.0.2.2")
        assert send(server, after, timeout=5) == dns.rcode.NOERROR
        for name in kept:
            assert values(server, name) == ["192.0.2.1"], (name, len(kept), silent)
        assert int(values(server, "example.com.", "SOA")[0].split()[2]) >= 5 + len(kept) + 1


def test_kill_of_everything(tmp_path: Path) -> None:
    """kill -9 of all processes under load: what was confirmed is in the store."""
    with api(tmp_path, workers=1) as server:
        prepare(server, tmp_path)
        pids = [server.pid, *server.pids().values()]
        kept = []
        for number in range(200):
            if number == 150:
                for pid in pids:
                    server.kill(pid)
                break
            update = message()
            update.add(f"n{number}", 60, "A", "192.0.2.1")
            if send(server, update) == dns.rcode.NOERROR:
                kept.append(f"n{number}.example.com.")
        assert server.process is not None
        server.process.wait(10)
        time.sleep(0.3)
        server.start()
        for name in kept:
            assert values(server, name) == ["192.0.2.1"]
        assert len(kept) == 150
