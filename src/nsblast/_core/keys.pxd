# Store keys: names in an encoding whose byte order is DNSSEC canonical order (RFC 4034 6.1).
#
# Owns: name keys and owner keys, both directions. Never: the key letters of the store (store/engine.py), I/O.
# Name key: labels from the root downwards, lower case, octets 00 and 01 written 01 01 and 01 02, each label ended by 00.
# Owner key: name key of the apex, 00, the rest of the owner name encoded alike. No label is empty, so a 00 where a label
# should begin can only be that separator; and all owner keys of one zone lie between its name key + 00 and + 01.

from libc.stdint cimport uint8_t, uint32_t

from nsblast._core.status cimport Status
from nsblast._core.wire cimport Reader, Writer

cdef enum:
    KEY_OCTETS = 512        # no key of a name of at most 255 octets is longer
    NO_APEX = 0xff          # "a name key, without a separator"

# Appends the key of the uncompressed name of `length` octets at `wire` (any case): the owner key in the zone whose apex has
# `apex_labels` labels, or the name key when that is NO_APEX.
# OK; FORMERR when the name is malformed or has fewer labels than the apex; SERVFAIL when it did not fit.
cdef Status key_write(Writer* w, const uint8_t* wire, uint32_t length, uint8_t apex_labels) noexcept nogil
# Appends what an owner key has behind its separator: b"" for the apex itself, and then memcmp, shorter before longer, is
# the order of owner names in the zone. Statuses as above.
cdef Status key_write_rest(Writer* w, const uint8_t* wire, uint32_t length, uint8_t apex_labels) noexcept nogil
# Appends the wire form of the name whose key, of either kind, is the whole of `r`; apex_labels is NO_APEX for a name key.
# OK, CORRUPT when it is no such key, SERVFAIL when the name did not fit.
cdef Status key_read(Reader* r, Writer* w, uint8_t* apex_labels) noexcept nogil
