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
/** A message to be made is shorter than its header, or longer than the scratch region. */
export const FAIL_MESSAGE_SIZE = 9;

// Where a qdisc record's statistics come from: bits of its word 8.
export const STATS_BASIC = 0x100000;
export const STATS_QUEUE = 0x200000;
/** `TCA_STATS`, read because there was no `TCA_STATS2`. */
export const STATS_OLD = 0x400000;

// What a field of a tree holds.
export const HOLDS_FIELDS = 0;
export const HOLDS_UNSIGNED = 1;
export const HOLDS_SIGNED = 2;
export const HOLDS_STRING = 3;
export const HOLDS_BYTES = 4;
export const HOLDS_PADDING = 5;

// What a field of a tree that is to be laid out is, as bits.
export const LAYS_FIELDS = 1;
export const LAYS_ATTRIBUTE = 2;
export const LAYS_PADDING = 4;

// Identities of the structs of a tree; a field is its struct's number plus its place in it.
export const STRUCT_MESSAGE = 0x00;
export const STRUCT_NLMSGHDR = 0x10;
export const STRUCT_TCMSG = 0x20;
export const STRUCT_IFINFOMSG = 0x30;
export const STRUCT_RTMSG = 0x40;
export const STRUCT_NLMSGERR = 0x50;
export const STRUCT_DONE = 0x60;
export const STRUCT_TC_PLUG_QOPT = 0x70;
export const STRUCT_GNET_STATS_BASIC = 0x80;
export const STRUCT_GNET_STATS_QUEUE = 0x90;
export const STRUCT_GNET_STATS_RATE_EST = 0xa0;
export const STRUCT_GNET_STATS_RATE_EST64 = 0xb0;
export const STRUCT_TC_STATS = 0xc0;
export const STRUCT_REST = 0xd0;
export const STRUCT_TC_MIRRED = 0xe0;
export const STRUCT_TCF_T = 0xf0;
/** How far two structs' numbers are apart. */
export const STRUCT_STRIDE = 0x10;

// Attribute spaces of a tree: a number here plus `SPACE` identifies an attribute of that space.
export const SPACE = 0x1000;
export const SPACE_TCA = SPACE + 1;
export const SPACE_TCA_STATS = SPACE + 2;
export const SPACE_IFLA = SPACE + 3;
export const SPACE_IFLA_INFO = SPACE + 4;
export const SPACE_RTA = SPACE + 5;
export const SPACE_NLMSGERR_ATTR = SPACE + 6;
export const SPACE_POLICY_ATTR = SPACE + 7;
export const SPACE_TCA_FLOWER = SPACE + 8;
/** The actions of a filter: each attribute is one, its number its place. */
export const SPACE_ACTIONS = SPACE + 9;
export const SPACE_TCA_ACT = SPACE + 10;
export const SPACE_TCA_MIRRED = SPACE + 11;

// Which keys of a flower filter there are, as bits.
export const KEY_ETHER_TYPE = 1;
export const KEY_VLAN = 2;
export const KEY_IP_PROTOCOL = 4;
export const KEY_SOURCE = 8;
export const KEY_DESTINATION = 16;
export const KEY_SOURCE_PORTS = 32;
export const KEY_DESTINATION_PORTS = 64;
export const KEY_TCP_FLAGS = 128;
/** The ether type is that of what a VLAN tag holds. */
export const KEY_INSIDE_VLAN = 256;
/** Others, which have no place in the record. */
export const KEY_OTHERS = 512;
/** It is a flower filter, and carries its options. */
export const KEY_FLOWER = 1024;
