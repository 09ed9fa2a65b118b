# What the answer will hold, chosen before a byte is written. `answer` appends, `encode` walks.

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from nsblast._core.rrset cimport Rrset

cdef enum:
    PLAN_ITEMS = 640        # RRsets an answer may hold
    SECTION_ANSWER = 0
    SECTION_AUTHORITY = 1
    SECTION_ADDITIONAL = 2

cdef enum ItemFlag:
    ITEM_MUST = 1           # glue that belongs to the referral: TC when it does not fit (RFC 9471)
    ITEM_SYNTH = 2          # one RR whose rdata is the name at `synth`, `synth_len` (a CNAME made from a DNAME)
    ITEM_CAPPED = 4         # the TTL is capped by `ttl` (SOA in negative answers, RFC 2308 5)


cdef struct Item:
    Rrset rrset             # copied from the entry; for ITEM_SYNTH only type, ttl and count 1 are used
    const uint8_t* owner    # wire form, spelling as it is to appear
    const uint8_t* synth    # the synthesised target, else NULL
    uint32_t ttl            # with ITEM_CAPPED
    uint8_t owner_len       # 1..255
    uint8_t synth_len
    uint8_t section
    uint8_t flags           # ItemFlag
    uint16_t owner_at       # offset in the answer where this very spelling stands (12.. within the question), 0 = unknown


cdef struct Plan:
    uint16_t count
    uint16_t must_count     # items with ITEM_MUST
    bint full               # an item did not fit into the plan
    bint mixed              # the items are not in the order of their sections (a chain goes on after a proof)
    Item item[640]


cdef inline void plan_clear(Plan* plan) noexcept nogil:
    plan.count = 0
    plan.must_count = 0
    plan.full = False
    plan.mixed = False


cdef inline Item* plan_add(Plan* plan, uint8_t section, const Rrset* rrset, const uint8_t* owner, uint8_t owner_len,
                           uint16_t owner_at, uint8_t flags) noexcept nogil:
    """Append; NULL and plan.full when there is no room."""
    cdef Item* item
    if plan.count >= PLAN_ITEMS:
        plan.full = True
        return NULL
    if plan.count and section < plan.item[plan.count - 1].section:
        plan.mixed = True
    item = &plan.item[plan.count]
    plan.count += 1
    item.rrset = rrset[0]
    item.owner = owner
    item.owner_len = owner_len
    item.owner_at = owner_at
    item.synth = NULL
    item.synth_len = 0
    item.section = section
    item.flags = flags
    item.ttl = 0
    if flags & ITEM_MUST:
        plan.must_count += 1
    return item
