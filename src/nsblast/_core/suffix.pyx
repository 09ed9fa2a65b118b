"""Name compression: find the longest suffix that already stands in the message, learn the new ones.

Owns: the scan of the table and the proof, octet by octet, that a remembered place really spells the suffix: a tag
only spares the comparison. Never: decides which names may be compressed.
Invariants: a place in the table spells a name, whole or ending in a pointer to a lower place, within what is written.
The table is a list scanned from its start: an answer has a handful of names, and forgetting is then exact.
RFC 1035 4.1.4.
"""

from libc.string cimport memcmp, memcpy

from nsblast._core.name cimport NAME_OCTETS, name_span
from nsblast._core.proto cimport LABEL_OCTETS, POINTER_MARK, POINTER_MAX
from nsblast._core.wire cimport writer_bytes, writer_left, writer_u16


cdef inline uint32_t tag_of(const uint8_t* suffix, uint32_t length) noexcept nogil:
    """Of a suffix that is not the root: its length, its first label's length, first and last octet."""
    return (length << 24) | (<uint32_t> suffix[0] << 16) | (<uint32_t> suffix[1] << 8) | suffix[suffix[0]]


cdef bint spells(const Writer* w, uint32_t place, const uint8_t* suffix) noexcept nogil:
    """Does the name at this place of the message spell the suffix? Pointers must lead downwards, so it ends."""
    cdef uint32_t at = place
    cdef uint32_t size
    while True:
        if at >= w.at:
            return False
        size = w.base[at]
        if size >= POINTER_MARK:
            if at + 2 > w.at:
                return False
            size = ((size & 0x3f) << 8) | w.base[at + 1]
            if size >= place:
                return False
            place = size
            at = size
            continue
        if size != suffix[0]:
            return False
        if size == 0:
            return True
        if at + 1 + size > w.at or memcmp(w.base + at + 1, suffix + 1, size) != 0:
            return False
        at += size + 1
        suffix += size + 1


cdef struct Found:
    uint32_t new            # octets of the name before its longest known suffix; all but the root's when none is; length: no name
    uint32_t place          # where that suffix stands, 0 = none is known
    uint16_t count          # slots in use once the suffixes before it are kept


cdef Found find(Suffixes* s, const Writer* w, const uint8_t* name, uint32_t length, uint32_t start) noexcept nogil:
    """One walk measures the name, looks for its suffixes, and notes behind the table's end those that are new, as of a name at `start`.

    s.count = found.count makes the noted ones part of the table.
    """
    cdef Found found
    cdef uint32_t i, tag
    cdef uint32_t at = 0
    found.place = 0
    found.count = s.count
    while at < length and name[at]:
        if name[at] > LABEL_OCTETS or at + 1 + name[at] >= length:
            found.new = length
            return found
        tag = tag_of(name + at, length - at)
        for i in range(s.count):
            if s.tag[i] == tag and spells(w, s.at[i], name + at):
                found.place = s.at[i]
                found.new = at          # what spells a known name of this very length is well-formed
                return found
        if found.count < SUFFIX_SLOTS and start + at <= POINTER_MAX:
            s.at[found.count] = <uint16_t> (start + at)
            s.tag[found.count] = tag
            found.count += 1
        at += <uint32_t> name[at] + 1
    found.new = at if at + 1 == length else length
    return found


cdef void suffixes_learn(Suffixes* s, const Writer* w, uint32_t at) noexcept nogil:
    cdef Found found
    cdef uint32_t length
    if at >= w.at:
        return
    length = name_span(w.base + at, w.at - at)
    if length:
        found = find(s, w, w.base + at, length, at)
        s.count = found.count


cdef void suffixes_forget(Suffixes* s, uint32_t at) noexcept nogil:
    cdef uint32_t kept = 0
    cdef uint32_t i
    for i in range(s.count):
        if s.at[i] < at:
            s.at[kept] = s.at[i]
            s.tag[kept] = s.tag[i]
            kept += 1
    s.count = <uint16_t> kept


cdef void suffixes_put(Suffixes* s, Writer* w, const uint8_t* name, uint32_t length, bint compress) noexcept nogil:
    cdef Found found
    cdef uint8_t own[NAME_OCTETS]
    if length == 0 or length > NAME_OCTETS:
        w.bad = True
        return
    # A copy first: the name may lie in shared memory, and what is measured must be what is followed.
    memcpy(own, name, length)
    found = find(s, w, own, length, w.at)
    if found.new == length:
        w.bad = True
        return
    if not compress or found.place == 0:
        writer_bytes(w, own, length)
    elif w.bad or found.new + 2 > writer_left(w):
        w.bad = True
    else:
        writer_bytes(w, own, found.new)
        writer_u16(w, <uint16_t> (0xc000 | found.place))
    if not w.bad:
        s.count = found.count
