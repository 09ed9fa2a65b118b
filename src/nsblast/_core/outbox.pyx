"""Answers on their way out: gathered by client, length and address of departure, then sent (outbox.pxd).

What is refused as one message is sent again one by one (no checksum in the device, a small MTU on the way, IPsec), and
gathering rests for a while. A kernel that does not say that it knows UDP_SEGMENT is never given it: one that passed
over an unknown control message would send all answers as a single datagram.
"""

from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport int8_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from nsblast._core.sock cimport (
    MSG_DONTWAIT, mmsghdr, msghdr, nsb_answer_from, nsb_knows_segments, nsb_segments, sendmmsg,
)

cdef enum:
    SEGMENT_MAX = 1232      # octets of an answer that is gathered: larger ones may not fit the path in one packet
    MESSAGE_MOST = 64000    # octets of a message: IP and UDP have theirs of 65535 too
    REST = 256              # flushes without gathering after a refusal


cdef void outbox_open(Outbox* box, int fd, bint wildcard, bint gso) noexcept nogil:
    memset(box, 0, sizeof(Outbox))
    box.fd = fd
    box.wildcard = wildcard
    box.able = gso and nsb_knows_segments(fd)


cdef inline uint32_t slot_of(const msghdr* way, uint32_t length) noexcept nogil:
    """By port and address of the client, and length."""
    cdef uint64_t x, y = 0
    memcpy(&x, way.msg_name, 8)
    if way.msg_namelen >= 24:
        memcpy(&y, <const uint8_t*> way.msg_name + 16, 8)
    x = (x ^ y ^ (<uint64_t> length << 24)) * <uint64_t> 0x9e3779b97f4a7c15ULL
    return <uint32_t> (x >> 57)


cdef inline bint same_way(const msghdr* a, const msghdr* b) noexcept nogil:
    return a.msg_namelen == b.msg_namelen and a.msg_controllen == b.msg_controllen \
        and memcmp(a.msg_name, b.msg_name, a.msg_namelen) == 0 \
        and (a.msg_controllen == 0 or memcmp(a.msg_control, b.msg_control, a.msg_controllen) == 0)


cdef void outbox_put(Outbox* box, uint8_t* answer, uint32_t length, const msghdr* request) noexcept nogil:
    cdef uint32_t n = box.letters
    cdef uint32_t run = box.runs
    cdef uint32_t slot = 0
    cdef Letter* letter = &box.letter[n]
    cdef Letter* head
    cdef msghdr* way = &box.way[run]
    box.letters += 1
    letter.answer = answer
    letter.length = <uint16_t> length
    letter.after = -1
    letter.last = <int8_t> n
    letter.many = 1
    way[0] = request[0]
    way.msg_flags = 0
    if box.wildcard:
        nsb_answer_from(way)
        way.msg_control = request.msg_control
    else:
        way.msg_controllen = 0
    if box.able and not box.alone and length <= SEGMENT_MAX and way.msg_namelen >= 8:
        slot = slot_of(way, length)
        if box.slot[slot] < run:
            head = &box.letter[box.first[box.slot[slot]]]
            if head.length == length and (<uint32_t> head.many + 1) * length <= MESSAGE_MOST \
                    and same_way(&box.way[box.slot[slot]], way):
                box.letter[head.last].after = <int8_t> n
                head.last = <int8_t> n
                head.many += 1
                return
        box.slot[slot] = <uint8_t> run
    box.first[run] = <uint8_t> n
    box.runs += 1


cdef void pack(Outbox* box) noexcept nogil:
    """A message of each run, its letters side by side in the vector."""
    cdef uint32_t run, used = 0
    cdef int at
    cdef Letter* head
    cdef msghdr* to
    for run in range(box.runs):
        head = &box.letter[box.first[run]]
        to = &box.message[run].msg_hdr
        to[0] = box.way[run]
        to.msg_iov = &box.iov[used]
        to.msg_iovlen = head.many
        at = box.first[run]
        while at >= 0:
            box.iov[used].iov_base = box.letter[at].answer
            box.iov[used].iov_len = box.letter[at].length
            used += 1
            at = box.letter[at].after
        if head.many > 1:
            nsb_segments(to, head.length)


cdef uint32_t one_by_one(Outbox* box, uint32_t run) noexcept nogil:
    """A run that was refused as one message; how many are refused still."""
    cdef mmsghdr one
    cdef uint32_t i, refused = 0
    cdef int done
    for i in range(box.message[run].msg_hdr.msg_iovlen):
        one.msg_hdr = box.way[run]
        one.msg_hdr.msg_iov = &box.message[run].msg_hdr.msg_iov[i]
        one.msg_hdr.msg_iovlen = 1
        while True:
            done = sendmmsg(box.fd, &one, 1, MSG_DONTWAIT)
            if done >= 0 or errno != EINTR:
                break
        if done < 0 and errno == EAGAIN:
            break
        refused += done < 0
    return refused


cdef uint32_t outbox_flush(Outbox* box) noexcept nogil:
    cdef uint32_t sent = 0, refused = 0
    cdef int done
    if box.runs:
        pack(box)
    while sent < box.runs:
        done = sendmmsg(box.fd, &box.message[sent], box.runs - sent, MSG_DONTWAIT)
        if done > 0:
            sent += <uint32_t> done
        elif errno == EAGAIN:
            break
        elif errno != EINTR:
            if box.message[sent].msg_hdr.msg_iovlen > 1:
                box.alone = REST + 1
                refused += one_by_one(box, sent)
            else:
                refused += 1
            sent += 1
    box.letters = 0
    box.runs = 0
    if box.alone:
        box.alone -= 1
    return refused
