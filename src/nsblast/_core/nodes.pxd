# One owner name's entry for the stages: from the shared cache, from what the store just gave, or MISS.
#
# Owns: the order in which cache, filter and store are asked, and the proof that an answer saw one version of a zone.
# Never: which name to ask for (lookup.pyx).

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from nsblast._core.entries cimport Seen
from nsblast._core.hints cimport Hints
from nsblast._core.name cimport Name, Seed
from nsblast._core.nsec3 cimport Sha1
from nsblast._core.rrset cimport Entry
from nsblast._core.shm cimport Map
from nsblast._core.status cimport Status

cdef enum:
    NODES_MAX = 640         # owner names one answer may rest on
    ZONES_MAX = 40          # zones one answer may rest on
    FILLS = 8192            # what the store gave, kept by a worker; power of two
    ASKED = 262144          # names missed of late that a worker remembers; power of two
    WISHES = 256            # further names one round wants

cdef enum MissKind:
    MISS_ENTRY = 0          # the entry of a name in its deepest zone
    MISS_IN_ZONE = 1        # the entry of a name in the zone whose apex has `apex` labels (DS at the parent side)
    MISS_NSEC_COVER = 2     # the entry whose NSEC covers a name, in the zone with `apex` labels
    MISS_NSEC3_MATCH = 3    # the entry whose NSEC3 matches the hash of a name
    MISS_NSEC3_COVER = 4    # the entry whose NSEC3 covers the hash of a name


cdef struct Node:
    Entry entry
    Seen seen               # for the proof
    const uint8_t* name     # owner name, lower case
    uint8_t name_len


cdef struct Miss:
    uint8_t kind            # MissKind
    uint8_t apex            # labels of the zone's apex, for all kinds but MISS_ENTRY
    uint8_t len
    uint8_t name[256]       # wire form, lower case
    uint64_t hash


cdef struct Fill:           # open addressing by (hash, kind)
    uint64_t hash           # 0 = free
    uint64_t stamp          # position of the secondary when it was read
    const uint8_t* asked    # the name asked for, owned by the engine
    const uint8_t* owner    # the name found, owned by the engine
    const uint8_t* blob     # owned by the engine
    uint32_t blob_len       # 0 = certainly absent
    uint8_t asked_len
    uint8_t name_len
    uint8_t kind
    uint8_t apex


cdef struct Wishes:         # names the answers of one round want besides those they miss: fetched together with them
    uint32_t count
    Miss miss[256]


cdef struct Sources:        # where a worker's nodes come from
    Map map
    Seed seed
    Fill* fills             # FILLS slots
    uint32_t n_fills
    uint32_t* asked         # ASKED slots: names missed of late, by hash; NULL = none are remembered
    Wishes* wishes          # NULL = none are noted
    Hints* hints            # where to begin in NSEC and NSEC3 chains; NULL = nowhere
    Sha1 sha1


cdef struct Trail:          # what one answer rests on
    uint64_t done           # head.done before the first look
    uint16_t count          # nodes in use
    uint16_t zones
    uint16_t stripe[40]     # stripes of the zones seen
    Miss miss               # what the store must be asked, after MISS
    Node node[640]          # the owner names it rests on


cdef void trail_start(Trail* trail, const Sources* src) noexcept nogil
# The entry of the suffix of k labels of `name`, in its deepest zone: OK (`at` is its index in trail.node), ABSENT
# (certain), MISS, BUSY, CORRUPT, SERVFAIL (the answer rests on too much).
cdef Status node_get(const Sources* src, Trail* trail, const Name* name, uint8_t k, uint16_t* at) noexcept nogil
# One of the other MissKinds, for the suffix of k labels of `name`; answered from fills only.
cdef Status node_special(const Sources* src, Trail* trail, MissKind kind, const Name* name, uint8_t k, uint8_t apex,
                         uint16_t* at) noexcept nogil
# After the answer is written: did every node and every zone stand still? False = start anew.
cdef bint trail_holds(const Sources* src, const Trail* trail) noexcept nogil
# After MISS: note what is missed, so that the answer may look for what else it will want. False = no room: give up now.
cdef bint wish(const Sources* src, const Trail* trail) noexcept nogil
# What the store gave for a question, or NULL.
cdef const Fill* fill_find(const Sources* src, uint64_t hash, MissKind kind, uint8_t apex, const uint8_t* name,
                           uint32_t length) noexcept nogil
# Forget all fills.
cdef void fills_clear(Sources* src) noexcept nogil
# The slot for a fill of this question; the caller sets asked, data, lengths and stamp. The table must not be full.
cdef Fill* fill_slot(Sources* src, uint64_t hash, MissKind kind, uint8_t apex, const uint8_t* asked,
                     uint32_t length) noexcept nogil
