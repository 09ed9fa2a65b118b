"""The conductor (respond.pxd): decode, look up, answer, follow, encode, prove; and what each Status means for the rcode."""

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcmp

from nsblast._core.answer cimport answer
from nsblast._core.compose cimport note_version
from nsblast._core.decode cimport decode
from nsblast._core.edns cimport EDE_INVALID_DATA, EDE_NONE
from nsblast._core.encode cimport encode, encode_bare, encode_chaos
from nsblast._core.lookup cimport lookup
from nsblast._core.nodes cimport Sources, trail_holds, trail_start
from nsblast._core.plan cimport plan_clear
from nsblast._core.proto cimport (
    HEADER_OCTETS, RCODE_BADCOOKIE, RCODE_BADVERS, RCODE_FORMERR, RCODE_NOERROR, RCODE_NOTIMP, RCODE_REFUSED,
    RCODE_SERVFAIL, TYPE_ANY, TYPE_DS, TYPE_TXT,
)
from nsblast._core.stats cimport stats_add
from nsblast._core.status cimport Status
from nsblast._core.txn cimport ACCESS_DECIDED, ACCESS_DOUBTFUL, Shared, Txn

cdef enum:
    ATTEMPTS = 4            # times a moving zone is tried before the packet is put aside


cdef bint allowed(const Config* config, const uint8_t* client, uint8_t size) noexcept nogil:
    """Whether the server's rule lets this address in. IPv4 within IPv6 counts as IPv4."""
    cdef const Network* network
    cdef uint32_t i
    cdef uint8_t k, differ
    if size == 16 and memcmp(client, b"\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0:
        client += 12
        size = 4
    for i in range(config.n_allowed):
        network = config.allowed + i
        if network.size == size:
            differ = 0
            for k in range(size):
                differ |= (client[k] & network.mask[k]) ^ network.octets[k]
            if differ == 0:
                return True
    return False


cdef void begin(Txn* txn, const Config* config) noexcept nogil:
    """Nothing found, nothing chosen; the search starts at the name asked for."""
    txn.any_full = config.any_full
    txn.access &= ACCESS_DECIDED
    if config.restricted and not allowed(config, txn.client, txn.client_len):
        txn.access |= ACCESS_DOUBTFUL
    txn.sname = &txn.qname
    txn.owner = txn.packet + HEADER_OCTETS
    txn.owner_len = txn.qname.len
    txn.owner_at = HEADER_OCTETS
    txn.links = 0
    txn.aa = False
    txn.rcode = RCODE_NOERROR
    txn.edns.ede = EDE_NONE
    txn.edns.versioned = False
    plan_clear(&txn.work.plan)


cdef inline bint may_share(const Txn* txn, const Shared* shared) noexcept nogil:
    """Whether the packet before asked for the same name: A and AAAA of one name share their look-up."""
    cdef uint8_t k = txn.qname.labels
    return shared.name != NULL and shared.name.labels == k and shared.name.hash[k] == txn.qname.hash[k] \
        and shared.name.len == txn.qname.len and memcmp(shared.name.wire, txn.qname.wire, txn.qname.len) == 0


cdef Status first_lookup(Txn* txn, const Sources* src, bint fresh) noexcept nogil:
    """lookup() of the name asked for, or what it gave for the packet before.

    Type DS has rules of its own, and so have clients that not every zone is for: never shared.
    """
    cdef Shared* shared = &txn.work.shared
    if txn.qtype == TYPE_DS or txn.access:
        shared.name = NULL
        trail_start(&txn.work.trail, src)
        return lookup(txn, src)
    if fresh or not may_share(txn, shared):
        trail_start(&txn.work.trail, src)
        shared.found = lookup(txn, src)
        shared.count = txn.work.trail.count
        shared.zones = txn.work.trail.zones
        shared.node = txn.node
        shared.apex = txn.apex
        shared.encloser = txn.encloser
        shared.wildcard = txn.wildcard
        shared.name = &txn.qname if shared.found in (Status.FOUND, Status.NXDOMAIN, Status.DELEGATION) else NULL
        return shared.found
    txn.work.trail.count = shared.count
    txn.work.trail.zones = shared.zones
    txn.node = shared.node
    txn.apex = shared.apex
    txn.encloser = shared.encloser
    txn.wildcard = shared.wildcard
    txn.apex_node = 0xffff
    shared.name = &txn.qname
    return shared.found


cdef Status once(Txn* txn, const Sources* src, const Config* config, bint fresh) noexcept nogil:
    """One attempt at an answer from one version of the zones."""
    cdef Status status
    cdef Status found
    begin(txn, config)
    found = first_lookup(txn, src, fresh)
    if txn.edns.zoneversion and found in (Status.FOUND, Status.NXDOMAIN, Status.DELEGATION, Status.DNAME):
        status = note_version(txn, src)
        if status != Status.OK:
            return status
    status = answer(txn, src, found)
    while status == Status.FOLLOW:
        status = answer(txn, src, lookup(txn, src))
    if status == Status.OK:
        status = encode(txn, &config.edns)
    return status


cdef Status resume(Txn* txn, const Sources* src, const Config* config) noexcept nogil:
    cdef uint8_t attempt
    cdef Status status = Status.BUSY
    for attempt in range(ATTEMPTS):
        status = once(txn, src, config, attempt != 0)
        if status == Status.MISS or status == Status.HAND_OVER:
            return status
        if status == Status.BUSY or not trail_holds(src, &txn.work.trail):
            if src.map.slot != NULL:
                stats_add(&src.map.slot.retries, 1)
        else:
            txn.outcome = status
            if status == Status.OK:
                return status
            txn.rcode = RCODE_SERVFAIL
            txn.aa = False
            txn.edns.versioned = False
            if status == Status.CORRUPT:
                txn.edns.ede = EDE_INVALID_DATA
            encode_bare(txn, &config.edns)
            return Status.OK
    return Status.BUSY


cdef bint asks(const Txn* txn, const char* name, uint8_t length) noexcept nogil:
    return txn.qname.len == length and memcmp(txn.qname.wire, name, length) == 0


cdef void answer_chaos(Txn* txn, const Config* config) noexcept nogil:
    """Who and what this server is, when the operator lets it say so (RFC 4892)."""
    txn.rcode = RCODE_NOERROR
    if txn.qtype == TYPE_TXT or txn.qtype == TYPE_ANY:
        if config.version_len and (asks(txn, b"\x07version\x04bind\x00", 14) or asks(txn, b"\x07version\x06server\x00", 16)):
            encode_chaos(txn, &config.edns, config.version, config.version_len)
            return
        if config.server_id_len and (asks(txn, b"\x02id\x06server\x00", 11) or asks(txn, b"\x08hostname\x04bind\x00", 15)):
            encode_chaos(txn, &config.edns, config.server_id, config.server_id_len)
            return
    txn.rcode = RCODE_REFUSED
    encode_bare(txn, &config.edns)


cdef Status turn_down(Txn* txn, const Config* config, Status verdict) noexcept nogil:
    txn.outcome = verdict
    txn.answer_len = 0
    txn.aa = False
    if verdict == Status.SILENT or verdict == Status.HAND_OVER:
        return Status.OK if verdict == Status.SILENT else verdict
    if verdict == Status.CHAOS:
        answer_chaos(txn, config)
        return Status.OK
    if verdict == Status.FORMERR:
        txn.rcode = RCODE_FORMERR
    elif verdict == Status.NOTIMP:
        txn.rcode = RCODE_NOTIMP
    elif verdict == Status.BADVERS:
        txn.rcode = RCODE_BADVERS
    elif verdict == Status.BADCOOKIE:
        txn.rcode = RCODE_BADCOOKIE
    elif verdict == Status.COOKIE_ONLY:
        txn.rcode = RCODE_NOERROR
    else:
        txn.rcode = RCODE_REFUSED
    encode_bare(txn, &config.edns)
    return Status.OK


cdef Status respond(Txn* txn, const Sources* src, const Config* config) noexcept nogil:
    cdef Status status = decode(txn, &config.edns, &src.seed)
    if status != Status.OK:
        return turn_down(txn, config, status)
    return resume(txn, src, config)
