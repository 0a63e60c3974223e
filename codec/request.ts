import {
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  type RTM_DELQDISC,
  RTM_GETLINK,
  RTM_GETQDISC,
  RTM_GETROUTE,
  type RTM_NEWQDISC,
  TCQ_PLUG_LIMIT,
} from "./assembly/constants.ts";
import { BATCH_MAX, BATCH_RECORD_LEN, SEND_LEN } from "./assembly/regions.ts";
import { batchWords, wasm } from "./exchange.ts";

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
  type: typeof RTM_GETLINK;
  flags?: number;
  ifindex: number;
}

/** A request for the routes, or for the route to one address. 28, 36 or 48 bytes. */
export interface RouteRequest {
  type: typeof RTM_GETROUTE;
  flags?: number;
  /** `AF_INET` 2, `AF_INET6` 10, or in a dump `AF_UNSPEC` 0 for both. */
  family: number;
  /** 4 or 16 bytes in network order. */
  destination?: Uint8Array;
}

/** What `encodeRequest` encodes. */
export type Request = QdiscRequest | LinkRequest | RouteRequest;

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
  if (request.type === RTM_GETLINK) return encodeLink(request, at, sequence);
  if (request.type === RTM_GETROUTE) return encodeRoute(request, at, sequence);
  writeRecord(ALONE * (BATCH_RECORD_LEN / 4), request);
  return wasm.encodeBatch(at, ALONE, 1, sequence);
}

/** The record of a request that is encoded alone, after those of a batch. */
const ALONE = BATCH_MAX;
/** How long a request about a qdisc is: `struct tcmsg` alone, with `TCA_KIND`, with `TCA_OPTIONS` too. */
const TCMSG_END = 36;
const KIND_END = 48;
const OPTIONS_END = 60;

/** Writes the input record, at word `at`, of a request about a qdisc. */
export function writeRecord(at: number, request: QdiscRequest): void {
  const { plug } = request;
  batchWords[at] = request.type | requestFlags(request) << 16;
  batchWords[at + 1] = checkIndex(request.ifindex);
  batchWords[at + 2] = checkUint32("handle", request.handle);
  batchWords[at + 3] = checkUint32("parent", request.parent);
  batchWords[at + 6] = plug === undefined ? TCMSG_END : plug === "no options" ? KIND_END : OPTIONS_END;
  if (plug === undefined || plug === "no options") return;
  checkOptions(plug.action, plug.limit);
  batchWords[at + 4] = plug.action;
  batchWords[at + 5] = plug.limit;
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
  if (flags >>> 0 !== flags || flags > 0xffff) throw outOfRange("flags", flags, 0xffff);
  const gets = type === RTM_GETQDISC || type === RTM_GETLINK ||
    type === RTM_GETROUTE;
  const dumps = gets && (flags & NLM_F_DUMP) === NLM_F_DUMP;
  return flags | NLM_F_REQUEST | (dumps ? 0 : NLM_F_ACK);
}

/** @throws {RangeError} where the action is none, or the limit is not of 32 bits */
export function checkOptions(action: number, limit: number): void {
  if (action >>> 0 !== action || action > TCQ_PLUG_LIMIT) throw outOfRange("action", action, TCQ_PLUG_LIMIT);
  checkUint32("limit", limit);
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
