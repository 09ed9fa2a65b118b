"""The writer's half of the entry cache (arena.pxd): log, cleaning, ways."""

from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset

from nsblast._core.entries cimport OFFSET_BITS, way_tag, way_unit
from nsblast._core.name cimport Name, name_load
from nsblast._core.pins cimport pins_add, pins_drop, pins_free, pins_take
from nsblast._core.shm cimport BUCKET_REACH, BUCKET_WAYS, Block, Bucket, fence_full, fence_release, load8, load64, place
from nsblast._core.shm cimport prefetch, store8, store16, store32, store32_release, store64
from nsblast._core.status cimport Status

cdef enum:
    CLEANED_AT_ONCE = 32    # segments cleaned for one block before it is refused
    AHEAD = 16              # blocks whose buckets are fetched before the first is looked at


cdef struct Place:          # where a name's way is
    uint64_t home           # bucket its hash leads to
    uint64_t bucket         # bucket it is in, not before home but round the end
    uint32_t way


# -- blocks ------------------------------------------------------------------------------------------------------------

cdef inline Block* block_at(const Books* books, uint64_t unit) noexcept nogil:
    return <Block*> (books.map.arena + unit * 8)


cdef inline const uint8_t* block_name(const Block* block) noexcept nogil:
    return <const uint8_t*> block + sizeof(Block)


cdef inline uint32_t octets(uint32_t name_len, uint32_t blob_len) noexcept nogil:
    """Octets a block takes."""
    return (<uint32_t> sizeof(Block) + name_len + blob_len + 7) & ~<uint32_t> 7


cdef inline uint32_t block_octets(const Block* block) noexcept nogil:
    return octets(block.name_len, block.blob_len)


cdef inline bint is_pinned(const Books* books, const Block* block) noexcept nogil:
    return block.pinned and block.stamp > books.map.head.released


cdef inline uint32_t segment_of(const Books* books, uint64_t unit) noexcept nogil:
    return <uint32_t> (unit * 8 // books.map.head.log_segment)


cdef inline uint64_t block_hash(const Books* books, const Block* block) noexcept nogil:
    """The hash of a block's name; 0 when it is no name."""
    cdef Name name
    if name_load(&name, block_name(block), block.name_len, &books.seed) != Status.OK:
        return 0
    return name.hash[name.labels]


# -- ways --------------------------------------------------------------------------------------------------------------

cdef inline void way_set(Books* books, uint64_t bucket_at, uint32_t i, uint64_t way) noexcept nogil:
    """Change one way under the bucket's version: one store, so that a writer killed here leaves the old way or the new."""
    cdef Bucket* bucket = books.map.buckets + bucket_at
    cdef uint32_t version = bucket.version
    store32(&bucket.version, version + 1)
    fence_release()
    store64(&bucket.way[i], way)
    store32_release(&bucket.version, version + 2)


cdef inline uint64_t further(const Books* books, uint64_t home, uint64_t step) noexcept nogil:
    """The bucket so many behind home."""
    home += step
    return home - books.map.n_buckets if home >= books.map.n_buckets else home


cdef bint find_unit(const Books* books, uint64_t hash, uint64_t unit, Place* found) noexcept nogil:
    """The way that leads to a block."""
    cdef uint64_t wanted = way_tag(hash) | unit
    cdef uint64_t step
    cdef uint32_t i
    cdef const Bucket* bucket
    found.home = place(hash, books.map.n_buckets)
    for step in range(<uint64_t> books.map.buckets[found.home].reach + 1):
        found.bucket = further(books, found.home, step)
        bucket = books.map.buckets + found.bucket
        for i in range(<uint32_t> BUCKET_WAYS):
            if bucket.way[i] == wanted:
                found.way = i
                return True
    return False


cdef bint find_name(const Books* books, uint64_t hash, const uint8_t* name, uint8_t length, Place* found) noexcept nogil:
    """The way of a name."""
    cdef uint64_t tag = way_tag(hash)
    cdef uint64_t step
    cdef uint32_t i
    cdef const Bucket* bucket
    cdef const Block* block
    found.home = place(hash, books.map.n_buckets)
    for step in range(<uint64_t> books.map.buckets[found.home].reach + 1):
        found.bucket = further(books, found.home, step)
        bucket = books.map.buckets + found.bucket
        for i in range(<uint32_t> BUCKET_WAYS):
            if (bucket.way[i] ^ tag) >> OFFSET_BITS == 0 and way_unit(bucket.way[i]):
                block = block_at(books, way_unit(bucket.way[i]))
                if block.name_len == length and memcmp(block_name(block), name, length) == 0:
                    found.way = i
                    return True
    return False


cdef uint64_t name_unit(const Books* books, uint64_t hash, const uint8_t* name, uint8_t length) noexcept nogil:
    cdef Place found
    if not find_name(books, hash, name, length, &found):
        return 0
    return way_unit(books.map.buckets[found.bucket].way[found.way])


cdef void block_died(Books* books, uint64_t unit) noexcept nogil:
    """No way leads to this block any more."""
    cdef const Block* block = block_at(books, unit)
    cdef uint32_t size = block_octets(block)
    cdef LogSegment* segment = books.log + segment_of(books, unit)
    if is_pinned(books, block):
        pins_take(&books.pins, block.stamp, size)
    segment.live -= size
    store64(&books.map.head.arena_used, books.map.head.arena_used - size)
    segment_settle(books, segment_of(books, unit))


cdef void way_clear(Books* books, const Place* where) noexcept nogil:
    """The entry in this way is no longer cached."""
    cdef Bucket* home = books.map.buckets + where.home
    cdef uint64_t unit = way_unit(books.map.buckets[where.bucket].way[where.way])
    cdef const Block* block = block_at(books, unit)
    if block.stamp > books.dropped:
        books.dropped = block.stamp
    if block.blob_len:
        # Whoever misses the entry from now on must not take that for "does not exist".
        books.lost += 1
        store64(&books.map.head.complete, 0)
        fence_release()
    way_set(books, where.bucket, where.way, 0)
    if where.bucket != where.home:
        # After the way, so that a killed writer leaves the count too high and never too low.
        fence_release()
        if home.overflow <= 1:
            store16(&home.reach, 0)
            store16(&home.overflow, 0)
        else:
            store16(&home.overflow, home.overflow - 1)
    store8(books.map.used + where.bucket * 8 + where.way, 0)
    store64(&books.map.head.entries, books.map.head.entries - 1)
    block_died(books, unit)


cdef bint name_drop(Books* books, uint64_t hash, const uint8_t* name, uint8_t length) noexcept nogil:
    cdef Place found
    if not find_name(books, hash, name, length, &found):
        return False
    way_clear(books, &found)
    return True


cdef bint way_free(Books* books, uint64_t home, Place* found) noexcept nogil:
    """A free way for an entry of this home, made free when need be; False when all around are pinned."""
    cdef uint64_t step, unit
    cdef uint32_t i, turn
    cdef Bucket* bucket
    cdef Place other
    cdef const Block* block
    found.home = home
    for step in range(<uint64_t> BUCKET_REACH + 1):
        found.bucket = further(books, home, step)
        bucket = books.map.buckets + found.bucket
        for i in range(<uint32_t> BUCKET_WAYS):
            if way_unit(bucket.way[i]) == 0:
                found.way = i
                return True
    store64(&books.map.head.pressure, 1)
    for turn in range(2):       # first one nobody has used
        for step in range(<uint64_t> BUCKET_REACH + 1):
            found.bucket = further(books, home, step)
            bucket = books.map.buckets + found.bucket
            for i in range(<uint32_t> BUCKET_WAYS):
                unit = way_unit(bucket.way[i])
                block = block_at(books, unit)
                if is_pinned(books, block) or (turn == 0 and load8(books.map.used + found.bucket * 8 + i)):
                    continue
                if find_unit(books, block_hash(books, block), unit, &other):
                    store64(&books.map.head.evictions, books.map.head.evictions + 1)
                    way_clear(books, &other)
                    found.way = i
                    return True
    return False


cdef bint block_link(Books* books, uint64_t hash, uint64_t unit, uint64_t stamp) noexcept nogil:
    cdef Block* block = block_at(books, unit)
    cdef LogSegment* segment = books.log + segment_of(books, unit)
    cdef uint32_t size = block_octets(block)
    cdef uint64_t way = way_tag(hash) | unit
    cdef uint64_t old, steps
    cdef Bucket* home
    cdef Place found
    store64(&block.stamp, stamp)
    if find_name(books, hash, block_name(block), block.name_len, &found):
        old = way_unit(books.map.buckets[found.bucket].way[found.way])
        way_set(books, found.bucket, found.way, way)
        block_died(books, old)
    else:
        if not way_free(books, found.home, &found):
            if block.blob_len:
                books.lost += 1
                store64(&books.map.head.complete, 0)
            block_forget(books, unit)
            return False
        if found.bucket != found.home:
            # Before the way, so that no reader stops short of it.
            home = books.map.buckets + found.home
            steps = found.bucket - found.home if found.bucket > found.home \
                else found.bucket + books.map.n_buckets - found.home
            if steps > home.reach:
                store16(&home.reach, <unsigned short> steps)
            store16(&home.overflow, home.overflow + 1)
            fence_release()
        way_set(books, found.bucket, found.way, way)
        store64(&books.map.head.entries, books.map.head.entries + 1)
    segment.staged -= 1
    segment.live += size
    store64(&books.map.head.arena_used, books.map.head.arena_used + size)
    if is_pinned(books, block):
        pins_add(&books.pins, stamp, size)
    return True


cdef void pins_release(Books* books, uint64_t commit) noexcept nogil:
    if commit > books.map.head.released:
        store64(&books.map.head.released, commit)
        pins_drop(&books.pins, commit)


# -- the log -----------------------------------------------------------------------------------------------------------

cdef void segment_settle(Books* books, uint32_t i) noexcept nogil:
    """A segment without anything in it is free at once."""
    cdef LogSegment* segment = books.log + i
    if segment.live == 0 and segment.staged == 0 and segment.number and i != books.current:
        segment.number = 0
        segment.fill = 0
        books.free += 1


cdef bint segment_begin(Books* books) noexcept nogil:
    """A free segment becomes the current one."""
    cdef uint32_t i, old = books.current
    for i in range(books.segments):
        if books.log[i].number == 0:
            break
    else:
        return False
    # Every way into this segment was changed before this point: a reader who sees what is written from here on will
    # also see that its bucket has moved.
    fence_full()
    books.number += 1
    books.log[i].number = books.number
    books.log[i].fill = LOG_HEAD
    store64(<uint64_t*> (books.map.arena + i * books.map.head.log_segment), books.number)
    books.current = i
    books.free -= 1
    if old < books.segments:
        segment_settle(books, old)
    # Early, so that there are marks to go by when cleaning begins.
    if books.free <= books.segments // 4:
        store64(&books.map.head.pressure, 1)
    return True


cdef uint64_t append(Books* books, uint32_t size, uint32_t keep) noexcept nogil:
    """Room for a block without dropping anything, `keep` segments staying free; 0 = none."""
    cdef LogSegment* segment
    cdef uint64_t size_of = books.map.head.log_segment
    cdef uint64_t unit
    if books.current == books.segments or books.log[books.current].fill + size > size_of:
        if books.free <= keep or not segment_begin(books):
            return 0
    segment = books.log + books.current
    unit = (books.current * size_of + segment.fill) // 8
    segment.fill += size
    return unit


cdef void block_move(Books* books, const Place* where, const Block* block, uint32_t size, uint64_t unit) noexcept nogil:
    """A block lives on at the front of the log."""
    cdef uint64_t way = books.map.buckets[where.bucket].way[where.way]
    memcpy(block_at(books, unit), block, size)
    way_set(books, where.bucket, where.way, way ^ way_unit(way) ^ unit)
    store8(books.map.used + where.bucket * 8 + where.way, 0)
    books.log[segment_of(books, unit)].live += size
    books.log[segment_of(books, way_unit(way))].live -= size


cdef void clean(Books* books, uint32_t victim) noexcept nogil:
    """Free one segment: what was used or is pinned moves on, the rest goes."""
    cdef uint64_t start = victim * books.map.head.log_segment
    cdef uint32_t fill = books.log[victim].fill
    cdef uint32_t for_use = fill // 2       # octets that may stay for having been used, so that room is won
    cdef uint32_t at = LOG_HEAD
    cdef uint32_t i, n, size
    cdef uint32_t ats[16]
    cdef uint64_t hashes[16]
    cdef uint64_t unit
    cdef const Block* block
    cdef Place found
    while at < fill and books.log[victim].live:
        n = 0
        while n < AHEAD and at < fill:
            block = block_at(books, (start + at) // 8)
            size = block_octets(block)
            if block.name_len == 0 or size > fill - at:
                at = fill
                break
            ats[n] = at
            hashes[n] = block_hash(books, block)
            prefetch(books.map.buckets + place(hashes[n], books.map.n_buckets))
            n += 1
            at += size
        for i in range(n):
            block = block_at(books, (start + ats[i]) // 8)
            if not find_unit(books, hashes[i], (start + ats[i]) // 8, &found):
                continue
            size = block_octets(block)
            unit = 0
            if is_pinned(books, block):
                unit = append(books, size, 0)
            elif size <= for_use and load8(books.map.used + found.bucket * 8 + found.way):
                unit = append(books, size, 0)
                for_use -= size if unit else 0
            if unit:
                block_move(books, &found, block, size, unit)
            elif not is_pinned(books, block):
                store64(&books.map.head.evictions, books.map.head.evictions + 1)
                way_clear(books, &found)
    segment_settle(books, victim)


cdef bint clean_oldest(Books* books) noexcept nogil:
    """Clean the segment that was begun first; False when there is none to clean."""
    cdef uint32_t i
    cdef uint32_t victim = books.segments
    for i in range(books.segments):
        if books.log[i].number and books.log[i].staged == 0 and i != books.current \
                and (victim == books.segments or books.log[i].number < books.log[victim].number):
            victim = i
    if victim == books.segments:
        return False
    clean(books, victim)
    if books.log[victim].number:
        # Pinned blocks found no room (never, while one segment is kept back): the next turn begins with another one.
        books.number += 1
        books.log[victim].number = books.number
    return True


cdef uint64_t block_place(Books* books, const uint8_t* name, uint8_t length, const uint8_t* blob, uint32_t blob_len,
                          bint pin, bint make_room) noexcept nogil:
    cdef uint32_t size, _turns
    cdef uint64_t unit = 0
    cdef Block* block
    if blob_len > BLOB_MAX:
        return 0
    size = octets(length, blob_len)
    if size > books.map.head.log_segment - LOG_HEAD:
        return 0
    if pin and (books.pins.octets > books.map.arena_size // 2
                or books.pins.blocks > books.map.n_buckets * BUCKET_WAYS // 4):
        return 0
    for _turns in range(<uint32_t> CLEANED_AT_ONCE):
        unit = append(books, size, 1)
        if unit or not make_room or not clean_oldest(books):
            break
    if unit == 0:
        return 0
    block = block_at(books, unit)
    block.stamp = 0
    block.blob_len = blob_len
    block.name_len = length
    block.pinned = pin
    memcpy(<uint8_t*> block + sizeof(Block), name, length)
    if blob_len:
        memcpy(<uint8_t*> block + sizeof(Block) + length, blob, blob_len)
    books.log[books.current].staged += 1
    return unit


cdef void block_forget(Books* books, uint64_t unit) noexcept nogil:
    books.log[segment_of(books, unit)].staged -= 1
    segment_settle(books, segment_of(books, unit))


# -- a writer comes ----------------------------------------------------------------------------------------------------

cdef bint books_open(Books* books, const Map* map) noexcept nogil:
    memset(books, 0, sizeof(Books))
    books.map = map[0]
    books.seed.a = map.head.seed_a
    books.seed.b = map.head.seed_b
    books.segments = <uint32_t> (map.arena_size // map.head.log_segment)
    books.current = books.segments
    books.log = <LogSegment*> calloc(books.segments, sizeof(LogSegment))
    store64(&map.head.entries, 0)
    store64(&map.head.arena_used, 0)
    return books.log != NULL


cdef void books_close(Books* books) noexcept nogil:
    free(books.log)
    pins_free(&books.pins)
    memset(books, 0, sizeof(Books))


cdef void read_way(Books* books, uint64_t bucket_at, uint32_t i) noexcept nogil:
    """Count one way's block; a way that leads nowhere is cleared."""
    cdef uint64_t unit = way_unit(books.map.buckets[bucket_at].way[i])
    cdef uint64_t size_of = books.map.head.log_segment
    cdef uint64_t at = unit * 8 % size_of
    cdef LogSegment* segment
    cdef const Block* block
    cdef uint32_t size
    if unit < books.map.arena_units and at >= LOG_HEAD and at + sizeof(Block) <= size_of:
        block = block_at(books, unit)
        if block.name_len and block.blob_len <= BLOB_MAX and block_octets(block) <= size_of - at:
            size = block_octets(block)
            segment = books.log + segment_of(books, unit)
            segment.number = 1
            segment.live += size
            if at + size > segment.fill:
                segment.fill = <uint32_t> (at + size)
            if is_pinned(books, block):
                pins_add(&books.pins, block.stamp, size)
            store64(&books.map.head.entries, books.map.head.entries + 1)
            store64(&books.map.head.arena_used, books.map.head.arena_used + size)
            return
    store64(&books.map.head.complete, 0)
    fence_release()
    way_set(books, bucket_at, i, 0)


cdef void books_read(Books* books, uint64_t first, uint64_t last) noexcept nogil:
    cdef uint64_t at
    cdef uint32_t i
    cdef Bucket* bucket
    for at in range(first, last):
        bucket = books.map.buckets + at
        if bucket.version & 1:
            # A writer was killed in way_set: the way is the old one or the new one, and both lead to whole blocks.
            store32_release(&bucket.version, bucket.version + 1)
        if bucket.reach > BUCKET_REACH:
            store16(&bucket.reach, BUCKET_REACH)
        if at + 2 < last:
            for i in range(<uint32_t> BUCKET_WAYS):
                if way_unit(bucket[2].way[i]):
                    prefetch(books.map.arena + way_unit(bucket[2].way[i]) * 8)
        for i in range(<uint32_t> BUCKET_WAYS):
            if way_unit(bucket.way[i]):
                read_way(books, at, i)


cdef void books_resume(Books* books) noexcept nogil:
    cdef uint32_t i
    cdef LogSegment* segment
    for i in range(books.segments):
        segment = books.log + i
        if segment.number == 0:
            books.free += 1
            continue
        segment.number = load64(<uint64_t*> (books.map.arena + i * books.map.head.log_segment))
        if segment.number == 0:
            segment.number = 1
        if segment.number > books.number:
            # The killed writer may have been cleaning: what is still to move fits behind what has moved.
            books.number = segment.number
            books.current = i
    # What was dropped before is not known: take it for the newest.
    books.dropped = books.map.head.done
    fence_full()
