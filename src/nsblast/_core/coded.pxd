# Fields of rdata written as digits or by list: hex, base64, base32hex, lists of types, mnemonics of algorithms and tags.
#
# Owns: the text form of one field each (RFC 4034 2.2 and 4.2, 4648, 5155 3.3, 8659 4.1). Sticky, like fields.pxd.

from nsblast._core.token cimport Text
from nsblast._core.wire cimport Writer

cdef void put_hex(Text* t, bint may_be_empty, Writer* w) noexcept nogil            # all words to the end of the entry
cdef void put_base64(Text* t, bint may_be_empty, Writer* w) noexcept nogil         # the same
cdef void put_salt(Text* t, Writer* w) noexcept nogil           # NSEC3: length, octets; "-" for none
cdef void put_base32(Text* t, Writer* w) noexcept nogil         # NSEC3: length, octets
cdef void put_types(Text* t, Writer* w) noexcept nogil          # type bit maps to the end of the entry
cdef void put_type(Text* t, Writer* w) noexcept nogil           # a type as u16
cdef void put_algorithm(Text* t, Writer* w) noexcept nogil      # DNSSEC algorithm, number or mnemonic, as u8
cdef void put_tag(Text* t, Writer* w) noexcept nogil            # CAA: length, letters and digits
