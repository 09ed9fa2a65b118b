"""Places, lines, addresses and buffers of TCP connections (conns.pxd)."""

from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy, memmove, memset

from nsblast._core.siphash cimport siphash24

cdef enum:
    BUFFER_LEAST = 512      # octets a buffer begins with
    IDLE_LOOKS = 64         # connections looked at for an idle one before one that keeps us waiting will do


cdef void line_add(Pool* pool, Line* line, uint32_t place, uint32_t which) noexcept nogil:
    cdef Link* link = &pool.conn[place].link[which]
    link.before = line.last
    link.behind = NOBODY
    if line.last == NOBODY:
        line.first = place
    else:
        pool.conn[line.last].link[which].behind = place
    line.last = place


cdef void line_remove(Pool* pool, Line* line, uint32_t place, uint32_t which) noexcept nogil:
    cdef Link* link = &pool.conn[place].link[which]
    if link.before == NOBODY:
        line.first = link.behind
    else:
        pool.conn[link.before].link[which].behind = link.behind
    if link.behind == NOBODY:
        line.last = link.before
    else:
        pool.conn[link.behind].link[which].before = link.before


cdef uint32_t address_slot(const Pool* pool, uint64_t key) noexcept nogil:
    """Where the address is, or where it would be put."""
    cdef uint32_t at = <uint32_t> siphash24(pool.secret, <const uint8_t*> &key, 8) & pool.mask
    while pool.address[at].count and pool.address[at].key != key:
        at = (at + 1) & pool.mask
    return at


cdef void address_drop(Pool* pool, uint64_t key) noexcept nogil:
    """One fewer; a slot that falls free is closed up, so that no search stops too early."""
    cdef uint32_t hole = address_slot(pool, key), at, home
    if pool.address[hole].count == 0:
        return
    pool.address[hole].count -= 1
    if pool.address[hole].count:
        return
    at = hole
    while True:
        at = (at + 1) & pool.mask
        if pool.address[at].count == 0:
            return
        home = <uint32_t> siphash24(pool.secret, <const uint8_t*> &pool.address[at].key, 8) & pool.mask
        if ((at - home) & pool.mask) >= ((at - hole) & pool.mask):
            pool.address[hole] = pool.address[at]
            pool.address[at].count = 0
            hole = at


cdef bint pool_grow(Pool* pool, uint32_t most) noexcept nogil:
    cdef uint32_t i, mask = 15, first = pool.size
    cdef Conn* conn
    cdef AddressCount* address
    if most > pool.size:
        while mask < 2 * most:
            mask = 2 * mask + 1
        conn = <Conn*> realloc(pool.conn, most * sizeof(Conn))
        if conn == NULL:
            return False
        pool.conn = conn
        address = <AddressCount*> calloc(<size_t> mask + 1, sizeof(AddressCount))
        if address == NULL:
            return False
        memset(conn + first, 0, (most - first) * sizeof(Conn))
        if first == 0:
            pool.free = NOBODY
            for i in range(3):
                pool.line[i].first = pool.line[i].last = NOBODY
        free(pool.address)
        pool.address = address
        pool.mask = mask
        pool.size = most
        i = most
        while i > first:                    # the lowest is taken first
            i -= 1
            conn[i].fd = -1
            conn[i].link[LINK_SILENCE].behind = pool.free
            pool.free = i
        for i in range(first):
            if conn[i].fd >= 0:
                address_add(pool, conn[i].key)
    pool.most = most
    return True


cdef void address_add(Pool* pool, uint64_t key) noexcept nogil:
    cdef AddressCount* found = &pool.address[address_slot(pool, key)]
    found.key = key
    found.count += 1


cdef void pool_close(Pool* pool) noexcept nogil:
    cdef uint32_t i
    for i in range(pool.used):
        if pool.conn[i].fd >= 0:
            pool_release(pool, i)
    free(pool.conn)
    free(pool.address)
    pool.conn = NULL
    pool.address = NULL
    pool.size = pool.most = pool.used = 0


cdef uint32_t pool_take(Pool* pool, int fd, const uint8_t* client, uint8_t client_len, uint64_t now) noexcept nogil:
    cdef uint32_t place = pool.free
    cdef uint32_t generation
    cdef Conn* conn
    if place == NOBODY or pool.open >= pool.most:
        return NOBODY
    conn = &pool.conn[place]
    pool.free = conn.link[LINK_SILENCE].behind
    generation = conn.generation
    memset(conn, 0, sizeof(Conn))
    conn.generation = generation
    conn.fd = fd
    memcpy(conn.client, client, client_len)
    conn.client_len = client_len
    conn.key = conn_key(client, client_len)
    conn.born = conn.last = now
    address_add(pool, conn.key)
    line_add(pool, &pool.line[0], place, LINK_SILENCE)
    pool.open += 1
    if place >= pool.used:
        pool.used = place + 1
    return place


cdef void pool_release(Pool* pool, uint32_t place) noexcept nogil:
    cdef Conn* conn = &pool.conn[place]
    pool_queue(pool, place, QUEUE_NONE)
    line_remove(pool, &pool.line[0], place, LINK_SILENCE)
    address_drop(pool, conn.key)
    buffer_free(&conn.incoming)
    buffer_free(&conn.outgoing)
    conn.fd = -1
    conn.generation += 1
    conn.link[LINK_SILENCE].behind = pool.free
    pool.free = place
    pool.open -= 1


cdef uint32_t pool_count(const Pool* pool, uint64_t key) noexcept nogil:
    return pool.address[address_slot(pool, key)].count


cdef void pool_heard(Pool* pool, uint32_t place, uint64_t now) noexcept nogil:
    pool.conn[place].last = now
    if pool.line[0].last != place:
        line_remove(pool, &pool.line[0], place, LINK_SILENCE)
        line_add(pool, &pool.line[0], place, LINK_SILENCE)


cdef uint32_t pool_idle(const Pool* pool, uint32_t looks) noexcept nogil:
    cdef uint32_t place = pool.line[0].first
    cdef uint32_t owes = NOBODY
    cdef uint32_t looked = 0
    while place != NOBODY and looked < looks and (owes == NOBODY or looked < IDLE_LOOKS):
        if conn_idle(&pool.conn[place]):
            return place
        if owes == NOBODY and conn_owes(&pool.conn[place]):
            owes = place
        place = pool.conn[place].link[LINK_SILENCE].behind
        looked += 1
    return owes


cdef void pool_queue(Pool* pool, uint32_t place, uint8_t queue) noexcept nogil:
    cdef Conn* conn = &pool.conn[place]
    if conn.queue == queue:
        return
    if conn.queue != QUEUE_NONE:
        line_remove(pool, &pool.line[conn.queue], place, LINK_QUEUE)
    conn.queue = queue
    if queue != QUEUE_NONE:
        line_add(pool, &pool.line[queue], place, LINK_QUEUE)


cdef void pool_release_held(Pool* pool) noexcept nogil:
    while pool.line[<int> QUEUE_HELD].first != NOBODY:
        pool_queue(pool, pool.line[<int> QUEUE_HELD].first, QUEUE_READY)


cdef uint8_t* buffer_room(Buffer* buffer, uint32_t length) noexcept nogil:
    cdef uint32_t left = buffer.end - buffer.at
    cdef uint32_t size = buffer.size if buffer.size else BUFFER_LEAST
    cdef uint8_t* base
    if buffer.size - buffer.end >= length:
        return buffer.base + buffer.end
    if buffer.at:
        memmove(buffer.base, buffer.base + buffer.at, left)
        buffer.at = 0
        buffer.end = left
    while size - left < length:
        size *= 2
    if size > buffer.size:
        base = <uint8_t*> realloc(buffer.base, size)
        if base == NULL:
            return NULL
        buffer.base = base
        buffer.size = size
    return buffer.base + buffer.end


cdef bint buffer_put(Buffer* buffer, const uint8_t* data, uint32_t length) noexcept nogil:
    cdef uint8_t* room = buffer_room(buffer, length)
    if room == NULL:
        return False
    memcpy(room, data, length)
    buffer.end += length
    return True


cdef void buffer_take(Buffer* buffer, uint32_t length) noexcept nogil:
    buffer.at += length
    if buffer.at >= buffer.end:
        buffer_free(buffer)


cdef void buffer_free(Buffer* buffer) noexcept nogil:
    free(buffer.base)
    buffer.base = NULL
    buffer.at = buffer.end = buffer.size = 0
