# The answers of one batch on their way out of a UDP socket: sendmmsg(2), and where the kernel can, UDP_SEGMENT (udp(7)).
#
# Answers of one length to one client from one address leave as one message that the kernel cuts (GSO): the way through
# its stack is then walked once for all of them. Any other answer goes as it always did. Never: what an answer says.
# Invariants: no more than 64 answers between two flushes; an answer's octets, its client's address and 64 octets of
# control memory stay where they are until the flush. Answers of one batch may leave in another order than they came.

from libc.stdint cimport int8_t, uint8_t, uint16_t, uint32_t

from nsblast._core.sock cimport iovec, mmsghdr, msghdr

cdef enum:
    LETTERS = 64            # answers between two flushes; also the most segments of a message of any kernel
    SLOTS = 128             # of the table of open runs; power of two


cdef struct Letter:
    uint8_t* answer
    uint16_t length
    int8_t after            # the next letter of its run, -1 = none
    int8_t last             # of a run's first letter: the last one
    uint8_t many            # of a run's first letter: letters in the run


cdef struct Outbox:
    int fd
    bint wildcard           # the socket is bound to all addresses: answers name the one they leave from
    bint able               # the kernel knows UDP_SEGMENT, and nobody has switched it off
    uint32_t alone          # so many flushes more without it: it was refused not long ago
    uint32_t letters
    uint32_t runs
    Letter letter[64]
    msghdr way[64]          # of a run: to whom, and from which address
    uint8_t first[64]       # of a run: its first letter
    uint8_t slot[128]       # by client and length: a run; only a comparison tells whether it is the one
    mmsghdr message[64]
    iovec iov[64]


cdef void outbox_open(Outbox* box, int fd, bint wildcard, bint gso) noexcept nogil
# An answer, to whom the request came from, from the address it came to.
cdef void outbox_put(Outbox* box, uint8_t* answer, uint32_t length, const msghdr* request) noexcept nogil
# Send all; how many the kernel refused: their clients ask again. A full buffer drops the rest.
cdef uint32_t outbox_flush(Outbox* box) noexcept nogil


cdef inline bint outbox_full(const Outbox* box) noexcept nogil:
    return box.letters == LETTERS
