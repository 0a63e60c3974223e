// What a link message says: `struct ifinfomsg` and the attributes that plugctl asks for.
//
//  12 s32 ifindex   16 name   20 u32 flags   24 kind   28 u32 mtu   32 u32 txqueuelen
//  36 u32 gso_max_size   40 qdisc   44 alias   48 u32 master   52 u16 ARPHRD type   56 s32 link
import { IFINFOMSG_LEN, IFLA_GSO_MAX_SIZE, IFLA_INFO_KIND, IFLA_LINKINFO, NLA_HDRLEN, NLMSG_HDRLEN } from "./constants";
import { attributeType, checkAttribute, checkPayload } from "./attribute";
import { clearBody } from "./clear_body";
import { fail } from "./failure";
import { align4, checkBody } from "./message";
import { reference } from "./reference";

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

/** Set where the place is that of a reference to a string. */
const TEXT: u8 = 0x80;
/** Where in the record each attribute of a word or a string goes, by number up to GSO_MAX_SIZE; 0 for the rest. */
const PLACES = memory.data<u8>([
  // IFNAME 3, MTU 4, LINK 5, QDISC 6
  0,
  0,
  0,
  TEXT + 16,
  28,
  56,
  TEXT + 40,
  0,
  0,
  0,
  // MASTER 10, TXQLEN 13
  48,
  0,
  0,
  32,
  0,
  0,
  0,
  0,
  0,
  0,
  // IFALIAS 20
  TEXT + 44,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  // GSO_MAX_SIZE 41
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  36,
]);

function placeOf(type: i32): i32 {
  return type <= IFLA_GSO_MAX_SIZE ? <i32> load<u8>(PLACES + type) : 0;
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
    const place = placeOf(type);
    if (place & TEXT) {
      store<u32>(to + place - TEXT, reference(message, at));
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
