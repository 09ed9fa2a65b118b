"""Store keys of names: format in keys.pxd."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from nsblast._core.name cimport Seed, hash_label, hash_root
from nsblast._core.status cimport CORRUPT, FORMERR, OK, SERVFAIL, Status
from nsblast._core.wire cimport (
    Reader, Writer, reader_bad, reader_left, reader_open, reader_seek, reader_take, reader_u8, writer_bytes, writer_open, writer_u8,
)

cdef enum:
    NAME_MAX = 255
    LABELS_MAX = 127


cdef inline uint8_t lower(uint8_t c) noexcept nogil:
    return <uint8_t> (c + 32) if c >= 65 and c <= 90 else c


cdef Status write_labels(Writer* w, const uint8_t* wire, uint32_t length, uint8_t apex_labels, uint32_t first) noexcept nogil:
    """The labels from the `first` on (counted from the root), with the separator where it is due."""
    cdef Reader r
    cdef uint32_t at[128]
    cdef uint32_t labels = 0
    cdef uint32_t k, _i
    cdef uint8_t size, c
    if length < 1 or length > NAME_MAX:
        return FORMERR
    reader_open(&r, wire, length)
    while True:
        if labels > LABELS_MAX:
            return FORMERR
        at[labels] = r.at
        size = reader_u8(&r)
        if size == 0:
            break
        if size > 63 or reader_take(&r, size) == NULL:
            return FORMERR
        labels += 1
    if reader_bad(&r) or r.at != length or (apex_labels != NO_APEX and labels < apex_labels):
        return FORMERR
    for k in range(first, labels):
        if k == apex_labels and first == 0:
            writer_u8(w, 0)
        reader_seek(&r, at[labels - 1 - k])
        size = reader_u8(&r)
        for _i in range(size):
            c = lower(reader_u8(&r))
            if c <= 1:
                writer_u8(w, 1)
                c += 1
            writer_u8(w, c)
        writer_u8(w, 0)
    if labels == apex_labels and first == 0:
        writer_u8(w, 0)
    return SERVFAIL if w.bad else OK


cdef Status key_write(Writer* w, const uint8_t* wire, uint32_t length, uint8_t apex_labels) noexcept nogil:
    return write_labels(w, wire, length, apex_labels, 0)


cdef Status key_write_rest(Writer* w, const uint8_t* wire, uint32_t length, uint8_t apex_labels) noexcept nogil:
    return write_labels(w, wire, length, apex_labels, apex_labels)


cdef Status key_read(Reader* r, Writer* w, uint8_t* apex_labels) noexcept nogil:
    cdef uint32_t start[128]
    cdef uint32_t labels = 0
    cdef uint32_t i
    cdef uint8_t c, size
    cdef uint8_t label[64]
    apex_labels[0] = NO_APEX
    while reader_left(r):
        start[labels] = r.at
        c = reader_u8(r)
        if c == 0:
            if apex_labels[0] != NO_APEX:
                return CORRUPT
            apex_labels[0] = <uint8_t> labels
            continue
        while c != 0:
            if lower(c) != c:
                return CORRUPT
            if c == 1:
                c = reader_u8(r)
                if c != 1 and c != 2:
                    return CORRUPT
            c = reader_u8(r)
        if reader_bad(r) or labels == LABELS_MAX:
            return CORRUPT
        labels += 1
    for i in range(labels):
        reader_seek(r, start[labels - 1 - i])
        size = 0
        c = reader_u8(r)
        while c != 0:
            if size == 63:
                return CORRUPT
            label[size] = c if c != 1 else <uint8_t> (reader_u8(r) - 1)
            size += 1
            c = reader_u8(r)
        writer_u8(w, size)
        writer_bytes(w, label, size)
    writer_u8(w, 0)
    return SERVFAIL if w.bad else OK


cdef bytes build(bytes wire, uint8_t apex_labels):
    cdef uint8_t out[512]
    cdef Writer w
    writer_open(&w, out, KEY_OCTETS)
    if key_write(&w, <const uint8_t*> wire, <uint32_t> min(len(wire), 256), apex_labels) != OK:
        raise ValueError(f"not a name in wire form below an apex of {apex_labels} labels: {wire!r}"
                         if apex_labels != NO_APEX else f"not a name in wire form: {wire!r}")
    return (<const char*> out)[:w.at]


cdef bytes restore(bytes key, uint8_t* apex_labels):
    cdef uint8_t out[256]
    cdef Reader r
    cdef Writer w
    reader_open(&r, <const uint8_t*> key, <uint32_t> min(len(key), KEY_OCTETS + 1))
    writer_open(&w, out, NAME_MAX)
    if key_read(&r, &w, apex_labels) != OK:
        raise ValueError(f"not the key of a name: {key!r}")
    return (<const char*> out)[:w.at]


def name_key(bytes wire not None):
    """The name key, lower case; ValueError for a malformed name."""
    return build(wire, NO_APEX)


def owner_key(bytes wire not None, unsigned int apex_labels):
    """The owner key in the zone whose apex is the suffix of `apex_labels` labels; ValueError when that cannot be."""
    if apex_labels > LABELS_MAX:
        raise ValueError(f"no name has {apex_labels} labels")
    return build(wire, <uint8_t> apex_labels)


def split_owner_key(bytes key not None):
    """(name in wire form, labels of its zone's apex); ValueError for anything else."""
    cdef uint8_t apex
    cdef bytes wire = restore(key, &apex)
    if apex == NO_APEX:
        raise ValueError(f"not an owner key: {key!r}")
    return wire, apex


def name_of_key(bytes key not None):
    """The wire form of a name key; ValueError for anything else."""
    cdef uint8_t apex
    cdef bytes wire = restore(key, &apex)
    if apex != NO_APEX:
        raise ValueError(f"an owner key where a name key is due: {key!r}")
    return wire


cdef uint64_t hash_key(Reader* r, const Seed* seed) noexcept nogil:
    """The hash name_hash gives the name of a well-formed key; keys hold labels in the order hashes are made."""
    cdef uint8_t label[64]
    cdef uint64_t hash = hash_root(seed)
    cdef uint8_t c
    while reader_left(r):
        c = reader_u8(r)
        label[0] = 0
        while c != 0 and label[0] < 63:
            label[0] += 1
            label[label[0]] = c if c != 1 else <uint8_t> (reader_u8(r) - 1)
            c = reader_u8(r)
        if label[0]:
            hash = hash_label(hash, label, seed)
    return hash


def ascending_keys(list entries not None, bytes prefix not None, bytes last not None):
    """The key of each (key, blob) after `prefix`; ValueError naming the first that does not come after the one before it, or `last`."""
    cdef bytes key
    cdef bytes before = last
    cdef Py_ssize_t i
    cdef list out = []
    for i in range(len(entries)):
        key = prefix + <bytes> (<tuple?> entries[i])[0]
        if not before < key:
            raise ValueError(f"{key!r}")
        out.append(key)
        before = key
    return out


def hash_keys(list keys not None, tuple seed not None, unsigned int skip=0):
    """Hashes of the names of many keys, as a native-endian array of u64; `skip` octets come before each key."""
    cdef Seed secret
    cdef Reader r
    cdef bytes key
    cdef bytes out = PyBytes_FromStringAndSize(NULL, 8 * len(keys))
    cdef uint64_t* hashes = <uint64_t*> PyBytes_AS_STRING(out)
    cdef size_t i
    secret.a, secret.b = seed
    for i in range(<size_t> len(keys)):
        key = keys[i]
        reader_open(&r, <const uint8_t*> PyBytes_AS_STRING(key), <uint32_t> len(key))
        reader_seek(&r, skip)
        hashes[i] = hash_key(&r, &secret)
    return out
