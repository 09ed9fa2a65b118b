"""Zones and query mixes, the same for every server, made from a seed.

A workload is a set of zone files and a file of queries in the form blast.c reads. Nothing here knows a server.
"""

import random
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

SEED = 20260101
A, NS, MX, TXT, AAAA = 1, 2, 15, 16, 28
HEAD = """$TTL 3600
@ SOA ns1 hostmaster 1 7200 3600 1209600 300
@ NS ns1
@ NS ns2
ns1 A 192.0.2.1
ns2 A 192.0.2.2
"""


@dataclass(frozen=True)
class Question:
    """What is asked, in presentation form without escapes."""

    name: str
    rrtype: int = A
    dnssec: bool = False


@dataclass(frozen=True)
class Workload:
    """Zones to load and questions to ask about them."""

    name: str
    zones: list[tuple[str, Path]]
    questions: Path
    sample: list[Question]
    """Some of the questions, asked of every server before any clock starts."""
    names: int
    """Owner names in all zones."""


def address(number: int) -> str:
    """An address that depends on the number, so that a wrong answer is seen."""
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def wire(question: Question, number: int) -> bytes:
    """The query message; number is its place in the file, replaced as id by the load client."""
    name = (
        b"".join(bytes([len(label)]) + label for label in question.name.rstrip(".").encode().split(b".") if label)
        + b"\0"
    )
    opt = b"\0" + struct.pack("!HHIH", 41, 1232, 0x8000, 0) if question.dnssec else b""
    return (
        struct.pack("!HHHHHH", number & 0xFFFF, 0, 1, 0, 0, 1 if opt else 0)
        + name
        + struct.pack("!HH", question.rrtype, 1)
        + opt
    )


def write_questions(path: Path, questions: Iterable[Question]) -> list[Question]:
    """Write the query file; returns the first few hundred questions."""
    sample: list[Question] = []
    with path.open("wb") as out:
        for number, question in enumerate(questions):
            message = wire(question, number)
            out.write(struct.pack("!H", len(message)) + message)
            if len(sample) < 300:
                sample.append(question)
    return sample


def one_zone(folder: Path, names: int) -> list[tuple[str, Path]]:
    """One zone of so many hosts, h0000000 and on."""
    path = folder / f"one-{names}.zone"
    if not path.exists():
        with path.open("w") as out:
            out.write("$ORIGIN one.example.\n" + HEAD)
            out.writelines(f"h{number:07d} A {address(number)}\n" for number in range(names))
    return [("one.example.", path)]


def tld_zone(folder: Path, cuts: int) -> list[tuple[str, Path]]:
    """A registry's zone: so many delegations, two name servers each, glue for both."""
    path = folder / f"tld-{cuts}.zone"
    if not path.exists():
        with path.open("w") as out:
            out.write("$ORIGIN tld.\n" + HEAD)
            for number in range(cuts):
                out.write(
                    f"d{number:07d} NS ns1.d{number:07d}\nd{number:07d} NS ns2.d{number:07d}\n"
                    f"ns1.d{number:07d} A {address(number)}\nns2.d{number:07d} A {address(number + 1)}\n"
                )
    return [("tld.", path)]


def hosting_zones(folder: Path, count: int) -> list[tuple[str, Path]]:
    """Many small zones, as a hosting company has them."""
    place = folder / f"hosting-{count}"
    zones = [(f"z{number:07d}.example.", place / f"z{number:07d}.example.zone") for number in range(count)]
    if not place.exists():
        place.mkdir()
        for number, (origin, path) in enumerate(zones):
            path.write_text(
                f"$ORIGIN {origin}\n{HEAD}@ A {address(number)}\nwww A {address(number)}\nmail A {address(number + 1)}\n"
                f'@ MX 10 mail\n@ TXT "v=spf1 mx -all"\n'
            )
    return zones


def hosts(count: int, names: int, rng: random.Random, *, hot: int = 0) -> Iterator[Question]:
    """Hosts of one_zone, uniformly; only the first `hot` of them when given."""
    for _ in range(count):
        yield Question(f"h{rng.randrange(hot or names):07d}.one.example")


def zipf(count: int, names: int, rng: random.Random) -> Iterator[Question]:
    """Hosts of one_zone with popularity falling as 1/rank."""
    for _ in range(count):
        yield Question(f"h{min(names - 1, int(names ** rng.random()) - 1):07d}.one.example")


def strangers(count: int, rng: random.Random) -> Iterator[Question]:
    """Names of one_zone that do not exist."""
    for _ in range(count):
        yield Question(f"x{rng.randrange(10**12):012d}.one.example")


def below_cuts(count: int, cuts: int, rng: random.Random) -> Iterator[Question]:
    """Names below the cuts of tld_zone."""
    for _ in range(count):
        yield Question(f"www.d{rng.randrange(cuts):07d}.tld")


def customers(count: int, zones: int, rng: random.Random) -> Iterator[Question]:
    """What hosting customers' visitors ask."""
    kinds = [("www.", A), ("www.", A), ("", A), ("", MX), ("www.", AAAA), ("mail.", A), ("", TXT), ("nope.", A)]
    for _ in range(count):
        prefix, rrtype = rng.choice(kinds)
        yield Question(f"{prefix}z{rng.randrange(zones):07d}.example", rrtype)


def workload(name: str, folder: Path, size: int, count: int = 500_000) -> Workload:
    """One of WORKLOADS in this size. ValueError for a name that is none."""
    rng = random.Random(SEED)
    makers: dict[str, tuple[Callable[[], list[tuple[str, Path]]], Callable[[], Iterator[Question]]]] = {
        "hot": (lambda: one_zone(folder, size), lambda: hosts(count, size, rng, hot=min(size, 10_000))),
        "uniform": (lambda: one_zone(folder, size), lambda: hosts(count, size, rng)),
        "zipf": (lambda: one_zone(folder, size), lambda: zipf(count, size, rng)),
        "nxdomain": (lambda: one_zone(folder, size), lambda: strangers(count, rng)),
        "referral": (lambda: tld_zone(folder, size), lambda: below_cuts(count, size, rng)),
        "hosting": (lambda: hosting_zones(folder, size), lambda: customers(count, size, rng)),
    }
    if name not in makers:
        raise ValueError(f"workload {name!r}: one of {', '.join(makers)}")
    zones, questions = makers[name]
    folder.mkdir(parents=True, exist_ok=True)
    made = zones()
    path = folder / f"{name}-{size}.queries"
    sample = write_questions(path, questions())
    return Workload(name, made, path, sample, size)


WORKLOADS = ("hot", "uniform", "zipf", "nxdomain", "referral", "hosting")
