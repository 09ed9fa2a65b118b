"""An ordered set of owner keys in bounded memory (hints.pxd); and its door for tests."""

from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memmove, memset

cdef extern from *:
    """
    #include <endian.h>
    #include <stdint.h>
    #include <string.h>
    static inline uint64_t nsb_front(const uint8_t *p, uint32_t n) {
        uint64_t v = 0;
        memcpy(&v, p, n < 8 ? n : 8);
        return be64toh(v);
    }
    """
    uint64_t front_of "nsb_front"(const uint8_t*, uint32_t) noexcept nogil


cdef bint hints_open(Hints* hints, uint64_t octets) noexcept nogil:
    cdef uint64_t room = octets // sizeof(Page)
    cdef uint32_t i
    hints_close(hints)
    if room == 0:
        return True
    if room > 0x1000000:
        room = 0x1000000
    hints.pages = <Page*> calloc(room, sizeof(Page))
    hints.signs = <Sign*> calloc(room, sizeof(Sign))
    hints.spare = <uint32_t*> calloc(room, sizeof(uint32_t))
    if hints.pages == NULL or hints.signs == NULL or hints.spare == NULL:
        hints_close(hints)
        return False
    hints.room = <uint32_t> room
    hints.n_spare = hints.room
    for i in range(hints.room):
        hints.spare[i] = hints.room - 1 - i
    return True


cdef void hints_close(Hints* hints) noexcept nogil:
    free(hints.pages)
    free(hints.signs)
    free(hints.spare)
    memset(hints, 0, sizeof(Hints))


cdef inline int compare(const Hint* hint, uint64_t zone, const uint8_t* key, uint32_t length) noexcept nogil:
    """Below, at or above 0 as the hint comes before, is, or comes after (zone, key)."""
    cdef int order
    if hint.zone != zone:
        return -1 if hint.zone < zone else 1
    order = memcmp(hint.key, key, hint.len if hint.len < length else length)
    return order if order else <int> hint.len - <int> length


cdef uint32_t find_sign(const Hints* hints, uint64_t zone, const uint8_t* key, uint32_t length) noexcept nogil:
    """How many pages begin at or before (zone, key)."""
    cdef uint32_t low = 0, high = hints.n_signs, middle
    cdef uint64_t front = front_of(key, length)
    cdef const Sign* sign
    cdef bint after
    while low < high:
        middle = (low + high) >> 1
        sign = &hints.signs[middle]
        if sign.zone != zone:
            after = sign.zone > zone
        elif sign.front != front:
            after = sign.front > front
        else:
            after = compare(&hints.pages[sign.page].hint[0], zone, key, length) > 0
        if after:
            high = middle
        else:
            low = middle + 1
    return low


cdef uint32_t find_hint(const Hints* hints, const Sign* sign, uint64_t zone, const uint8_t* key, uint32_t length) noexcept nogil:
    """How many hints of the page come at or before (zone, key)."""
    cdef const Page* page = &hints.pages[sign.page]
    cdef uint32_t low = 0, high = sign.count, middle
    while low < high:
        middle = (low + high) >> 1
        if compare(&page.hint[middle], zone, key, length) > 0:
            high = middle
        else:
            low = middle + 1
    return low


cdef const Hint* hints_before(const Hints* hints, uint64_t zone, const uint8_t* key, uint32_t length) noexcept nogil:
    cdef uint32_t at = find_sign(hints, zone, key, length)
    cdef const Sign* sign
    cdef const Hint* hint
    if at == 0:
        return NULL
    sign = &hints.signs[at - 1]
    # the page begins at or before the key, so one hint at least does
    hint = &hints.pages[sign.page].hint[find_hint(hints, sign, zone, key, length) - 1]
    return hint if hint.zone == zone else NULL


cdef inline void label_page(Hints* hints, uint32_t at) noexcept nogil:
    """The sign's copy of its page's beginning."""
    cdef Sign* sign = &hints.signs[at]
    sign.zone = hints.pages[sign.page].hint[0].zone
    sign.front = front_of(hints.pages[sign.page].hint[0].key, HINT_KEY)


cdef void thin(Hints* hints) noexcept nogil:
    """Every second hint goes, and pages are filled up again."""
    cdef uint32_t sign, i, to = 0, used = 0
    cdef uint64_t seen = 0
    cdef Page* source
    cdef Page* target = NULL
    for sign in range(hints.n_signs):
        source = &hints.pages[hints.signs[sign].page]
        if target == NULL:
            target = source
        for i in range(hints.signs[sign].count):
            seen += 1
            if seen & 1 == 0:
                continue
            if used == PAGE_HINTS:
                hints.signs[to].count = used
                to += 1
                target = &hints.pages[hints.signs[to].page]
                used = 0
            # never ahead of what is read: what is written was read before, and half of it was left out
            if &target.hint[used] != &source.hint[i]:
                target.hint[used] = source.hint[i]
            used += 1
    if target == NULL:
        return
    hints.signs[to].count = used
    for i in range(to + 1, hints.n_signs):
        hints.spare[hints.n_spare] = hints.signs[i].page
        hints.n_spare += 1
    hints.n_signs = to + 1
    for i in range(hints.n_signs):
        label_page(hints, i)


cdef void add_page(Hints* hints, uint32_t at, uint32_t count) noexcept nogil:
    """A sign at place `at` of the directory, for a page that was spare."""
    memmove(&hints.signs[at + 1], &hints.signs[at], (hints.n_signs - at) * sizeof(Sign))
    hints.n_signs += 1
    hints.n_spare -= 1
    hints.signs[at].page = hints.spare[hints.n_spare]
    hints.signs[at].count = count


cdef void split(Hints* hints, uint32_t at) noexcept nogil:
    """The later half of a full page goes to a page of its own."""
    cdef uint32_t half = PAGE_HINTS // 2
    add_page(hints, at + 1, half)
    memcpy(&hints.pages[hints.signs[at + 1].page].hint[0], &hints.pages[hints.signs[at].page].hint[half], half * sizeof(Hint))
    hints.signs[at].count = half
    label_page(hints, at + 1)


cdef void hints_put(Hints* hints, uint64_t zone, const uint8_t* key, uint32_t length) noexcept nogil:
    cdef uint32_t at, place
    cdef Sign* sign
    cdef Page* page
    if length == 0 or length > HINT_KEY or hints.room == 0:
        return
    if hints.n_spare == 0:
        if hints.room < 2:
            return
        thin(hints)
    at = find_sign(hints, zone, key, length)
    if hints.n_signs == 0:
        add_page(hints, 0, 0)
    if at:
        at -= 1
    place = find_hint(hints, &hints.signs[at], zone, key, length)
    if place and compare(&hints.pages[hints.signs[at].page].hint[place - 1], zone, key, length) == 0:
        return
    if hints.signs[at].count == PAGE_HINTS:
        split(hints, at)
        if place > PAGE_HINTS // 2:
            at += 1
            place -= PAGE_HINTS // 2
    sign = &hints.signs[at]
    page = &hints.pages[sign.page]
    memmove(&page.hint[place + 1], &page.hint[place], (sign.count - place) * sizeof(Hint))
    memset(&page.hint[place], 0, sizeof(Hint))
    page.hint[place].zone = zone
    page.hint[place].len = <uint8_t> length
    memcpy(page.hint[place].key, key, length)
    sign.count += 1
    label_page(hints, at)


cdef void hints_drop(Hints* hints, uint64_t zone, const uint8_t* key, uint32_t length) noexcept nogil:
    cdef uint32_t at = find_sign(hints, zone, key, length)
    cdef uint32_t place
    cdef Sign* sign
    cdef Page* page
    if at == 0:
        return
    at -= 1
    sign = &hints.signs[at]
    page = &hints.pages[sign.page]
    place = find_hint(hints, sign, zone, key, length) - 1
    if compare(&page.hint[place], zone, key, length) != 0:
        return
    sign.count -= 1
    memmove(&page.hint[place], &page.hint[place + 1], (sign.count - place) * sizeof(Hint))
    if sign.count:
        label_page(hints, at)
        return
    hints.spare[hints.n_spare] = sign.page
    hints.n_spare += 1
    hints.n_signs -= 1
    memmove(&hints.signs[at], &hints.signs[at + 1], (hints.n_signs - at) * sizeof(Sign))


cdef bint hints_short(const Hints* hints) noexcept nogil:
    return hints.n_spare * 2 < hints.room
