import {
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  RTA_DST,
  RTM_DELQDISC,
  RTM_GETLINK,
  RTM_GETQDISC,
  RTM_GETROUTE,
  RTM_NEWLINK,
  RTM_NEWQDISC,
  TCQ_PLUG_LIMIT,
} from "./assembly/constants.ts";
import { SEND_AT, SEND_LEN } from "./assembly/regions.ts";
import { checkBytes, checkObject, checkWhole, notWhole, wrongInput } from "./wrong_input.ts";
import { encode, type FieldInput } from "./encode.ts";
import { encodeChange as exportedChange, memoryWords, sendRegion } from "./exchange.ts";

/** A constant of this module, not an import: V8 calls it 0.6 ns faster. */
const writeChange = exportedChange;

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
  if (typeof request !== "object" || request === null) {
    throw wrongInput("encode", request, "a request is an object with type and what that needs");
  }
  if (!isUint32(at)) throw notWhole("at", at, 0xffffffff);
  if (!isUint32(sequence)) throw notWhole("sequence", sequence, 0xffffffff);
  const length = encodeByType(request, at, sequence);
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
  return writeChange(at, sequence, ifindex, handle, parent, action, limit);
}

function encodeByType(request: Request, at: number, sequence: number): number {
  if (isRare(request)) return encodeRare(request, at, sequence);
  const { plug, ifindex, handle, parent } = request;
  const options = typeof plug === "object" ? checkOptions(plug) : plug === undefined ? NO_OPTIONS : noOptions(plug);
  const head = typeAndFlags(request);
  if (!isUint32(handle)) throw notWhole("handle", handle, 0xffffffff);
  if (!isUint32(parent)) throw notWhole("parent", parent, 0xffffffff);
  const length = writeChange(at, sequence, checkIndex(ifindex), handle, parent, options.action, options.limit);
  if (length < 0) return length;
  // What another request has less of than a change stands at the end.
  memoryWords[(SEND_AT + at) / 4 + 1] = head;
  return memoryWords[(SEND_AT + at) / 4] = qdiscLength(plug);
}

/** What is said of neither is refused. */
const NO_PLACE = { at: NaN, sequence: NaN };
const NO_OPTIONS: PlugOptions = { action: 0, limit: 0 };

/** How long a request about a qdisc is: `struct tcmsg` alone, with `TCA_KIND`, with `TCA_OPTIONS` too. */
function qdiscLength(plug: QdiscRequest["plug"]): number {
  return plug === undefined ? 36 : plug === "no options" ? 48 : 60;
}

/** What is asked once in a while. */
type RareRequest = LinkRequest | RouteRequest | FieldsRequest;

function isRare(request: Request): request is RareRequest {
  return "fields" in request || request.type === RTM_GETLINK || request.type === RTM_GETROUTE;
}

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
  return request.type === RTM_GETLINK ? linkFields(request) : routeFields(request);
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
  const dumps = type >= RTM_NEWLINK && type % 4 === RTM_GETLINK % 4 && (flags & NLM_F_DUMP) === NLM_F_DUMP;
  return flags | NLM_F_REQUEST | (dumps ? 0 : NLM_F_ACK);
}

/** The second word of a request's header. */
function typeAndFlags(request: QdiscRequest): number {
  const { type } = request;
  if (type !== RTM_NEWQDISC && type !== RTM_DELQDISC && type !== RTM_GETQDISC) {
    throw wrongInput("encode a request of type", type, "without fields it is about a qdisc, a link or a route");
  }
  return type | requestFlags(request) << 16;
}

/** @throws {RangeError} where the action is none, or the limit is not of 32 bits */
export function checkOptions<Options extends PlugOptions>(options: Options): Options {
  if (typeof options !== "object" || options === null) throw notOptions(options);
  const { action, limit } = options;
  if (!isUint32(action) || action > TCQ_PLUG_LIMIT) throw notWhole("action", action, TCQ_PLUG_LIMIT);
  if (!isUint32(limit)) throw notWhole("limit", limit, 0xffffffff);
  return options;
}

/** Whether it is a whole number of 32 bits without a sign: short, so that engines inline it. */
function isUint32(value: unknown): value is number {
  return typeof value === "number" && value >>> 0 === value;
}

/** @throws {TypeError} where it is not said that there are none */
function noOptions(plug: string): PlugOptions {
  if (plug !== "no options") throw notOptions(plug);
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
