import {
  NLA_HDRLEN,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  NLMSG_HDRLEN,
  RTA_DST,
  RTM_DELQDISC,
  RTM_GETLINK,
  RTM_GETQDISC,
  RTM_GETROUTE,
  RTM_NEWLINK,
  RTM_NEWQDISC,
  TC_PLUG_QOPT_LEN,
  TCA_KIND,
  TCA_OPTIONS,
  TCMSG_LEN,
  TCQ_PLUG_LIMIT,
} from "./assembly/constants.ts";
import { SEND_LEN } from "./assembly/regions.ts";
import { checkBytes, checkObject, checkWhole, notWhole, wrongInput } from "./wrong_input.ts";
import { encode, type FieldInput } from "./encode.ts";
import { sendRegion } from "./exchange.ts";

// What every change reads is a constant of this module, not an import, which V8 looks up at each use: 2.6 ns of 5.8 a change.
/** The send region in words. */
const words = new Uint32Array(sendRegion.buffer, sendRegion.byteOffset, SEND_LEN / 4);
const ROOM = SEND_LEN;
const [NEW, DELETE, GET] = [RTM_NEWQDISC, RTM_DELQDISC, RTM_GETQDISC] as const;
const [REQUEST, ACK, DUMP] = [NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP] as const;
/** From here on messages come in fours: new, delete, get, set. */
const FIRST_OF_FOUR = RTM_NEWLINK;
const ACTION_MAX = TCQ_PLUG_LIMIT;

/** `struct tc_plug_qopt` of `linux/pkt_sched.h`, 8 bytes. */
export interface PlugOptions {
  /** `TCQ_PLUG_BUFFER`, `TCQ_PLUG_RELEASE_ONE`, `TCQ_PLUG_RELEASE_INDEFINITE` or `TCQ_PLUG_LIMIT`. */
  action: number;
  /** Bytes, 0 to 2^32 - 1. Read by `TCQ_PLUG_LIMIT` and when a plug is created; 0 there drops every packet. */
  limit: number;
}

/**
 * A request about a qdisc: `struct nlmsghdr`, `struct tcmsg` and, where given, `TCA_KIND` and
 * `TCA_OPTIONS`. 36, 48 or 60 bytes.
 */
export interface QdiscRequest {
  /** Whether to create or change, to delete, or to ask. */
  type: typeof RTM_NEWQDISC | typeof RTM_DELQDISC | typeof RTM_GETQDISC;
  /** `NLM_F_*`; `NLM_F_REQUEST` is always set, and `NLM_F_ACK` on all but a dump. */
  flags?: number;
  /** The device, 1 to 2^31 - 1; 0 in a dump. */
  ifindex: number;
  /** Major number in the high 16 bits; 0 leaves it to the kernel or means "whichever is there". */
  handle: number;
  /** Where the qdisc hangs: `TC_H_ROOT`, a class, or 0 to go by the handle. */
  parent: number;
  /** Whether to say that it is a plug, and with what options. */
  plug?: PlugOptions | "no options";
}

/** A request for one link by its index, or with 0 and `NLM_F_DUMP` for all of them. 32 bytes. */
export interface LinkRequest {
  /** To ask is all that is done about links. */
  type: typeof RTM_GETLINK;
  /** `NLM_F_*`; `NLM_F_REQUEST` is always set, and `NLM_F_ACK` on all but a dump. */
  flags?: number;
  /** The device, 1 to 2^31 - 1; 0 in a dump. */
  ifindex: number;
  /** To ask by name takes `treeRequest`. */
  name?: never;
}

/** A request for the routes, or for the route to one address. 28, 36 or 48 bytes. */
export interface RouteRequest {
  /** To ask is all that is done about routes. */
  type: typeof RTM_GETROUTE;
  /** `NLM_F_*`; `NLM_F_REQUEST` is always set, and `NLM_F_ACK` on all but a dump. */
  flags?: number;
  /** `AF_INET` 2, `AF_INET6` 10, or in a dump `AF_UNSPEC` 0 for both. */
  family: number;
  /** 4 or 16 bytes in network order. */
  destination?: Uint8Array;
}

/** Any other request, field by field: `treeRequest` makes those that change links, and those about clsact. */
export interface FieldsRequest {
  /** `RTM_*` */
  type: number;
  /** `NLM_F_*`; `NLM_F_REQUEST` is always set, and `NLM_F_ACK` on all but a dump. */
  flags?: number;
  /** What comes behind `struct nlmsghdr`, in the order of the bytes. */
  fields: readonly FieldInput[];
}

/** What `encodeRequest` encodes. */
export type Request = QdiscRequest | LinkRequest | RouteRequest | FieldsRequest;

/**
 * Writes a request into `sendRegion` at offset `at`, a multiple of 4, and returns its length in bytes,
 * which is a multiple of 4 too.
 *
 * ```ts
 * import { encodeRequest, RTM_NEWQDISC, sendRegion, TC_H_ROOT, TCQ_PLUG_BUFFER } from "@plugctl/plugctl/codec";
 *
 * const length = encodeRequest({
 *   type: RTM_NEWQDISC,
 *   ifindex: 1,
 *   handle: 0,
 *   parent: TC_H_ROOT,
 *   plug: { action: TCQ_PLUG_BUFFER, limit: 0 },
 * }, { at: 0, sequence: 1 });
 * console.log(sendRegion.subarray(0, length).toHex());
 * ```
 *
 * @throws {RangeError} where a field is out of its range, or the request does not fit
 * @throws {TypeError} where it is given something else than a request, or a field of it holds something of another kind
 */
export function encodeRequest(
  request: Request,
  { at, sequence }: { at: number; sequence: number } = NO_PLACE,
): number {
  const length = encodeAt(request, at, sequence);
  if (length < 0) {
    throw new RangeError(
      `Cannot encode request at offset ${at}: the send region has ${SEND_LEN} bytes`,
    );
  }
  return length;
}

/**
 * Writes one change of a plug into `sendRegion` at offset `at`, a multiple of 4, by numbers alone: no object is made
 * and nothing is checked but that they are numbers, and the room, of which it needs 60 bytes. Every number counts in its
 * low 32 bits. Returns 60, or -1 where there is no room. For a program that counts nanoseconds; `encodeRequest` is for
 * every other.
 *
 * @throws {TypeError} where one of them is not a number
 */
export function encodeChange(
  at: number,
  sequence: number,
  ifindex: number,
  handle: number,
  parent: number,
  action: number,
  limit: number,
): number {
  if (
    typeof at !== "number" || typeof sequence !== "number" || typeof ifindex !== "number" ||
    typeof handle !== "number" || typeof parent !== "number" || typeof action !== "number" || typeof limit !== "number"
  ) throw new TypeError("Cannot encode a change: it takes seven numbers");
  return putChange(at, CHANGE_HEAD, sequence, ifindex, handle, parent, action, limit);
}

/** `TCA_KIND` "plug" with its padding, and `TCA_OPTIONS` as tc sends it, without `NLA_F_NESTED`. */
const KIND_LEN = 12;
const OPTIONS_LEN = NLA_HDRLEN + TC_PLUG_QOPT_LEN;
const OPTIONLESS_LEN = NLMSG_HDRLEN + TCMSG_LEN + KIND_LEN;
const CHANGE_LEN = OPTIONLESS_LEN + OPTIONS_LEN;
/** The second word of a change: its type and flags. */
const CHANGE_HEAD = RTM_NEWQDISC | (NLM_F_REQUEST | NLM_F_ACK) << 16;
/** The header of `TCA_KIND`, for four letters and a NUL, and these, little-endian. */
const KIND_HEAD = NLA_HDRLEN + 5 | TCA_KIND << 16;
const PLUG = 0x67756c70;
const OPTIONS_HEAD = OPTIONS_LEN | TCA_OPTIONS << 16;
/** Where `struct tcmsg` and the attributes begin in a change, in words. */
const TCMSG = NLMSG_HDRLEN / 4;
const KIND = TCMSG + TCMSG_LEN / 4;
const OPTIONS = KIND + KIND_LEN / 4;

/**
 * Writes the words of a change, or of what has another head, by numbers alone, since an object would cost more than all of
 * them. Returns 60, or -1 where there is no room.
 */
function putChange(
  at: number,
  head: number,
  sequence: number,
  ifindex: number,
  handle: number,
  parent: number,
  action: number,
  limit: number,
): number {
  const offset = at >>> 0;
  if (offset > ROOM - CHANGE_LEN || (offset & 3) !== 0) return -1;
  const to = offset >>> 2;
  words[to] = CHANGE_LEN;
  words[to + 1] = head;
  words[to + 2] = sequence;
  words[to + 3] = 0;
  words[to + TCMSG] = 0;
  words[to + TCMSG + 1] = ifindex;
  words[to + TCMSG + 2] = handle;
  words[to + TCMSG + 3] = parent;
  words[to + TCMSG + 4] = 0;
  words[to + KIND] = KIND_HEAD;
  words[to + KIND + 1] = PLUG;
  words[to + KIND + 2] = 0;
  words[to + OPTIONS] = OPTIONS_HEAD;
  words[to + OPTIONS + 1] = action;
  words[to + OPTIONS + 2] = limit;
  return CHANGE_LEN;
}

/**
 * Checks a request and writes it; returns its length, or -1 where it has no room. One function with all checks, as what V8
 * then makes of it is the same each time: of several it puts these or those together, and some take twice as long.
 */
function encodeAt(request: Request, at: number, sequence: number): number {
  if (typeof request !== "object" || request === null) throw wrongInput("encode", request, A_REQUEST);
  if (!isUint32(at)) throw notWhole("at", at, 0xffffffff);
  if (!isUint32(sequence)) throw notWhole("sequence", sequence, 0xffffffff);
  if (!isOfQdisc(request)) return encodeRare(request, at, sequence);
  const { type, ifindex, handle, parent, plug } = request;
  if (!isUint32(handle)) throw notWhole("handle", handle, 0xffffffff);
  if (!isUint32(parent)) throw notWhole("parent", parent, 0xffffffff);
  const { action, limit } = typeof plug === "object" ? checkOptions(plug) : noOptions(plug);
  const head = type | requestFlags(request) << 16;
  // Without a sign, so that a number beyond 2^31 needs no object of its own on the way
  const length = putChange(at, head, sequence, checkIndex(ifindex), handle | 0, parent | 0, action, limit | 0);
  if (length < 0) return length;
  // What another request has less of than a change stands at the end
  return words[at >>> 2] = plug === undefined
    ? OPTIONLESS_LEN - KIND_LEN
    : plug === "no options"
    ? OPTIONLESS_LEN
    : length;
}

function isOfQdisc(request: Request): request is QdiscRequest {
  const { type } = request;
  return (type === NEW || type === DELETE || type === GET) && !("fields" in request);
}

const A_TYPE = "without fields it is about a qdisc, a link or a route";
const A_REQUEST = "a request is an object with type and what that needs";
/** What is said of neither is refused. */
const NO_PLACE = { at: NaN, sequence: NaN };
const NO_OPTIONS: PlugOptions = { action: 0, limit: 0 };

/** What is asked once in a while. */
type RareRequest = LinkRequest | RouteRequest | FieldsRequest;

/** Encodes what is asked once in a while by way of its tree. Returns its length, or -1 where it has no room. */
function encodeRare(request: RareRequest, at: number, sequence: number): number {
  const header = [
    { name: "len", value: 0 },
    { name: "type", value: checkWhole("type", request.type, 0xffff), length: 2 },
    { name: "flags", value: requestFlags(request), length: 2 },
    { name: "sequence", value: sequence },
    { name: "portId", value: 0 },
  ];
  const bytes = encode({ name: "message", fields: [...header, ...bodyFields(request)] });
  if (at > SEND_LEN - bytes.length || at % 4 !== 0) return -1;
  sendRegion.set(bytes, at);
  return bytes.length;
}

function bodyFields(request: RareRequest): readonly FieldInput[] {
  if ("fields" in request) {
    checkObject(request.fields, "encode", "fields are an array", true);
    return request.fields;
  }
  switch (request.type) {
    case RTM_GETLINK:
      return linkFields(request);
    case RTM_GETROUTE:
      return routeFields(request);
    default:
      throw wrongInput("encode a request of type", (request satisfies never as Request).type, A_TYPE);
  }
}

/** `struct ifinfomsg` */
function linkFields({ ifindex }: LinkRequest): FieldInput[] {
  return [
    { name: "family, pad, type", value: 0 },
    { name: "ifindex", value: checkIndex(ifindex) },
    { name: "flags", value: 0 },
    { name: "change", value: 0 },
  ];
}

/** `struct rtmsg` and `RTA_DST` */
function routeFields({ family, destination = new Uint8Array(0) }: RouteRequest): FieldInput[] {
  checkBytes(destination, "encode the destination", "it is a Uint8Array");
  if (![0, 4, 16].includes(destination.length)) {
    throw new RangeError(`destination has ${destination.length} bytes, must have 4 or 16`);
  }
  const struct = [
    { name: "family", value: checkWhole("family", family, 0xff), length: 1 },
    { name: "destinationLength", value: destination.length * 8, length: 1 },
    { name: "sourceLength, tos, table, protocol, scope, type, flags", value: new Uint8Array(10) },
  ];
  return destination.length === 0 ? struct : [...struct, { name: "DST", attributeType: RTA_DST, value: destination }];
}

/** The flags with those that go without saying: every request is answered, a dump by its end. */
function requestFlags({ type, flags = 0 }: Request): number {
  if (!isUint32(flags) || flags > 0xffff) throw notWhole("flags", flags, 0xffff);
  // Of the four messages about an object the third asks
  const isDump = type >= FIRST_OF_FOUR && type % 4 === GET % 4 && (flags & DUMP) === DUMP;
  return flags | REQUEST | (isDump ? 0 : ACK);
}

/** @throws {RangeError} where the action is none, or the limit is not of 32 bits */
export function checkOptions<Options extends PlugOptions>(options: Options): Options {
  if (typeof options !== "object" || options === null) throw notOptions(options);
  const { action, limit } = options;
  if (!isUint32(action) || action > ACTION_MAX) throw notWhole("action", action, ACTION_MAX);
  if (!isUint32(limit)) throw notWhole("limit", limit, 0xffffffff);
  return options;
}

/** Whether it is a whole number of 32 bits without a sign: short, so that engines inline it. */
function isUint32(value: unknown): value is number {
  return typeof value === "number" && value >>> 0 === value;
}

/** @throws {TypeError} where it is not said that there are none */
function noOptions(plug: string | undefined): PlugOptions {
  if (plug !== undefined && plug !== "no options") throw notOptions(plug);
  return NO_OPTIONS;
}

function notOptions(plug: unknown): TypeError {
  return wrongInput("encode the plug", plug, 'it is an object with action and limit, or "no options"');
}

/** @throws {RangeError} where it cannot be the index of a device */
export function checkIndex(ifindex: number): number {
  if (!isUint32(ifindex) || ifindex > 0x7fffffff) throw notWhole("ifindex", ifindex, 0x7fffffff);
  return ifindex;
}
