# Domain names in wire form (RFC 1035 3.1), folded to lower case (RFC 4343), with the keyed hash of each suffix.
#
# Owns: reading a name from octets, folding, the suffix hashes every table of the core is addressed by.
# Never: compression on output (suffix.pyx), tables. "Suffix of k labels" always counts from the root.

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from nsblast._core.status cimport Status
from nsblast._core.wire cimport Reader

cdef enum:
    NAME_OCTETS = 255       # RFC 1035 2.3.4, root's octet counted
    NAME_LABELS = 127       # root not counted


cdef struct Name:
    uint8_t wire[256]       # lower case, uncompressed, ends with the root's zero octet
    uint8_t len             # octets used, 1..255
    uint8_t labels          # root not counted, 0..127
    bint folded             # some octet was upper case in the source
    uint8_t at[128]         # at[k]: offset in wire of the suffix of k labels, valid for 0..labels; at[0] = len - 1
    uint64_t hash[128]      # hash[k]: keyed hash of the suffix of k labels, valid for 0..labels; never 0


cdef struct Seed:
    uint64_t a              # secret of this database, so that nobody can aim at a slot of a table
    uint64_t b


# Reads an uncompressed name at the cursor: OK, or FORMERR for a pointer, a label above 63 or a name above 255 octets
# (then the cursor stays where it was and `name` holds nothing to be used).
cdef Status name_read(Name* name, Reader* r, const Seed* seed) noexcept nogil
# The same from a stored name of `length` octets (whose case may be mixed).
cdef Status name_load(Name* name, const uint8_t* wire, uint32_t length, const Seed* seed) noexcept nogil
# The same, cheaper for a name that ends in the suffix of k labels of `of` (another Name of the same seed): the hashes of that
# suffix are known. Gives exactly what name_load gives.
cdef Status name_load_near(Name* name, const uint8_t* wire, uint32_t length, const Name* of, uint8_t k,
                           const Seed* seed) noexcept nogil
# name = "*" under the suffix of k labels of `of`, which is another Name: OK, or FORMERR when longer than 255 octets.
cdef Status name_wildcard(Name* name, const Name* of, uint8_t k, const Seed* seed) noexcept nogil
# Octets of the uncompressed name at p, root included; 0 when it is malformed or longer than `left`. No folding.
cdef uint32_t name_span(const uint8_t* p, uint32_t left) noexcept nogil
# Equal but for ASCII case, over n octets.
cdef bint name_same(const uint8_t* a, const uint8_t* b, uint32_t n) noexcept nogil
cdef uint64_t hash_root(const Seed* seed) noexcept nogil
# Hash of the name made of a label (length octet first, already lower case) before a suffix of hash `parent`.
cdef uint64_t hash_label(uint64_t parent, const uint8_t* label, const Seed* seed) noexcept nogil
# Mark that a hash stands for "this is the apex of a zone" rather than "this name exists", in the filter.
cdef uint64_t hash_apex(uint64_t hash) noexcept nogil
