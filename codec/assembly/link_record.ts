// What a link message says: `struct ifinfomsg` and the attributes that plugctl asks for.
//
//  12 s32 ifindex   16 name   20 u32 flags   24 kind   28 u32 mtu   32 u32 txqueuelen
//  36 u32 gso_max_size   40 qdisc   44 alias   48 u32 master   52 u16 ARPHRD type   56 s32 link
import { IFINFOMSG_LEN, IFLA_GSO_MAX_SIZE, IFLA_IFALIAS, IFLA_IFNAME, IFLA_INFO_KIND, IFLA_LINK, IFLA_LINKINFO, IFLA_MASTER, IFLA_MTU, IFLA_QDISC, IFLA_TXQLEN, NLA_HDRLEN, NLMSG_HDRLEN } from "./constants";
import { attributeType, checkAttribute, checkPayload, align4, checkBody, reference, fail, clearBody } from "./message";

const HEADERS_LEN = NLMSG_HDRLEN + IFINFOMSG_LEN;

/** Writes a reference to `IFLA_INFO_KIND` to `to`. False where the nest is malformed. */
function readKind(message: i32, nest: i32, end: i32, to: i32): bool {
  let at = nest + NLA_HDRLEN;
  while (at < end) {
    const length = checkAttribute(at, end);
    if (length < 0) return false;
    if (attributeType(at) == IFLA_INFO_KIND) {
      store<u32>(to, reference(message, at));
    }
    at += align4(length);
  }
  return true;
}

/** Where in the record an attribute of a string goes, or 0. */
function placeOfText(type: i32): i32 {
  switch (type) {
    case IFLA_IFNAME:
      return 16;
    case IFLA_QDISC:
      return 40;
    case IFLA_IFALIAS:
      return 44;
    default:
      return 0;
  }
}

/** Where in the record an attribute of a word goes, or 0. */
function placeOfWord(type: i32): i32 {
  switch (type) {
    case IFLA_MTU:
      return 28;
    case IFLA_TXQLEN:
      return 32;
    case IFLA_GSO_MAX_SIZE:
      return 36;
    case IFLA_MASTER:
      return 48;
    case IFLA_LINK:
      return 56;
    default:
      return 0;
  }
}

export function linkRecord(message: i32, end: i32, to: i32): bool {
  if (!checkBody(message, end, HEADERS_LEN)) return false;
  clearBody(to);
  store<i32>(to, load<i32>(message, 20), 12);
  store<u32>(to, load<u32>(message, 24), 20);
  store<u32>(to, <u32> load<u16>(message, 18), 52);

  let at = message + HEADERS_LEN;
  while (at < end) {
    const length = checkAttribute(at, end);
    if (length < 0) return false;
    const type = attributeType(at);
    const text = placeOfText(type);
    const place = placeOfWord(type);
    if (text != 0) {
      store<u32>(to + text, reference(message, at));
    } else if (place != 0) {
      if (!checkPayload(at, 4)) return false;
      store<u32>(to + place, load<u32>(at + NLA_HDRLEN));
    } else if (type == IFLA_LINKINFO) {
      if (!readKind(message, at, at + length, to + 24)) return false;
    }
    at += align4(length);
  }
  return true;
}
