// The keys of a flower filter, from the attributes of its options into one record at `FILTER_AT` and its first 56 bytes, in host order:
//
//   0 u32 which there are, `KEY_*`   4 u16 ether type, of what is inside a VLAN tag   6 u16 VLAN
//   8 u8 IP protocol   9 u8 bits of the source that count, 10 of the destination   11 u8 bytes of an address
//  12 u16 first and 14 last source port   16 u16 first and 18 last destination port
//  20 u16 TCP flags that are set   22 u16 TCP flags that are looked at   24 source and 40 destination, 16 bytes each
import { NLA_HDRLEN } from "./constants";
import { ETH_P_8021Q, TCA_FLOWER_ACT, TCA_FLOWER_FLAGS, TCA_FLOWER_IN_HW_COUNT, TCA_FLOWER_KEY_ETH_TYPE, TCA_FLOWER_KEY_IP_PROTO, TCA_FLOWER_KEY_IPV4_SRC, TCA_FLOWER_KEY_IPV6_DST, TCA_FLOWER_KEY_IPV6_SRC, TCA_FLOWER_KEY_PORT_DST_MAX, TCA_FLOWER_KEY_PORT_SRC_MIN, TCA_FLOWER_KEY_SCTP_DST, TCA_FLOWER_KEY_SCTP_DST_MASK, TCA_FLOWER_KEY_SCTP_SRC, TCA_FLOWER_KEY_TCP_FLAGS, TCA_FLOWER_KEY_TCP_FLAGS_MASK, TCA_FLOWER_KEY_TCP_SRC, TCA_FLOWER_KEY_TCP_SRC_MASK, TCA_FLOWER_KEY_UDP_DST, TCA_FLOWER_KEY_VLAN_ETH_TYPE, TCA_FLOWER_KEY_VLAN_ID } from "./filter_constants";
import {
  KEY_DESTINATION,
  KEY_DESTINATION_PORTS,
  KEY_ETHER_TYPE,
  KEY_INSIDE_VLAN,
  KEY_IP_PROTOCOL,
  KEY_OTHERS,
  KEY_SOURCE,
  KEY_SOURCE_PORTS,
  KEY_TCP_FLAGS,
  KEY_VLAN,
} from "./codes";
import { FILTER_AT } from "./regions";

/** Notes that there is a key. */
export function note(key: u32): void {
  store<u32>(FILTER_AT, load<u32>(FILTER_AT) | key);
}

/** A number of two bytes in network order. */
function network16(at: i32): u16 {
  return bswap<u16>(load<u16>(at, NLA_HDRLEN));
}

/** What a VLAN tag holds stands beside the tag's own type, before it or behind it. */
function etherType(at: i32, inside: bool): void {
  if (!inside && (load<u32>(FILTER_AT) & KEY_INSIDE_VLAN) != 0) return;
  note(inside ? KEY_ETHER_TYPE | KEY_INSIDE_VLAN : KEY_ETHER_TYPE);
  store<u16>(FILTER_AT, network16(at), 4);
}

/** How many bits a mask begins with; -1 where others follow a zero. */
function prefixLength(at: i32, bytes: i32): i32 {
  let length = 0;
  while (length < bytes * 8 && (load<u8>(at + (length >> 3)) >> (7 - (length & 7)) & 1) != 0) length++;
  for (let bit = length; bit < bytes * 8; bit++) {
    if ((load<u8>(at + (bit >> 3)) >> (7 - (bit & 7)) & 1) != 0) return -1;
  }
  return length;
}

/** An address or its mask: `TCA_FLOWER_KEY_IPV4_SRC` to `TCA_FLOWER_KEY_IPV6_DST_MASK`, in steps of two. */
function address(at: i32, type: i32): void {
  const bytes = type < TCA_FLOWER_KEY_IPV6_SRC ? 4 : 16;
  const end = (type - TCA_FLOWER_KEY_IPV4_SRC) >> 1 & 1;
  store<u8>(FILTER_AT, <u8> bytes, 11);
  note(end == 0 ? KEY_SOURCE : KEY_DESTINATION);
  if ((type & 1) == 0) {
    memory.copy(FILTER_AT + 24 + end * 16, at + NLA_HDRLEN, bytes);
    return;
  }
  const length = prefixLength(at + NLA_HDRLEN, bytes);
  if (length <= 0) note(KEY_OTHERS);
  else store<u8>(FILTER_AT + 9 + end, <u8> length);
}

/** A port of TCP, UDP or SCTP: a range of one. */
function port(at: i32, end: i32): void {
  note(end == 0 ? KEY_SOURCE_PORTS : KEY_DESTINATION_PORTS);
  const number = <u32> network16(at);
  store<u32>(FILTER_AT + 12 + end * 4, number | number << 16);
}

/** One end of a range of ports. */
function portRange(at: i32, index: i32): void {
  note(index < 2 ? KEY_SOURCE_PORTS : KEY_DESTINATION_PORTS);
  store<u16>(FILTER_AT + 12 + index * 2, network16(at));
}

function tcpFlags(at: i32, index: i32): void {
  note(KEY_TCP_FLAGS);
  store<u16>(FILTER_AT + 20 + index * 2, network16(at));
}

/** What is no key: what the kernel says of the device's part in it. */
function isNoKey(type: i32): bool {
  return type == TCA_FLOWER_FLAGS || type == TCA_FLOWER_IN_HW_COUNT;
}

function isAddress(type: i32): bool {
  return type >= TCA_FLOWER_KEY_IPV4_SRC && type <= TCA_FLOWER_KEY_IPV6_DST + 1;
}

function isPort(type: i32): bool {
  return (type >= TCA_FLOWER_KEY_TCP_SRC && type <= TCA_FLOWER_KEY_UDP_DST) || type == TCA_FLOWER_KEY_SCTP_SRC ||
    type == TCA_FLOWER_KEY_SCTP_DST;
}

/** The bytes that a key of this type has. */
function sizeOf(type: i32): i32 {
  if (isAddress(type)) return type < TCA_FLOWER_KEY_IPV6_SRC ? 4 : 16;
  return type == TCA_FLOWER_KEY_IP_PROTO ? 1 : 2;
}

/** Reads a key of `size` bytes; one of another size than is known here is not understood. */
export function readKey(at: i32, size: i32, type: i32): void {
  if (isNoKey(type)) return;
  if (size != sizeOf(type)) note(KEY_OTHERS);
  else if (type == TCA_FLOWER_KEY_ETH_TYPE) etherType(at, false);
  else if (type == TCA_FLOWER_KEY_VLAN_ETH_TYPE) etherType(at, true);
  else if (type == TCA_FLOWER_KEY_VLAN_ID) {
    note(KEY_VLAN);
    store<u16>(FILTER_AT, load<u16>(at, NLA_HDRLEN), 6);
  } else if (type == TCA_FLOWER_KEY_IP_PROTO) {
    note(KEY_IP_PROTOCOL);
    store<u8>(FILTER_AT, load<u8>(at, NLA_HDRLEN), 8);
  } else if (isAddress(type)) address(at, type);
  // The source of each protocol has the odd number in one half of them, and the even one in the other.
  else if (isPort(type)) port(at, type < TCA_FLOWER_KEY_SCTP_SRC ? type & 1 : type & 1 ^ 1);
  else if (type >= TCA_FLOWER_KEY_TCP_SRC_MASK && type <= TCA_FLOWER_KEY_SCTP_DST_MASK) {
    if (network16(at) != 0xffff) note(KEY_OTHERS);
  } else if (type >= TCA_FLOWER_KEY_PORT_SRC_MIN && type <= TCA_FLOWER_KEY_PORT_DST_MAX) {
    portRange(at, type - TCA_FLOWER_KEY_PORT_SRC_MIN);
  } else if (type == TCA_FLOWER_KEY_TCP_FLAGS || type == TCA_FLOWER_KEY_TCP_FLAGS_MASK) {
    tcpFlags(at, type - TCA_FLOWER_KEY_TCP_FLAGS);
  } else note(KEY_OTHERS);
}

/** A tag's own type says no more than that there is a VLAN. */
export function dropTagType(): void {
  const keys = load<u32>(FILTER_AT);
  const isTag = (keys & (KEY_VLAN | KEY_INSIDE_VLAN)) == KEY_VLAN && load<u16>(FILTER_AT, 4) == ETH_P_8021Q;
  if (isTag) store<u32>(FILTER_AT, keys & ~KEY_ETHER_TYPE);
}
