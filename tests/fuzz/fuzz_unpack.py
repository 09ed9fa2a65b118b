"""Any bytes unpack to an entry or ValueError; what unpacks and is packed again unpacks to the same for ever."""

import random

from nsblast._core.rrset import pack_entry, unpack_entry
from tests.fuzz.world import damage, entries, names


def again(entry) -> bytes:  # type: ignore[no-untyped-def]
    rrsets = [(rrtype, ttl & 0x7FFFFFFF, rdatas) for rrtype, ttl, rdatas in entry.rrsets]
    return pack_entry(rrsets, apex_labels=min(entry.apex_labels, 127), flags=entry.flags, spelling=entry.spelling)


class Target:
    def __init__(self) -> None:
        names()  # made once, before the clock starts

    def one(self, data: bytes) -> tuple[int, ...]:
        try:
            entry = unpack_entry(data)
        except ValueError:
            return (0,)
        assert sum(len(rdata) for _, _, rdatas in entry.rrsets for rdata in rdatas) <= 65535 * max(1, len(data))
        blob = again(entry)
        assert again(unpack_entry(blob)) == blob
        return (1, min(len(entry.rrsets), 20), entry.flags & 0xFFF)

    def generate(self, rng: random.Random) -> bytes:
        return damage(rng, entries()[rng.choice(names())])

    def mutate(self, rng: random.Random, data: bytes) -> bytes:
        return damage(rng, data)
