# Records of a message of a transfer, uncompressed. Owns and never: unpack.pyx.

from libc.stdint cimport uint16_t, uint32_t

from nsblast._core.wire cimport Reader, Writer

cdef enum:
    RDATA_OCTETS = 66400        # 65535, and what two names gain when they are decompressed

# Appends the name at the cursor; False when it is malformed or does not fit. The cursor is behind it then.
cdef bint name_to(Reader* r, Writer* w) noexcept nogil
# Appends the rdata at the cursor, which ends at `end`; False when it is malformed. known: it was looked at whole.
cdef bint rdata_to(Reader* r, uint16_t rrtype, uint32_t end, Writer* w, bint* known) noexcept nogil
