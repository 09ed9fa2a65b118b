"""Programs and libraries that people use, against a running nsblast: dnspython, dig, kdig, drill, delv, dnsperf, flamethrower."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.zone
import pytest

from tests.interop.peers import Nsblast
from tests.interop.portable import load
from tests.interop.zonegen import ZoneSet, make_main

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]


@dataclass
class Served:
    """A running server and what it serves."""

    address: str
    port: int
    zones: ZoneSet
    folder: Path

    def tool(self, program: str, *words: str) -> str:
        """Runs a program of the tests' needs; skips when it is not there, fails when it fails."""
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: ci/install-packages.sh")
        done = subprocess.run([program, *words], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def dig(self, *words: str) -> str:
        return self.tool("dig", f"@{self.address}", "-p", str(self.port), "+norecurse", *words)

    def kdig(self, *words: str) -> str:
        return self.tool("kdig", f"@{self.address}", "-p", str(self.port), *words)

    def drill(self, *words: str) -> str:
        return self.tool("drill", "-p", str(self.port), f"@{self.address}", *words)

    def delv(self, origin: str, *words: str) -> str:
        assert self.zones.anchors is not None
        base = [f"@{self.address}", "-p", str(self.port), "-a", str(self.zones.anchors), f"+root={origin}"]
        return self.tool("delv", *base, *words)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    if shutil.which("dnssec-signzone") is None:
        pytest.skip("the zones are signed by bind9-utils: ci/install-packages.sh")
    folder = tmp_path_factory.mktemp("tools")
    zones = make_main(folder / "zones")
    server = Nsblast(folder)
    address, port = server.start(zones.zones)
    try:
        yield Served(address, port, zones, folder)
    finally:
        server.stop()


# -- dnspython --


def test_dnspython_resolver(served: Served) -> None:
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = [served.address]
    resolver.port = served.port
    assert sorted(str(data) for data in resolver.resolve("www.basic.test", "A")) == [
        "192.0.2.10",
        "192.0.2.11",
        "192.0.2.12",
    ]
    assert resolver.resolve("ftp.basic.test", "AAAA").canonical_name.to_text() == "www.basic.test."
    with pytest.raises(dns.resolver.NXDOMAIN):
        resolver.resolve("nothing.basic.test", "A")
    with pytest.raises(dns.resolver.NoAnswer):
        resolver.resolve("mail.basic.test", "MX")


def test_dnspython_falls_back_to_tcp(served: Served) -> None:
    query = dns.message.make_query("a.many.test", "A", use_edns=True, payload=1232)
    answer, tcp = dns.query.udp_with_fallback(query, served.address, port=served.port, timeout=5)
    assert tcp
    assert len(answer.answer[0]) == 3500
    assert not answer.flags & dns.flags.TC


def test_dnspython_reads_every_zone(served: Served) -> None:
    """Every RRset of a zone full of types is what its file says, byte for byte in canonical form."""
    for name in ("types.test.", "octets.test.", "unknown.test."):
        zone = load(next(zone.path for zone in served.zones.zones if zone.origin == name), name)
        for owner, rdataset in zone.iterate_rdatasets():
            if zone.get_rdataset(owner, "NS") and owner != zone.origin and rdataset.rdtype != dns.rdatatype.DS:
                continue
            if any(
                above != owner and owner.is_subdomain(above) and zone.get_rdataset(above, "DNAME")
                for above in zone.nodes
            ):
                continue
            query = dns.message.make_query(owner, rdataset.rdtype)
            answer = dns.query.tcp(query, served.address, port=served.port, timeout=5)
            got = answer.get_rrset(dns.message.ANSWER, owner, rdataset.rdclass, rdataset.rdtype)
            assert got is not None, f"{owner} {rdataset}"
            assert {data.to_digestable() for data in got} == {data.to_digestable() for data in rdataset}


# -- dig --


def test_dig_short(served: Served) -> None:
    assert served.dig("+short", "www.basic.test", "A").split() == ["192.0.2.10", "192.0.2.11", "192.0.2.12"]
    assert served.dig("+short", "+tcp", "ftp.basic.test", "A").split()[:2] == ["www.basic.test.", "192.0.2.10"]


def test_dig_understands_everything(served: Served) -> None:
    """No warning of dig about an answer: malformed, wrong question, trailing octets, broken cookies."""
    for words in (
        ["basic.test", "SOA"],
        ["nothing.basic.test", "A", "+dnssec"],
        ["www.nsec3.test", "A", "+dnssec", "+nsid"],
        ["a.thirteen.deleg.test", "A", "+bufsize=512"],
        ["t65400.sizes.test", "TXT", "+tcp"],
        ["a.many.test", "A", "+bufsize=1232"],
        ["basic.test", "TYPE65400"],
        ["www.basic.test", "A", "+ednsopt=65001:abcd", "+ednsflags=0x40"],
        ["www.basic.test", "A", "+cookie=0123456789abcdef"],
        ["www.basic.test", "A", "+subnet=192.0.2.0/24", "+padding=128", "+expire", "+keepalive", "+tcp"],
    ):
        text = served.dig(*words)
        assert "WARNING" not in text.replace("WARNING: recursion requested but not available", ""), text
        assert "Warning" not in text.replace("Warning: Client COOKIE mismatch", "Warning"), text
        assert "status: " in text, text


def test_dig_negotiates_edns(served: Served) -> None:
    assert "status: NOERROR" in served.dig("basic.test", "SOA", "+edns=7")
    assert "status: BADVERS" in served.dig("basic.test", "SOA", "+edns=7", "+noednsnegotiation")
    assert "(good)" in served.dig("basic.test", "SOA", "+cookie")


# -- kdig, drill --


def test_kdig(served: Served) -> None:
    assert served.kdig("+short", "www.basic.test", "AAAA").split() == ["2001:db8::10"]
    text = served.kdig("+dnssec", "+nsid", "+tcp", "+keepopen", "www.nsec.test", "A", "nothing.nsec.test", "TXT")
    assert "status: NOERROR" in text
    assert "status: NXDOMAIN" in text
    assert "RRSIG" in text
    assert "WARNING" not in text


def test_drill(served: Served) -> None:
    text = served.drill("-D", "www.nsec.test", "A")
    assert "rcode: NOERROR" in text
    assert "RRSIG" in text
    assert re.search(r"flags: qr aa", text)
    assert "rcode: NXDOMAIN" in served.drill("-t", "nothing.basic.test")


# -- delv: an independent validator --

VALID = [
    ("nsec.test", "www.nsec.test", "A"),
    ("nsec.test", "deep.a.w.nsec.test", "A"),
    ("nsec.test", "q.cw.nsec.test", "A"),
    ("nsec.test", "www.dn.nsec.test", "A"),
    ("nsec3.test", "a.b.c.w.nsec3.test", "TXT"),
    ("nsec3iter.test", "cnwild.nsec3iter.test", "A"),
    ("optout.test", "safe.optout.test", "DS"),
    ("dnamesigned.test", "www.dnamesigned.test", "A"),
    ("family.test", "www.child.family.test", "A"),
    ("family.test", "any.child3.family.test", "TXT"),
]
NEGATIVE = [
    ("nsec.test", "nothing.nsec.test", "A"),
    ("nsec.test", "www.nsec.test", "MX"),
    ("nsec.test", "b.c.d.nsec.test", "A"),
    ("nsec.test", "unsafe.nsec.test", "DS"),
    ("nsec.test", "q.w.nsec.test", "MX"),
    ("nsec3.test", "x.y.nothing.nsec3.test", "A"),
    ("nsec3.test", "b.c.d.nsec3.test", "A"),
    ("nsec3.test", "q.w.nsec3.test", "MX"),
    ("nsec3iter.test", "nothing.nsec3iter.test", "A"),
    ("nsec3iter.test", "unsafe.nsec3iter.test", "DS"),
    ("minimalsigned.test", "a.b.minimalsigned.test", "A"),
    ("family.test", "a.b.child3.family.test", "A"),
]


@pytest.mark.parametrize(("origin", "name", "rdtype"), VALID)
def test_delv_validates(served: Served, origin: str, name: str, rdtype: str) -> None:
    assert served.delv(origin, name, rdtype).startswith("; fully validated")


@pytest.mark.parametrize(("origin", "name", "rdtype"), NEGATIVE)
def test_delv_validates_denial(served: Served, origin: str, name: str, rdtype: str) -> None:
    assert served.delv(origin, name, rdtype).startswith("; negative response, fully validated")


# -- load --


def query_file(served: Served) -> Path:
    """Names that exist and names that do not, in the form of dnsperf."""
    path = served.folder / "queries"
    lines = [f"www.basic.test {kind}" for kind in ("A", "AAAA", "MX")]
    lines += [f"n{number}.wild.test TXT\nn{number}.basic.test A\nwww.sub.deleg.test A" for number in range(200)]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


@pytest.mark.parametrize("words", [["-m", "udp"], ["-m", "tcp"], ["-m", "udp", "-e", "-D"]], ids=["udp", "tcp", "do"])
def test_dnsperf(served: Served, words: list[str]) -> None:
    text = served.tool(
        "dnsperf",
        "-s",
        served.address,
        "-p",
        str(served.port),
        "-d",
        str(query_file(served)),
        "-n",
        "10",
        "-c",
        "4",
        *words,
    )
    assert re.search(r"Queries lost:\s+0 ", text), text
    assert re.search(r"Queries completed:\s+6030 ", text), text
    assert "SERVFAIL" not in text


def test_flamethrower(served: Served) -> None:
    text = served.tool(
        "flame",
        "-p",
        str(served.port),
        "-l",
        "2",
        "-c",
        "2",
        "-q",
        "5",
        "-r",
        "www.basic.test",
        "-T",
        "A",
        served.address,
    )
    assert re.search(r"total timeouts\s*:\s*0", text), text
