"""Fuzz target: any bytes give a zone or one ZoneFileError, and a zone that is written reads back to the same zone.

    python -m tests.fuzz.fuzz_zonefile [--seconds N] [--seed N]

mutates the corpus for a while and stops at the first input that breaks the sentence, which it writes beside the corpus; the
replay test then reads it with all the others. With the sanitize build the same run watches the memory.
"""

import argparse
import io
import random
import re
import sys
import time
import zlib
from pathlib import Path

from nsblast.errors import ZoneFileError
from nsblast.zones.collect import read_zone
from nsblast.zones.lint import check_zone
from nsblast.zones.zonefile import write_zone

CORPUS = Path(__file__).parent / "corpus" / "zonefile"
ORIGIN = b"\x07example\x03com\x00"
WORDS = [
    *(bytes([octet]) for octet in b'()"\\;\n \t@.*\x00\xff'),
    *(
        b" %s " % word
        for word in b"IN 60 A NS SOA TXT CNAME DNAME MX RRSIG NSEC3 SVCB LOC TYPE300 \\# 1-9 4294967296 1w2d".split()
    ),
    *(b"$TTL ", b"$ORIGIN ", b"$INCLUDE ", b"$GENERATE ", b"${1,2,x}", b"\r\n", b"\\000", b"\\256", b"x" * 64),
    b"\n@ 5 SOA a b 1 2 3 4 5\n",
]


def one_input(data: bytes) -> tuple[int, ...]:
    """Raises when the sentence does not hold for these bytes; else what kind of outcome it was."""
    origin = ORIGIN if data[:1] < b"\x80" else None
    refusal = None
    try:
        entries = list(read_zone(data, origin, generate_limit=50).entries())
    except ZoneFileError as error:
        refusal = error
    problems = check_zone(data, origin, generate_limit=50)
    if refusal is not None:
        assert refusal.line <= data.count(b"\n") + 2, f"there is no such line: {refusal}"
        assert any(problem.severity == "error" for problem in problems), "refused, and the check finds nothing wrong"
        return 0, zlib.crc32(re.sub(rb"[^a-z ]", b"", str(refusal).split(":")[-1].encode()))
    out = io.BytesIO()
    write_zone(out, ((key, blob) for key, _, blob in entries))
    again = list(read_zone(out.getvalue()).entries())
    assert again == entries, "what was written reads back to another zone"
    return 1, min(len(entries), 30), min(len(problems), 5)


def mutated(rng: random.Random, seeds: list[bytes]) -> bytes:
    """Some octets of one seed, or of two, changed, cut, doubled, or mixed with words of the language."""
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.randint(1, 8)):
        at = rng.randint(0, len(data))
        kind = rng.randrange(6)
        if kind == 0:
            data[at:at] = rng.choice(WORDS)
        elif kind == 1 and data:
            data[at % len(data)] = rng.randrange(256)
        elif kind == 2:
            del data[at : at + rng.randint(1, 20)]
        elif kind == 3:
            data[at:at] = data[rng.randint(0, len(data)) :][: rng.randint(1, 60)]
        elif kind == 4:
            other = rng.choice(seeds)
            data[at:] = other[rng.randint(0, len(other)) :]
        else:
            data[at : at + rng.randint(0, 3)] = rng.choice(WORDS)
    return bytes(data[:20_000])


class Target:
    """The face all targets have (driver.py)."""

    def __init__(self) -> None:
        self._seeds = [path.read_bytes() for path in sorted(CORPUS.iterdir())]

    def one(self, data: bytes) -> tuple[int, ...]:
        return one_input(data)

    def generate(self, rng: random.Random) -> bytes:
        return mutated(rng, self._seeds)

    def mutate(self, rng: random.Random, data: bytes) -> bytes:
        return mutated(rng, [data, data, rng.choice(self._seeds)])


def main() -> int:
    """0 when the time was up first, 1 when an input broke the sentence."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(2**32)
    rng = random.Random(seed)
    seeds = [path.read_bytes() for path in sorted(CORPUS.iterdir())]
    until = time.monotonic() + options.seconds
    count = 0
    while time.monotonic() < until:
        data = mutated(rng, seeds)
        count += 1
        try:
            one_input(data)
        except Exception as error:
            path = CORPUS / f"found-{seed}-{count}"
            path.write_bytes(data)
            print(f"{path}: {type(error).__name__}: {error}", file=sys.stderr)
            return 1
    print(f"{count} inputs, seed {seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
