"""Zone files of the comparison: the same octets on every machine, made once and kept.

Owns: what the zones hold. Never: what is asked of them (questions.py). A file is written under another name and renamed, so
that one that exists is whole.
"""

import random
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

Zones = list[tuple[str, Path]]
SEED = 20260101
HEAD = """$TTL 3600
@ SOA ns1 hostmaster 1 7200 3600 1209600 300
@ NS ns1
@ NS ns2
ns1 A 192.0.2.1
ns2 A 192.0.2.2
"""
SIGNED_LIFE = "20360101000000 20260101000000"


def address(number: int) -> str:
    """An address that depends on the number, so that a wrong answer is seen."""
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def _file(path: Path, origin: str, lines: Iterable[str], head: str = HEAD) -> Zones:
    if not path.exists():
        unfinished = path.with_suffix(".part")
        with unfinished.open("w", buffering=1 << 20) as out:
            out.write(f"$ORIGIN {origin}\n{head}")
            out.writelines(lines)
        unfinished.rename(path)
    return [(origin, path)]


def one_zone(folder: Path, names: int) -> Zones:
    """One zone of so many hosts, h0000000 and on."""
    lines = (f"h{number:07d} A {address(number)}\n" for number in range(names))
    return _file(folder / f"one-{names}.zone", "one.example.", lines)


def tld_zone(folder: Path, cuts: int) -> Zones:
    """A registry's zone: so many delegations, two name servers each, glue for both."""
    lines = (
        f"d{number:07d} NS ns1.d{number:07d}\nd{number:07d} NS ns2.d{number:07d}\n"
        f"ns1.d{number:07d} A {address(number)}\nns2.d{number:07d} A {address(number + 1)}\n"
        for number in range(cuts)
    )
    return _file(folder / f"tld-{cuts}.zone", "tld.", lines)


def wildcard_zone(folder: Path, names: int) -> Zones:
    """So many wildcards, each below a name of its own."""
    lines = (f"*.w{number:07d} A {address(number)}\n" for number in range(names))
    return _file(folder / f"wild-{names}.zone", "wild.example.", lines)


def large_zone(folder: Path, names: int) -> Zones:
    """Each name with four TXT records, together about 1000 octets: they fit a UDP answer of 1232."""
    rng = random.Random(SEED)

    def lines() -> Iterator[str]:
        for number in range(names):
            for part in range(4):
                yield f'h{number:07d} TXT "{part}-{rng.randbytes(117).hex()}"\n'

    return _file(folder / f"large-{names}.zone", "large.example.", lines())


def signed_zone(folder: Path, names: int) -> Zones:
    """One zone with the shape of a signed one: NSEC chain, and signatures of ECDSA P-256's size made of random octets.

    No authoritative server looks into a signature, so it costs what a real one costs, and the file is the same everywhere.
    """
    import base64

    origin, rng = "signed.example.", random.Random(SEED)

    def signature(rrtype: str, labels: int) -> str:
        octets = base64.b64encode(rng.randbytes(64)).decode()
        ttl = 300 if rrtype == "NSEC" else 3600
        return f"RRSIG {rrtype} 13 {labels} {ttl} {SIGNED_LIFE} 12345 {origin} {octets}\n"

    def host(name: str, ip: str, following: str) -> str:
        return (
            f"{name} A {ip}\n{name} {signature('A', 3)}"
            f"{name} 300 NSEC {following} A RRSIG NSEC\n{name} 300 {signature('NSEC', 3)}"
        )

    def lines() -> Iterator[str]:
        key = base64.b64encode(rng.randbytes(64)).decode()
        yield f"@ DNSKEY 257 3 13 {key}\n"
        yield "@ 300 NSEC h0000000 NS SOA RRSIG NSEC DNSKEY\n"
        for rrtype in ("SOA", "NS", "DNSKEY"):
            yield f"@ {signature(rrtype, 2)}"
        yield f"@ 300 {signature('NSEC', 2)}"
        for number in range(names):
            following = f"h{number + 1:07d}" if number + 1 < names else "ns1"
            yield host(f"h{number:07d}", address(number), following)
        yield host("ns1", "192.0.2.1", "ns2")
        yield host("ns2", "192.0.2.2", "@")

    head = "\n".join(line for line in HEAD.splitlines() if not line.startswith("ns")) + "\n"
    return _file(folder / f"signed-{names}.zone", origin, lines(), head)


def hosting_zones(folder: Path, count: int) -> Zones:
    """Many small zones, as a hosting company has them."""
    place = folder / f"hosting-{count}"
    zones = [(f"z{number:07d}.example.", place / f"z{number:07d}.example.zone") for number in range(count)]
    if not place.exists():
        unfinished = folder / f"hosting-{count}.part"
        unfinished.mkdir(exist_ok=True)
        for number, (origin, path) in enumerate(zones):
            (unfinished / path.name).write_text(
                f"$ORIGIN {origin}\n{HEAD}@ A {address(number)}\nwww A {address(number)}\nmail A {address(number + 1)}\n"
                f'@ MX 10 mail\n@ TXT "v=spf1 mx -all"\n'
            )
        unfinished.rename(place)
    return zones


MAKERS: dict[str, Callable[[Path, int], Zones]] = {
    "one": one_zone,
    "tld": tld_zone,
    "wild": wildcard_zone,
    "large": large_zone,
    "signed": signed_zone,
    "hosting": hosting_zones,
}
