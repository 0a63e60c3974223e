// What a route message says: `struct rtmsg` and the devices that the route leads to.
//
//  12 u8 family, u8 dst_len, u8 type   16 u32 table   20 u32 priority
//  24 how many devices   28 the ifindexes of the first `DEVICES_MAX` of them
import { NLA_HDRLEN, NLMSG_HDRLEN, RTA_MULTIPATH, RTA_OIF, RTA_PRIORITY, RTA_TABLE, RTMSG_LEN } from "./constants";
import { FAIL_ATTRIBUTE_PAYLOAD, FAIL_MESSAGE_BODY } from "./regions";
import { attributeType, checkAttribute, checkPayload, align4, checkBody, fail, clearBody } from "./message";

const HEADERS_LEN = NLMSG_HDRLEN + RTMSG_LEN;
/** `struct rtnexthop { u16 rtnh_len; u8 rtnh_flags, rtnh_hops; int rtnh_ifindex; }` */
const RTNEXTHOP_LEN = 8;
const DEVICES_MAX = 9;

function addDevice(to: i32, ifindex: u32): void {
  const count = load<i32>(to, 24);
  if (count < DEVICES_MAX) store<u32>(to + 28 + (count << 2), ifindex);
  store<i32>(to, count + 1, 24);
}

/** Reads the next hops of `RTA_MULTIPATH`, each a struct and attributes of its own. */
function readNextHops(from: i32, end: i32, to: i32): bool {
  let at = from;
  while (at < end) {
    const left = end - at;
    const length = left < RTNEXTHOP_LEN ? 0 : <i32> load<u16>(at);
    if (length < RTNEXTHOP_LEN || length > left) {
      fail(
        FAIL_ATTRIBUTE_PAYLOAD,
        from - NLA_HDRLEN,
        min<i32>(left, length),
        RTNEXTHOP_LEN,
      );
      return false;
    }
    addDevice(to, load<u32>(at, 4));
    at += align4(length);
  }
  return true;
}

export function routeRecord(message: i32, end: i32, to: i32): bool {
  if (!checkBody(message, end, HEADERS_LEN)) return false;
  clearBody(to);
  store<u16>(to, load<u16>(message, 16), 12);
  store<u8>(to, load<u8>(message, 23), 14);
  store<u32>(to, <u32> load<u8>(message, 20), 16);

  let at = message + HEADERS_LEN;
  while (at < end) {
    const length = checkAttribute(at, end);
    if (length < 0) return false;
    const type = attributeType(at);
    if (type == RTA_OIF || type == RTA_TABLE || type == RTA_PRIORITY) {
      if (!checkPayload(at, 4)) return false;
      const word = load<u32>(at + NLA_HDRLEN);
      if (type == RTA_OIF) addDevice(to, word);
      else store<u32>(to + (type == RTA_TABLE ? 16 : 20), word);
    } else if (type == RTA_MULTIPATH) {
      if (!readNextHops(at + NLA_HDRLEN, at + length, to)) return false;
    }
    at += align4(length);
  }
  return true;
}
