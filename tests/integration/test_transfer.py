"""AXFR and IXFR out, over real processes: contents, differences, access, signatures, versions under change. RFC 5936, 1995, 8945."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.edns
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import httpx
import pytest

from nsblast.backend.remote import RemoteBackend
from nsblast.control import Client
from nsblast.records import name_from_text
from nsblast.zones.model import ChangeSet, PutName, RRset
from tests.helpers import transfers
from tests.helpers.api import PASSWORD, Api, api

ZONE = """\
$ORIGIN example.com.
$TTL 300
@ SOA ns1 hostmaster 5 3600 600 86400 60
@ NS ns1
@ MX 10 Mail.example.com.
ns1 A 192.0.2.1
WWW A 192.0.2.10
*.w TXT "any"
a.b.c CNAME www
child NS ns.child
ns.child A 192.0.2.53
below.child TXT "occluded"
big TXT "{big}"
""" + "".join(f"host{n} A 10.0.{n // 250}.{n % 250}\n" for n in range(3000))
CHILD = "$ORIGIN child.example.com.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.99\nown A 192.0.2.98\n"
SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IDEyMzQ="


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("transfer")
    flags = ["--allow-transfer", "127.0.0.0/8", "--transfers-out", "8"]
    with api(folder, *flags, workers=2) as running:
        for number, text in enumerate((ZONE.replace("{big}", "x" * 250), CHILD)):
            path = folder / f"{number}.zone"
            path.write_text(text)
            running.command("zone", "import", str(path))
        with running.client() as client:
            for name, scope in (("xfr.example.", {"transfer": True}), ("upd.example.", {"update": True})):
                form = {"name": name, "algorithm": "hmac-sha256", "secret": SECRET, **scope}
                assert client.post("/tsigkey", json=form).status_code == 201
        yield running


def place(server: Api) -> tuple[str, int]:
    return server.address, server.port


def rcode_of(server: Api, query: dns.message.Message, *, tcp: bool = True) -> str:
    ask = dns.query.tcp if tcp else dns.query.udp
    return dns.rcode.to_text(ask(query, server.address, 5, server.port).rcode())


def key(name: str = "xfr.example.", secret: str = SECRET) -> dns.tsig.Key:
    return dns.tsig.Key(name, secret, "hmac-sha256")


def whole(server: Api, zone: str = "example.com.") -> frozenset[transfers.Record]:
    return transfers.contents(transfers.take(transfers.question(zone), place(server)))


def test_rfc5936_2_2_the_whole_zone(server: Api) -> None:
    zone = whole(server)
    shown = {(owner, rdtype) for owner, rdtype, _, _ in zone}
    assert len(zone) == 3011
    assert ("child.example.com.", "NS") in shown
    assert ("ns.child.example.com.", "A") in shown
    assert ("below.child.example.com.", "TXT") in shown  # RFC 5936 3.5
    assert ("own.child.example.com.", "A") not in shown
    glue = [rdata for owner, rdtype, _, rdata in zone if (owner, rdtype) == ("ns.child.example.com.", "A")]
    assert glue == ["c0000235"]
    assert len(whole(server, "child.example.com.")) == 4


def test_spelling_is_kept_and_messages_are_full(server: Api) -> None:
    messages = []
    for wire in transfers.stream(transfers.question("EXAMPLE.com."), place(server)):
        messages.append(dns.message.from_wire(wire, xfr=True, one_rr_per_rrset=True))
        if len(transfers.records(messages)) == 3012:
            break
        assert len(wire) > 16000
    names = {str(name) for name, _, _ in transfers.records(messages)}
    assert "WWW.example.com." in names
    assert len(messages) < 6
    assert all(message.flags & 0x0400 for message in messages)
    assert str(messages[0].question[0].name) == "EXAMPLE.com."


@pytest.mark.parametrize(
    ("zone", "rcode"),
    [
        ("www.example.com.", "NXDOMAIN"),
        ("nothing.example.com.", "NXDOMAIN"),
        ("own.child.example.com.", "NXDOMAIN"),
        ("example.org.", "NOTAUTH"),
        (".", "NOTAUTH"),
    ],
)
def test_names_that_are_no_zone(server: Api, zone: str, rcode: str) -> None:
    assert rcode_of(server, transfers.question(zone)) == rcode


def test_rfc5936_4_2_never_over_udp(server: Api) -> None:
    assert rcode_of(server, transfers.question("example.com."), tcp=False) == "REFUSED"


def test_rfc8945_a_signed_transfer(server: Api) -> None:
    found = transfers.take(transfers.question("example.com.", key=key()), place(server), key())
    assert transfers.contents(found) == whole(server)


def test_rfc8945_5_2_wrong_keys(server: Api) -> None:
    for bad, error in ((key("nobody.example."), dns.tsig.PeerBadKey), (key(secret="AAAA"), dns.tsig.PeerBadSignature)):
        with pytest.raises(error):
            dns.query.tcp(transfers.question("example.com.", key=bad), server.address, 5, server.port)


@pytest.mark.parametrize("tcp", [False, True])
def test_rfc8945_signed_queries_are_answered_signed(server: Api, tcp: bool) -> None:
    query = dns.message.make_query("www.example.com.", "A")
    query.use_tsig(key())
    ask = dns.query.tcp if tcp else dns.query.udp
    answer = ask(query, server.address, 5, server.port)
    assert answer.had_tsig
    assert [rdata.address for rdata in answer.answer[0]] == ["192.0.2.10"]


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("tcp", [False, True])
def test_rfc7314_7828_and_9660_options_beside_one_another(server: Api, tcp: bool, signed: bool) -> None:
    """EXPIRE comes from Python, the other two from the core; a transfer tells the first two."""
    expire, keepalive, version = 9, 11, 19
    query = dns.message.make_query("example.com.", "SOA")
    options = [dns.edns.GenericOption(each, b"") for each in (expire, keepalive, version)]
    query.use_edns(0, 0, 1232, options=options)
    if signed:
        query.use_tsig(key())
    answer = (dns.query.tcp if tcp else dns.query.udp)(query, server.address, 5, server.port)
    told = {int(option.otype): option.to_wire() for option in answer.options}
    assert answer.had_tsig is signed
    serial = answer.answer[0][0].serial
    wanted = {expire: (86400).to_bytes(4, "big"), version: bytes((2, 0)) + serial.to_bytes(4, "big")}
    # Units of 100 ms; never over UDP (RFC 7828 3.2.1).
    assert told == wanted | ({keepalive: (100).to_bytes(2, "big")} if tcp else {})
    if tcp:
        whole_zone = transfers.question("example.com.", key=key() if signed else None)
        whole_zone.use_edns(0, 0, 1232, options=options)
        first = next(transfers.stream(whole_zone, place(server)))
        told = {int(option.otype): option.to_wire() for option in dns.message.from_wire(first, keyring=False).options}
        assert told == {expire: wanted[expire], keepalive: (100).to_bytes(2, "big")}


def test_rfc8945_a_signed_answer_that_does_not_fit_is_cut(server: Api) -> None:
    for name in ("big", "big2"):
        put(
            server,
            name,
            *(bytes((200,)) + bytes((number,)) * 200 for number in range(3 if name == "big" else 2)),
            rdtype=16,
        )
    query = dns.message.make_query("big2.example.com.", "TXT", use_edns=False)
    assert not dns.query.udp(query, server.address, 5, server.port).flags & 0x0200
    query.use_tsig(key())
    answer = dns.query.udp(query, server.address, 5, server.port, raise_on_truncation=False)
    assert answer.had_tsig
    assert answer.flags & 0x0200
    assert answer.answer == []


def put(server: Api, label: str, *rdatas: bytes, rdtype: int = 1) -> int:
    """Make these the name's only records; the zone's serial afterwards."""
    backend = RemoteBackend(server.db_path)
    try:
        owner = name_from_text(f"{label}.example.com.")
        op = PutName(owner, (RRset(rdtype, 60, rdatas),))
        serial = backend.apply(ChangeSet(name_from_text("example.com."), (op,))).serial
        assert serial is not None
        return serial
    finally:
        backend.close()


def test_rfc1995_2_up_to_date_is_one_soa(server: Api) -> None:
    serial = transfers.serial_of(whole(server))
    for known in (serial, serial + 1):
        found = transfers.take(transfers.question("example.com.", known), place(server))
        assert len(found) == 1
        answer = dns.query.udp(transfers.question("example.com.", known), server.address, 5, server.port)
        assert [rrset.rdtype for rrset in answer.answer] == [dns.rdatatype.SOA]


def test_rfc1995_4_differences(server: Api) -> None:
    before = whole(server)
    for number in range(4):
        put(server, "moving", bytes((192, 0, 2, number)))
        put(server, f"new{number}", bytes((192, 0, 2, number)))
    query = transfers.question("example.com.", transfers.serial_of(before))
    found = transfers.take(query, place(server))
    assert found[1][2].rdtype == dns.rdatatype.SOA
    assert len(found) == 3 + 1 + 5  # condensed: what "moving" was between does not appear
    assert transfers.apply(before, found) == whole(server)
    answer = dns.query.udp(query, server.address, 5, server.port, one_rr_per_rrset=True)
    assert transfers.apply(before, transfers.records([answer])) == whole(server)
    signed = transfers.question("example.com.", transfers.serial_of(before), key())
    assert transfers.apply(before, transfers.take(signed, place(server), key())) == whole(server)


def test_rfc1995_2_over_udp_too_large_is_one_soa(server: Api) -> None:
    before = whole(server)
    for number in range(30):
        put(server, f"many{number}", bytes((192, 0, 2, number)))
    query = transfers.question("example.com.", transfers.serial_of(before))
    answer = dns.query.udp(query, server.address, 5, server.port)
    assert [rrset.rdtype for rrset in answer.answer] == [dns.rdatatype.SOA]
    assert transfers.apply(before, transfers.take(query, place(server))) == whole(server)


def test_rfc1995_4_the_whole_zone_when_the_journal_does_not_reach_back(server: Api) -> None:
    found = transfers.take(transfers.question("example.com.", 1), place(server))
    assert found[1][2].rdtype != dns.rdatatype.SOA
    assert transfers.contents(found) == whole(server)


def test_a_large_zone_is_kept_for_the_next_who_asks(tmp_path: Path) -> None:
    text = "$ORIGIN large.example.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.99\n"
    (tmp_path / "zone").write_text(text + "".join(f"N{n} A 192.0.2.{n % 256}\n" for n in range(6000)))
    zone = "large.example."
    with api(tmp_path, "--allow-transfer", "any", workers=1) as server:
        server.command("zone", "import", str(tmp_path / "zone"))
        with server.client() as client:
            form = {"name": "xfr.example.", "algorithm": "hmac-sha256", "secret": SECRET, "transfer": True}
            assert client.post("/tsigkey", json=form).status_code == 201
            first = transfers.take(transfers.question(zone), place(server))
            again = transfers.take(transfers.question(zone), place(server))
            assert [(name.labels, ttl, rdata) for name, ttl, rdata in again] == [
                (name.labels, ttl, rdata) for name, ttl, rdata in first
            ]
            assert transfers.contents(transfers.take(transfers.question(zone, key=key()), place(server), key())) == (
                transfers.contents(first)
            )
            spelled = transfers.take(transfers.question("LARGE.example."), place(server))
            assert transfers.contents(spelled) == transfers.contents(first)
            assert {name.labels[1] for name, _, _ in spelled if len(name.labels) > 3} == {b"large"}
            edns = transfers.question(zone)
            edns.use_edns(0)
            assert transfers.contents(transfers.take(edns, place(server))) == transfers.contents(first)
            before = transfers.serial_of(transfers.contents(first))
            assert client.patch(f"/rr/n1.{zone}", json={"a": "192.0.2.200"}).status_code == 200
            now = transfers.contents(transfers.take(transfers.question(zone), place(server)))
            assert transfers.serial_of(now) == before + 1
            assert ("n1.large.example.", "A", 60, "c00002c8") in now


def test_a_transfer_costs_little_memory_and_others_are_answered_beside_it(server: Api, tmp_path: Path) -> None:
    """13 MiB go out, at the pace of a client that looks up names meanwhile, once made anew and once as they are kept."""

    def memory() -> int:
        pids = [pid for name, pid in server.pids().items() if name.startswith("worker")]
        lines = [line for pid in pids for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
        return sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))

    text = "$ORIGIN heavy.example.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.99\n"
    (tmp_path / "zone").write_text(text + "".join(f'n{n} TXT "{n:0>200}"\n' for n in range(65_000)))
    server.command("zone", "import", str(tmp_path / "zone"))
    before = memory()
    octets, most = 0, 0
    for _ in range(2):
        left = 65_000 + 4
        for number, wire in enumerate(transfers.stream(transfers.question("heavy.example."), place(server))):
            octets += len(wire)
            left -= int.from_bytes(wire[6:8], "big")
            if number % 100 == 0:
                most = max(most, memory())
                for tcp in (False, True):
                    assert server.ask("www.example.com", tcp=tcp).answer
            if not left:
                break
    assert octets > 25 << 20
    assert most - before < 6144  # KiB


def test_an_ixfr_without_a_serial_is_formerr(server: Api) -> None:
    query = transfers.question("example.com.", 1)
    query.authority.clear()
    assert rcode_of(server, query) == "FORMERR"


def test_every_version_received_is_one_that_existed(server: Api) -> None:
    """One name's address says how often the zone was changed; both ends of the zone are changed with it, by one change-set."""
    rng = random.Random(5)
    apex = name_from_text("example.com.")
    existed: dict[int, int] = {}
    stop = threading.Event()

    def change() -> None:
        backend = RemoteBackend(server.db_path)
        number = 0
        while not stop.is_set():
            number += 1
            rdata = (number.to_bytes(4, "big"),)
            ops = tuple(PutName(name_from_text(f"{n}.example.com."), (RRset(1, 60, rdata),)) for n in ("aaa", "zzz"))
            serial = backend.apply(ChangeSet(apex, ops)).serial
            assert serial is not None
            existed[serial] = number
        backend.close()

    changing = threading.Thread(target=change)
    changing.start()
    try:
        zone = None
        versions = []
        for _ in range(25):
            if zone is None or rng.random() < 0.3:
                zone = whole(server)
            else:
                query = transfers.question("example.com.", transfers.serial_of(zone))
                zone = transfers.apply(zone, transfers.take(query, place(server)))
            versions.append(zone)
    finally:
        stop.set()
        changing.join()
    checked = 0
    for zone in versions:
        ends = [rdata for owner, _, _, rdata in zone if owner in ("aaa.example.com.", "zzz.example.com.")]
        number = existed.get(transfers.serial_of(zone))
        if number is not None:
            assert ends == [number.to_bytes(4, "big").hex()] * 2
            checked += 1
    assert checked >= 20
    assert len({transfers.serial_of(zone) for zone in versions}) > 5


def metrics(server: Api) -> str:
    return httpx.get(f"{server.url}/metrics", auth=("admin", PASSWORD), timeout=10).text


def wait_for(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_no_access_without_rule_or_key(tmp_path: Path) -> None:
    with api(tmp_path, workers=1) as server:
        path = tmp_path / "zone"
        path.write_text(CHILD)
        server.command("zone", "import", str(path))
        zone = "child.example.com."
        assert rcode_of(server, transfers.question(zone)) == "REFUSED"
        assert rcode_of(server, transfers.question(zone, 1)) == "REFUSED"
        with server.client() as client:
            for name, scope in (("xfr.example.", {"transfer": True}), ("upd.example.", {"update": True})):
                form = {"name": name, "algorithm": "hmac-sha256", "secret": SECRET, **scope}
                assert client.post("/tsigkey", json=form).status_code == 201
            got = transfers.take(transfers.question(zone, key=key()), place(server), key())
            assert len(transfers.contents(got)) == 4
            assert rcode_of(server, transfers.question(zone, key=key("upd.example."))) == "REFUSED"
            wait_for(lambda: 'nsblast_transfers_out_total{result="axfr"} 1.0' in metrics(server))
            assert client.delete("/tsigkey/xfr.example.").status_code == 200
        with pytest.raises(dns.tsig.PeerBadKey):
            dns.query.tcp(transfers.question(zone, key=key()), server.address, 5, server.port)
        with server.client() as client:
            path = "/config/child.example.com./access"
            assert client.put(path, json={"access": {"transfer": ["nobody"]}}).status_code == 400
            assert client.put(path, json={"access": {"transfer": ["127.0.0.0/8"]}}).status_code == 200
            assert client.get(path).json()["value"] == {"access": {"transfer": ["127.0.0.0/8"]}}
            assert len(whole(server, zone)) == 4
            assert client.delete(path).status_code == 200
        assert rcode_of(server, transfers.question(zone)) == "REFUSED"
        assert "transfer: any" in server.command("zone", "access", zone, "--transfer", "any").stdout
        assert len(whole(server, zone)) == 4
        assert server.command("zone", "access", zone, "--transfer", "nobody", check=False).returncode == 65
        assert "transfer: as in the settings" in server.command("zone", "access", zone, "--default").stdout
        assert rcode_of(server, transfers.question(zone)) == "REFUSED"
        with Client(server.db_path, 10) as control:
            control.call("set", changes={"allow_transfer": "127.0.0.0/8"})
        assert len(whole(server, zone)) == 4
