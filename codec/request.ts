import {
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  RTM_DELLINK,
  type RTM_DELQDISC,
  RTM_GETLINK,
  RTM_GETQDISC,
  RTM_GETROUTE,
  RTM_GETTFILTER,
  RTM_NEWLINK,
  type RTM_NEWQDISC,
  TCQ_PLUG_LIMIT,
} from "./assembly/constants.ts";
import { CARRIES_KIND, CARRIES_NOTHING, CARRIES_OPTIONS } from "./assembly/codes.ts";
import { SEND_LEN } from "./assembly/regions.ts";
import { encode } from "./encode.ts";
import { ownerWords, sendRegion, wasm } from "./exchange.ts";
import { treeFields, type TreeRequest } from "./tree_request.ts";

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

/** A request for one link, or with index 0 and `NLM_F_DUMP` for all of them. 32 bytes. */
export interface LinkRequest {
  /** To ask is all that is done about links. */
  type: typeof RTM_GETLINK;
  /** `NLM_F_*`; `NLM_F_REQUEST` is always set, and `NLM_F_ACK` on all but a dump. */
  flags?: number;
  /** The device, 1 to 2^31 - 1; 0 in a dump. */
  ifindex: number;
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

/** What `encodeRequest` encodes. */
export type Request = QdiscRequest | LinkRequest | RouteRequest | TreeRequest;

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
 */
export function encodeRequest(
  request: Request,
  { at, sequence }: { at: number; sequence: number },
): number {
  const length = encodeByType(request, at, checkUint32("sequence", sequence));
  if (length < 0) {
    throw new RangeError(
      `Cannot encode request at offset ${at}: the send region has ${SEND_LEN} bytes`,
    );
  }
  return length;
}

function encodeByType(request: Request, at: number, sequence: number): number {
  if (isTreeRequest(request)) return encodeTreeRequest(request, at, sequence);
  if (request.type === RTM_GETLINK) return encodeLink(request, at, sequence);
  if (request.type === RTM_GETROUTE) return encodeRoute(request, at, sequence);
  return encodeQdisc(request, at, sequence);
}

function isTreeRequest(request: Request): request is TreeRequest {
  return "name" in request || "clsact" in request || "priority" in request || request.type === RTM_NEWLINK ||
    request.type === RTM_DELLINK;
}

/** Encodes by way of the tree. Returns the length, or -1 where it has no room. */
function encodeTreeRequest(request: TreeRequest, at: number, sequence: number): number {
  checkIndex(request.ifindex);
  const bytes = encode({
    name: "message",
    fields: [
      { name: "len", value: 0 },
      { name: "type", value: request.type, length: 2 },
      { name: "flags", value: requestFlags(request), length: 2 },
      { name: "sequence", value: sequence },
      { name: "portId", value: 0 },
      ...treeFields(request),
    ],
  });
  if (at < 0 || at > SEND_LEN - bytes.length || at % 4 !== 0) return -1;
  sendRegion.set(bytes, at);
  ownerWords[0] = 0;
  return bytes.length;
}

function encodeQdisc(
  request: QdiscRequest,
  at: number,
  sequence: number,
): number {
  const options = plugOptions(request);
  return wasm.encodeQdisc(
    at,
    typeAndFlags(request),
    sequence,
    checkIndex(request.ifindex),
    checkUint32("handle", request.handle),
    checkUint32("parent", request.parent),
    carries(request),
    options.action,
    options.limit,
  );
}

function encodeLink(
  request: LinkRequest,
  at: number,
  sequence: number,
): number {
  return wasm.encodeGetLink(
    at,
    requestFlags(request),
    sequence,
    checkIndex(request.ifindex),
  );
}

function encodeRoute(
  request: RouteRequest,
  at: number,
  sequence: number,
): number {
  const { family, destination = new Uint8Array(0) } = request;
  if (![0, 4, 16].includes(destination.length)) {
    throw new RangeError(
      `destination has ${destination.length} bytes, must have 4 or 16`,
    );
  }
  const words = new Uint32Array(4);
  new Uint8Array(words.buffer).set(destination);
  const [a, b, c, d] = words;
  return wasm.encodeGetRoute(
    at,
    requestFlags(request),
    sequence,
    family,
    destination.length,
    a,
    b,
    c,
    d,
  );
}

/** The flags with those that go without saying: every request is answered, a dump by its end. */
function requestFlags({ type, flags = 0 }: Request): number {
  if (!Number.isInteger(flags) || flags < 0 || flags > 0xffff) {
    throw outOfRange("flags", flags, 0xffff);
  }
  const gets = type === RTM_GETQDISC || type === RTM_GETLINK ||
    type === RTM_GETROUTE || type === RTM_GETTFILTER;
  const dumps = gets && (flags & NLM_F_DUMP) === NLM_F_DUMP;
  return flags | NLM_F_REQUEST | (dumps ? 0 : NLM_F_ACK);
}

/** The second word of a request's header. */
export function typeAndFlags(request: Request): number {
  return request.type | requestFlags(request) << 16;
}

/** What a request about a qdisc carries, `CARRIES_*`. */
export function carries({ plug }: QdiscRequest): number {
  return plug === undefined ? CARRIES_NOTHING : plug === "no options" ? CARRIES_KIND : CARRIES_OPTIONS;
}

const NO_OPTIONS: PlugOptions = { action: 0, limit: 0 };

/** A plug's options, zeros where the request carries none. */
export function plugOptions({ plug }: QdiscRequest): PlugOptions {
  return plug === undefined || plug === "no options" ? NO_OPTIONS : checkOptions(plug);
}

/** @throws {RangeError} where the action is none, or the limit is not of 32 bits */
export function checkOptions(options: PlugOptions): PlugOptions {
  const { action, limit } = options;
  if (action >>> 0 !== action || action > TCQ_PLUG_LIMIT) throw outOfRange("action", action, TCQ_PLUG_LIMIT);
  checkUint32("limit", limit);
  return options;
}

/** @throws {RangeError} where the value is no number of 32 bits without a sign */
export function checkUint32(name: string, value: number): number {
  if (value >>> 0 !== value) throw outOfRange(name, value, 0xffffffff);
  return value;
}

/** @throws {RangeError} where it cannot be the index of a device */
export function checkIndex(ifindex: number): number {
  if (ifindex >>> 0 !== ifindex || ifindex > 0x7fffffff) throw outOfRange("ifindex", ifindex, 0x7fffffff);
  return ifindex;
}

function outOfRange(name: string, value: number, most: number): RangeError {
  return new RangeError(
    `${name} is ${value}, must be a whole number from 0 to ${most}`,
  );
}
