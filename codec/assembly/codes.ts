// Small numbers that AssemblyScript and TypeScript agree on. Both import this file.

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
