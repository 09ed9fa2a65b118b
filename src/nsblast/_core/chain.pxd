# The place of a name in its zone's NSEC or NSEC3 chain, found through the entry cache and without the store's order of keys.
#
# Owns: the search. Never: which proof an answer needs (prove.pyx).
# A chain is a linked list of owner names, each the key of an entry. A hint (hints.pxd) says which owner lies near and before what
# is sought; its entry is read as every other one, and its record says whether it covers the name or what comes next. So the
# proof rests on the entry alone: a hint that has grown old costs steps, never a wrong answer, and no change of a zone has to tell
# anybody. What is not found in STEPS steps is asked of the store, whose answer is the next hint.

from libc.stdint cimport uint8_t, uint16_t

from nsblast._core.name cimport Name
from nsblast._core.nodes cimport MissKind, Sources
from nsblast._core.status cimport Status
from nsblast._core.txn cimport Txn

# As node_special, for the kinds that prove something, for the suffix of k labels of `name` in the zone of txn.apex, whose apex
# node is known. `name` is neither of the names the search uses (txn.work.step).
cdef Status chain_find(Txn* txn, const Sources* src, MissKind kind, const Name* name, uint8_t k, uint16_t* at) noexcept nogil
