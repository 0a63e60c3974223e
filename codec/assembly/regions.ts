// What AssemblyScript and TypeScript agree on, which both import this file: the regions of the exchange buffer, and the
// small numbers in it. The buffer is one fixed memory of 1 MiB that never grows, so that a view or a pointer into it stays
// valid for the life of the process.

/** Four words that say why a call returned -1: code, address, the value found, the value needed. */
export const FAILURE_AT = 0x0c00;
/** The kinds of qdiscs seen so far; see `kinds`. */
export const KINDS_AT = 0x1000;
export const KIND_SIZE = 32;
export const KINDS_MAX = 64;
/** The length of the datagram in each slot, 4 bytes each. */
export const SLOT_LENGTHS_AT = 0x1800;
/** Messages on their way to the kernel. */
export const SEND_AT = 0x10000;
/** Its length in bytes: what one send carries at most. */
export const SEND_LEN = 0x10000;
/** Messages from the kernel: one read of up to `CHUNK_MAX` bytes, or a datagram a slot. */
export const RECEIVE_AT = 0x20000;
/** How many datagrams one read receives at most, a slot each. */
export const SLOTS_MAX = 64;
/** 4096 and a cache line: at a power of two apart, the heads of all slots would share eight lines of the cache. */
export const SLOT_LEN = 0x1040;
/** Its length in bytes: all the slots. */
export const RECEIVE_LEN = 0x41000;
/** The longest run of messages that one call decodes. */
export const CHUNK_MAX = 0x10000;
/** A message that is made from its fields, away from every transfer. */
export const SCRATCH_AT = 0x62000;
export const SCRATCH_LEN = 0x10000;
/** What decoded messages say, 64 bytes each: enough for a chunk of nothing but headers. */
export const RECORDS_AT = 0x72000;
export const RECORD_LEN = 64;
/** The whole memory, in pages of 64 KiB. */
export const MEMORY_PAGES = 16;

// Why a call returned -1.
/** Fewer bytes than a header are left. */
export const FAIL_MESSAGE_HEADER = 1;
/** A message's length is below its header's, or above what is left. */
export const FAIL_MESSAGE_LENGTH = 2;
/** A message is too short for the struct that its type begins with. */
export const FAIL_MESSAGE_BODY = 3;
/** Bytes are left that cannot hold an attribute's header. */
export const FAIL_ATTRIBUTE_HEADER = 4;
/** An attribute's length is below its header's, or above what is left. */
export const FAIL_ATTRIBUTE_LENGTH = 5;
/** An attribute's payload has not the size that its type needs. */
export const FAIL_ATTRIBUTE_PAYLOAD = 6;
/** An address or a count outside of the region it must lie in. */
export const FAIL_OUT_OF_REGION = 8;

// Where a qdisc record's statistics come from: bits of its word 8.
export const STATS_BASIC = 0x100000;
export const STATS_QUEUE = 0x200000;
/** `TCA_STATS`, read because there was no `TCA_STATS2`. */
export const STATS_OLD = 0x400000;
