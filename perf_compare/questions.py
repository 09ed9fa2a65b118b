"""What is asked: query mixes from a seed, as messages in the file that the load clients read.

Such a file holds messages after two octets of length each; a second file beside it (.txt) says the same in dnsperf's words.
"""

import random
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from perf_compare.zones import address

A, NS, MX, TXT, AAAA = 1, 2, 15, 16, 28
TYPES = {A: "A", NS: "NS", MX: "MX", TXT: "TXT", AAAA: "AAAA"}


@dataclass(frozen=True)
class Question:
    """What is asked, in presentation form without escapes."""

    name: str
    rrtype: int = A
    dnssec: bool = False
    edns: bool = False
    address: str = ""
    """The address the right answer holds, where that is known beforehand."""


def wire(question: Question, number: int) -> bytes:
    """The query message; number is its place in the file, replaced as id by the load client."""
    labels = question.name.rstrip(".").encode().split(b".")
    name = b"".join(bytes([len(label)]) + label for label in labels if label) + b"\0"
    message = struct.pack("!HHHHHH", number & 0xFFFF, 0, 1, 0, 0, 1 if question.dnssec or question.edns else 0)
    message += name + struct.pack("!HH", question.rrtype, 1)
    if question.dnssec or question.edns:
        message += b"\0" + struct.pack("!HHIH", 41, 1232, 0x8000 if question.dnssec else 0, 0)
    return message


def write(path: Path, questions: Iterable[Question]) -> None:
    """Write both query files."""
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb", buffering=1 << 20) as out, path.with_suffix(".txt").open("w") as text:
        for number, question in enumerate(questions):
            message = wire(question, number)
            out.write(struct.pack("!H", len(message)) + message)
            text.write(f"{question.name} {TYPES[question.rrtype]}\n")
    unfinished.rename(path)


def hosts(rng: random.Random, count: int, names: int, origin: str = "one.example", **more: bool) -> Iterator[Question]:
    """Hosts of one_zone (or signed_zone), each as likely."""
    for _ in range(count):
        number = rng.randrange(names)
        yield Question(f"h{number:07d}.{origin}", address=address(number), **more)


def hot(rng: random.Random, count: int, names: int) -> Iterator[Question]:
    """Ten thousand hosts spread over one_zone."""
    few = [rng.randrange(names) for _ in range(min(names, 10_000))]
    for _ in range(count):
        number = rng.choice(few)
        yield Question(f"h{number:07d}.one.example", address=address(number))


def zipf(rng: random.Random, count: int, names: int) -> Iterator[Question]:
    """Hosts of one_zone with popularity falling as 1/rank."""
    for _ in range(count):
        number = min(names - 1, int(names ** rng.random()) - 1)
        yield Question(f"h{number:07d}.one.example", address=address(number))


def strangers(rng: random.Random, count: int, names: int) -> Iterator[Question]:
    """Names of one_zone that do not exist."""
    for _ in range(count):
        yield Question(f"x{rng.randrange(10**12):012d}.one.example")


def strangers_of_zones(rng: random.Random, count: int, zones: int) -> Iterator[Question]:
    """Names that do not exist below many zones."""
    for _ in range(count):
        yield Question(f"x{rng.randrange(10**12):012d}.z{rng.randrange(zones):07d}.example")


def signed(rng: random.Random, count: int, names: int) -> Iterator[Question]:
    """Hosts of signed_zone, with DO."""
    return hosts(rng, count, names, "signed.example", dnssec=True)


def signed_strangers(rng: random.Random, count: int, names: int) -> Iterator[Question]:
    """Names of signed_zone that do not exist, between those that do, with DO."""
    for _ in range(count):
        yield Question(f"h{rng.randrange(names):07d}-{rng.randrange(10**6):06d}.signed.example", dnssec=True)


def large(rng: random.Random, count: int, names: int) -> Iterator[Question]:
    """TXT of large_zone."""
    for _ in range(count):
        yield Question(f"h{rng.randrange(names):07d}.large.example", TXT, edns=True)


def wildcards(rng: random.Random, count: int, names: int) -> Iterator[Question]:
    """Random names below the wildcards of wildcard_zone."""
    for _ in range(count):
        number = rng.randrange(names)
        yield Question(f"x{rng.randrange(10**9):09d}.w{number:07d}.wild.example", address=address(number))


def below_cuts(rng: random.Random, count: int, cuts: int) -> Iterator[Question]:
    """Names below the cuts of tld_zone."""
    for _ in range(count):
        yield Question(f"www.d{rng.randrange(cuts):07d}.tld")


def customers(rng: random.Random, count: int, zones: int) -> Iterator[Question]:
    """What hosting customers' visitors ask."""
    kinds = [("www.", A), ("www.", A), ("", A), ("", MX), ("www.", AAAA), ("mail.", A), ("", TXT), ("nope.", A)]
    for _ in range(count):
        prefix, rrtype = rng.choice(kinds)
        number = rng.randrange(zones)
        known = address(number + (prefix == "mail.")) if rrtype == A and prefix != "nope." else ""
        yield Question(f"{prefix}z{number:07d}.example", rrtype, address=known)


Mix = Callable[[random.Random, int, int], Iterator[Question]]
MIXES: dict[str, Mix] = {
    "hot": hot,
    "uniform": hosts,
    "zipf": zipf,
    "nxdomain": strangers,
    "nxdomain-zones": strangers_of_zones,
    "referral": below_cuts,
    "hosting": customers,
    "wildcard": wildcards,
    "large": large,
    "signed": signed,
    "signed-nxdomain": signed_strangers,
}
