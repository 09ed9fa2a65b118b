# Txn: all state of one packet under way. One is allocated per place of a batch at start, one Work for all of them;
# decode wipes what it uses.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from nsblast._core.edns cimport Edns
from nsblast._core.name cimport Name
from nsblast._core.nodes cimport Trail
from nsblast._core.plan cimport Plan
from nsblast._core.status cimport Status
from nsblast._core.suffix cimport Suffixes
from nsblast._core.tails cimport Tails
from nsblast._core.wire cimport Writer

cdef enum:
    # CNAMEs and DNAMEs followed inside one answer. Names that a DNAME makes grow upon one another, a pointer a link:
    # readers follow 16 pointers at least, so the chain stays below that.
    CHAIN_MAX = 14

cdef enum Transport:
    UDP = 0
    TCP = 1


cdef enum Access:
    ACCESS_DECIDED = 1      # Python has let this client in to the zone of the name asked for, and decides no other
    ACCESS_DOUBTFUL = 2     # the client is none of those whom the server's own rule lets in: a zone's rule may


cdef struct Link:           # one name of a CNAME chain
    uint8_t wire[256]       # spelling as it is to appear
    uint8_t len


cdef struct Shared:         # the look-up just made, for the next packet of the batch that asks for the same name
    const Name* name        # NULL = nothing to share; lives as long as the batch
    Status found
    uint16_t count          # how much of the trail it rests on
    uint16_t zones
    uint16_t node
    uint8_t apex
    uint8_t encloser
    bint wildcard


cdef struct Work:           # what is needed only while a packet is being answered: one for a whole batch stays in the CPU's cache
    Name sname_buf          # the name a chain has led to
    Name scratch            # wildcard and glue names
    Name step               # the next owner name of an NSEC or NSEC3 chain
    uint8_t sought[512]     # what is looked for in the chain: an owner key's rest
    uint8_t here[512]       # the same of where the search stands
    uint8_t ahead[512]      # and of what comes next there
    Link chain[17]          # names of the chain; [links] is room for the next
    Trail trail
    Plan plan
    Suffixes suffixes
    Shared shared           # callers reset shared.name before a batch and between packets of different batches
    Tails tails             # lasts: SOA records as encoded for earlier packets


cdef struct Txn:
    # -- the request, set by who calls respond
    const uint8_t* packet   # the whole message
    uint32_t packet_len
    uint8_t client[16]      # address, 4 or 16 octets
    uint8_t client_len      # 4 or 16; 0 = none (tests)
    uint8_t transport       # Transport
    uint32_t now            # seconds since 1970, for cookies
    uint8_t* out            # room for the answer
    uint32_t out_size       # octets there
    Work* work              # lent by who calls respond, shared by all packets of a batch
    bint any_full           # ANY is answered with all RRsets
    uint8_t access          # Access; DECIDED is for who calls respond to say
    # -- what decode found
    uint16_t id
    uint16_t flags          # the request's second 16 bits
    uint8_t opcode          # 0..15
    uint16_t qtype
    uint16_t qclass
    bint has_question       # qname, qtype, qclass hold
    uint16_t question_end   # offset after the question section, 12 when there is none
    uint32_t limit          # octets the answer may have, all included
    uint32_t tsig_at        # offset of a TSIG RR, 0 = none: RFC 8945 5.1
    Edns edns
    Name qname
    # -- the search
    Name* sname             # &qname or &work.sname_buf
    const uint8_t* owner    # sname as it is to appear: in the packet or in work.chain[]
    uint8_t owner_len
    uint16_t owner_at       # its offset in the answer when known, else 0
    uint8_t links           # entries of work.chain[] in use
    bint wildcard           # the node found stands in for sname
    uint8_t encloser        # labels of the closest encloser, with NXDOMAIN and wildcards
    uint8_t apex            # labels of the zone apex the last look-up ended in
    uint16_t node           # index of the node found, into work.trail.node[]
    uint8_t first_apex      # with DECIDED: labels of the zone of the name asked for
    uint16_t apex_node      # index of the apex's node once fetched, 0xffff = not yet
    bint aa                 # the answer is authoritative
    uint16_t rcode          # full 12 bits
    # -- the answer
    Writer w
    bint tc
    uint32_t answer_len     # octets of the answer, 0 = silence
    Status outcome          # what the counter says
