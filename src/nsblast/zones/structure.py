"""The shape of a zone while it is edited: which names exist, empty non-terminals, and the flags that depend on neighbours.

Owns: creating and removing owner names in a layer, IS_ENT, IS_CUT, IS_OCCLUDED, HAS_DNAME, HAS_CNAME, HAS_WILDCARD, ZONE_NSEC,
ZONE_NSEC3. Never: which RRsets an operation leaves (edit.py), serials, the store.
Invariant after each call: every ancestor of an existing name down to the apex exists (RFC 4592 2.2.2); a name is occluded exactly
when its parent is a cut, has a DNAME or is occluded itself; so one look at the parent tells. A child zone changes none of these:
the look-up goes to the deepest zone, and the parent's own entries below keep what they say about the parent.
"""

from typing import Any

from nsblast._core.name import fold
from nsblast._core.rrset import (
    HAS_CNAME,
    HAS_DNAME,
    HAS_WILDCARD,
    IS_APEX,
    IS_CUT,
    IS_ENT,
    IS_OCCLUDED,
    ZONE_NSEC,
    ZONE_NSEC3,
    ZONE_SPECIAL,
)
from nsblast.errors import InputError
from nsblast.store import layout
from nsblast.store.overlay import Node, Overlay, SetKey
from nsblast.types import RawRrset, Wire
from nsblast.zones.checks import CNAME, DNAME, NS, NSEC, SOA, check_below_dname, text

NSEC3PARAM = 51
BLOCKS = IS_CUT | HAS_DNAME | IS_OCCLUDED
"""What of a parent makes its children occluded."""
KEPT = IS_APEX | IS_OCCLUDED | HAS_WILDCARD | ZONE_SPECIAL
"""Flags that do not follow from the entry's own RRsets."""
WILDCARD = b"\1*"


def flags_of(kept: int, types: dict[SetKey, RawRrset]) -> int:
    """Flags of an entry that holds these RRsets, given those that do not follow from them."""
    flags = kept & KEPT
    if flags & IS_APEX:
        if NSEC in types:
            flags |= ZONE_NSEC
        if NSEC3PARAM in types:
            flags |= ZONE_NSEC3
        if SOA not in types:
            flags |= ZONE_SPECIAL
        else:
            flags &= ~ZONE_SPECIAL
    elif NS in types:
        flags |= IS_CUT
    if CNAME in types:
        flags |= HAS_CNAME
    if DNAME in types:
        flags |= HAS_DNAME
    if not types:
        flags |= IS_ENT
    return flags


def is_restricted(settings: dict[str, Any]) -> bool:
    """Whether a zone's settings say that not everybody may ask about it (transfer/rules.py has what they say)."""
    access = settings.get("access")
    rule = access.get("query") if isinstance(access, dict) else None
    return rule is not None and "any" not in rule


class Structure:
    """One zone's names in a layer."""

    def __init__(self, view: Overlay, apex: Wire) -> None:
        self.view = view
        self.apex = apex
        self.labels = len(layout.suffixes(apex)) - 1
        self.low, self.high = layout.entries_range(apex)
        self._dnames: list[Wire] = []
        self._asked: Wire | None = None
        self._placed = (apex, self.low)

    def place(self, owner: Wire) -> tuple[Wire, bytes]:
        """(the name in lower case, its key); InputError when it is malformed or not in the zone."""
        if owner is self._asked:
            return self._placed
        try:
            name = fold(owner)
            key = layout.entry_key(name, self.labels)
        except ValueError:
            raise InputError(f"{text(owner)} is not a name in {text(self.apex)}") from None
        if not key.startswith(self.low):
            raise InputError(f"{text(owner)} is not in the zone {text(self.apex)}")
        self._asked, self._placed = owner, (name, key)
        return self._placed

    def set_rrsets(self, owner: Wire, sets: dict[SetKey, RawRrset], *, spell: bool) -> None:
        """Make these the RRsets of a name; the name appears or goes as needed. spell: store the owner's spelling too."""
        name, key = self.place(owner)
        if not sets:
            self._empty(name, key)
            return
        had = self.view.node(key)
        node = self._gain(name, key)
        if had is None or spell or had.flags & IS_ENT:
            node.respell(owner if owner != name else b"")
        node.replace(sets)
        self._settle(key, node)
        if node.flags & HAS_DNAME and not (had and had.flags & HAS_DNAME):
            self._dnames.append(name)

    def make_apex(self) -> None:
        """The apex of a new zone, empty."""
        node = Node(self.labels, IS_APEX | IS_ENT | ZONE_SPECIAL)
        self.view.put(self.low, node)

    def check_dnames(self) -> None:
        """Nothing that was changed may lie below a DNAME; nothing at all below one that was added."""
        for name in self._dnames:
            _, key = self.place(name)
            node = self.view.node(key)
            if node is None or not node.flags & HAS_DNAME:
                continue
            for below, found in self.view.walk(key + b"\1", _after(key)):
                check_below_dname(layout.entry_of(below)[0], found, name)
        for key, changed in self.view.nodes.items():
            if changed is None or not changed.flags & IS_OCCLUDED or not changed.sets:
                continue
            before = self.view.before(key)
            if before is not None and before.sets == changed.sets:
                continue
            name = layout.entry_of(key)[0]
            above = self._dname_above(name)
            if above is not None:
                check_below_dname(name, changed, above)

    def _dname_above(self, name: Wire) -> Wire | None:
        for above in layout.suffixes(name)[1:]:
            key = layout.entry_key(above, self.labels)
            node = self.view.node(key)
            if node is not None and node.flags & HAS_DNAME:
                return above
            if key == self.low:
                break
        return None

    def _gain(self, name: Wire, key: bytes) -> Node:
        """The name's entry, to be altered; made with all its missing ancestors when it is not there."""
        if self.view.node(key) is not None:
            return self.view.edit(key)
        missing = [(name, key)]
        while True:
            name = _parent(name)
            key = layout.entry_key(name, self.labels)
            above = self.view.node(key)
            if above is not None:
                break
            missing.append((name, key))
        flags = IS_ENT | (IS_OCCLUDED if above.flags & BLOCKS else 0)
        for child, child_key in reversed(missing):
            node = Node(self.labels, flags)
            self.view.put(child_key, node)
            if child.startswith(WILDCARD):
                parent = self.view.edit(key)
                parent.reflag(parent.flags | HAS_WILDCARD)
            key = child_key
        return node

    def _empty(self, name: Wire, key: bytes) -> None:
        """Take a name's RRsets away; it stays as an empty non-terminal when names lie below it."""
        node = self.view.node(key)
        if node is None or (not node.sets and not node.flags & IS_APEX):
            return
        if key == self.low or self.view.has_any(key + b"\1", _after(key)):
            node = self.view.edit(key)
            node.replace({})
            node.respell(b"")
            self._settle(key, node)
            return
        while True:
            self.view.put(key, None)
            gone = name
            name = _parent(name)
            key = layout.entry_key(name, self.labels)
            parent = self.view.edit(key)
            if gone.startswith(WILDCARD):
                parent.reflag(parent.flags & ~HAS_WILDCARD)
            if not parent.flags & IS_ENT or key == self.low or self.view.has_any(key + b"\1", _after(key)):
                return

    def _settle(self, key: bytes, node: Node) -> None:
        """Flags after the RRsets of an existing entry changed, its descendants' included."""
        blocked = node.flags & BLOCKS
        node.reflag(flags_of(node.flags, node.sets))
        if bool(blocked) != bool(node.flags & BLOCKS):
            self._reflag_below(key, node)

    def _reflag_below(self, key: bytes, node: Node) -> None:
        blocking = {key: bool(node.flags & BLOCKS)}
        for below, found in list(self.view.walk(key + b"\1", _after(key))):
            above = below[: below.rindex(b"\0", 0, -1) + 1]
            occluded = IS_OCCLUDED if blocking[above] else 0
            if found.flags & IS_OCCLUDED != occluded:
                found = self.view.edit(below)
                found.reflag(found.flags & ~IS_OCCLUDED | occluded)
            blocking[below] = bool(found.flags & BLOCKS)


def _parent(name: Wire) -> Wire:
    return name[name[0] + 1 :]


def _after(key: bytes) -> bytes:
    """Above all keys that begin with an entry's key, which ends with 00."""
    return key[:-1] + b"\1"
