"""From RRsets in any order to the sorted, whole stream of entries that ReplaceZone takes.

Owns: grouping by owner, empty non-terminals, flags. Never: text, the store. Works in memory: for zones of moderate size, or
what is there in pieces; large zone files go through the compiled path.
"""

from collections.abc import Iterable, Iterator

from nsblast._core.name import fold
from nsblast._core.rrset import HAS_WILDCARD, IS_APEX, IS_OCCLUDED, pack_entry
from nsblast.errors import InputError
from nsblast.store import layout
from nsblast.store.overlay import SetKey, set_key
from nsblast.types import RawRrset, Rr, Wire
from nsblast.zones.checks import text
from nsblast.zones.structure import BLOCKS, WILDCARD, flags_of


def entries_of(apex: Wire, rrs: Iterable[Rr]) -> Iterator[tuple[bytes, bytes]]:
    """(owner key, entry blob), ascending. The first spelling and the first TTL of a set count; InputError for foreign names."""
    labels = len(layout.suffixes(apex)) - 1
    low, _ = layout.entries_range(apex)
    spellings: dict[Wire, Wire] = {apex: b""}
    contents: dict[Wire, dict[SetKey, RawRrset]] = {apex: {}}
    for owner, rrtype, ttl, rdata in rrs:
        name = fold(owner)
        sets = contents.get(name)
        if sets is None or name not in spellings:
            try:
                inside = layout.entry_key(name, labels).startswith(low)
            except ValueError:
                inside = False
            if not inside:
                raise InputError(f"{text(owner)} is not in the zone {text(apex)}")
            sets = contents.setdefault(name, {})
            _add_ancestors(name, contents)
        if not spellings.get(name):
            spellings[name] = owner if owner != name else b""
        rrset = sets.setdefault(set_key(rrtype, rdata), (rrtype, ttl, []))
        rrset[2].append(rdata)
    wildcards = {name[2:] for name in contents if name.startswith(WILDCARD)}
    blocking: dict[bytes, bool] = {}
    for key, name in sorted((layout.entry_key(name, labels), name) for name in contents):
        flags = HAS_WILDCARD if name in wildcards else 0
        if key == low:
            flags |= IS_APEX
        elif blocking[key[: key.rindex(b"\0", 0, -1) + 1]]:
            flags |= IS_OCCLUDED
        sets = contents[name]
        flags = flags_of(flags, sets)
        blocking[key] = bool(flags & BLOCKS)
        try:
            blob = pack_entry(sets.values(), apex_labels=labels, flags=flags, spelling=spellings.get(name, b""))
        except ValueError as error:
            raise InputError(f"{text(name)}: {error}") from None
        yield key[1:], blob


def _add_ancestors(name: Wire, contents: dict[Wire, dict[SetKey, RawRrset]]) -> None:
    for above in layout.suffixes(name)[1:]:
        if above in contents:
            return
        contents[above] = {}
