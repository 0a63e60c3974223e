import { NLMSG_DONE, NLMSG_ERROR, NLMSG_HDRLEN } from "./assembly/constants.ts";
import { FAIL_MESSAGE_HEADER, FAIL_MESSAGE_LENGTH } from "./assembly/regions.ts";
import { decodeError } from "./decode_error.ts";
import { NLMSG } from "./spec/control.ts";
import { type Family, spaceFor } from "./spec/table.ts";
import { formatFilterHandle } from "./handle.ts";
import type { Rows } from "./rows.ts";
import { numberAt, textBeforeNul } from "./value.ts";

/** The kernel's name of an `nlmsg_type`, or `undefined`. */
export function describeType(type: number, family: Family): string | undefined {
  return NLMSG.byNumber.get(type) ?? family.messages[type]?.name ??
    (family.isGeneric ? `generic netlink family ${type}` : undefined);
}

type Bits = readonly (readonly [bit: number, name: string])[];

/** `NLM_F_*` of `linux/netlink.h` that every message can have. */
const COMMON: Bits = [
  [0x1, "REQUEST"],
  [0x2, "MULTI"],
  [0x4, "ACK"],
  [0x8, "ECHO"],
  [0x10, "DUMP_INTR"],
  [0x20, "DUMP_FILTERED"],
];
const OF_ANSWER: Bits = [[0x100, "CAPPED"], [0x200, "ACK_TLVS"]];
const OF_NEW: Bits = [[0x100, "REPLACE"], [0x200, "EXCL"], [0x400, "CREATE"], [0x800, "APPEND"]];
const OF_DEL: Bits = [[0x100, "NONREC"], [0x200, "BULK"]];
const OF_OTHERS: Bits = [];
const OF_GET: Bits = [[0x100, "ROOT"], [0x200, "MATCH"], [0x400, "ATOMIC"]];

/** By the two lowest bits of a type: `RTM_NEW`, `RTM_DEL`, `RTM_GET`, `RTM_SET`. */
const BY_VERB = [OF_NEW, OF_DEL, OF_GET, OF_OTHERS];

/** What the flags say by themselves, for each kind of message that was met. */
const described = new Map<Bits, Map<number, string>>();

/** Names the flags of a message; what a bit means depends on the kind of message that carries it. */
export function describeFlags(flags: number, type: number, family: Family): string {
  const own = family.isGeneric && type >= 16 ? OF_GET : bitsOfType(type);
  let known = described.get(own);
  if (!known) described.set(own, known = new Map());
  let text = known.get(flags);
  if (text === undefined) known.set(flags, text = namesOf(flags, own));
  return text;
}

function namesOf(flags: number, own: Bits): string {
  const names: string[] = [];
  let rest = flags;
  for (const bits of [COMMON, own]) {
    for (const [bit, name] of bits) {
      if (flags & bit) names.push(name);
      rest &= ~bit;
    }
  }
  if (rest) names.push(`0x${rest.toString(16)}`);
  return names.join("|");
}

function bitsOfType(type: number): Bits {
  if (type === NLMSG_ERROR || type === NLMSG_DONE) return OF_ANSWER;
  if (type < 16) return OF_OTHERS;
  return BY_VERB[type % 4];
}

/**
 * Checks that a whole message stands at the start of bytes, or at `at`. Returns its length.
 *
 * @throws {DecodeError} where none does
 */
export function checkMessage(view: DataView, at: number, end: number): number {
  const left = end - at;
  if (left < NLMSG_HDRLEN) throw decodeError([FAIL_MESSAGE_HEADER, at, left, NLMSG_HDRLEN]);
  const length = view.getUint32(at, true);
  if (length < NLMSG_HDRLEN) throw decodeError([FAIL_MESSAGE_LENGTH, at, length, NLMSG_HDRLEN]);
  if (length > left) throw decodeError([FAIL_MESSAGE_LENGTH, at, length, left]);
  return length;
}

/**
 * Says what the numbers of an extended answer mean: the attribute of the request that an offset points into, and the
 * attribute that is missing.
 */
export function explainAnswer(rows: Rows, family: Family): void {
  const request = rows.find("msg", 0);
  if (request < 0) return;
  for (let row = request + 1; row < rows.count; row++) {
    if (rows.depthOf(row) > 0) continue;
    const meaning = meaningIn(rows, request, row, family);
    if (meaning) rows.said[row] = meaning;
  }
}

function meaningIn(rows: Rows, request: number, row: number, family: Family): string | undefined {
  const { kernelName } = rows.cells[row];
  if (!kernelName.startsWith("NLMSGERR_")) return undefined;
  const from = rows.fromOf(row);
  const value = numberAt(rows, from, { size: rows.endOf(row) - from });
  if (typeof value !== "number") return undefined;
  if (kernelName === "NLMSGERR_ATTR_OFFS" || kernelName === "NLMSGERR_ATTR_MISS_NEST") {
    return nameAt(rows, request, rows.offsetOf(request) + value);
  }
  if (kernelName !== "NLMSGERR_ATTR_MISS_TYPE") return undefined;
  const spec = family.messages[rows.view.getUint16(rows.offsetOf(request) + 4, true)];
  return spec && spaceFor(spec, 0, true).byNumber.get(value)?.kernelName;
}

/** What the kernel calls the innermost field of a request in which that offset is. */
function nameAt(rows: Rows, request: number, offset: number): string | undefined {
  let name: string | undefined;
  for (let row = request; row < rows.count && (row === request || rows.depthOf(row) > 0); row++) {
    if (rows.offsetOf(row) <= offset && offset < rows.endOf(row)) name = rows.cells[row].kernelName;
  }
  return name;
}

/** Says what the handle of a filter means, which depends on the kind behind it. */
export function explainHandle(rows: Rows, first: number, depth: number): void {
  const handle = rows.find("tcm_handle", depth, first);
  if (handle < 0) return;
  const kind = rows.find("TCA_KIND", depth, first);
  const name = kind < 0 ? undefined : textBeforeNul(rows, rows.fromOf(kind), rows.endOf(kind));
  rows.said[handle] = formatFilterHandle(rows.view.getUint32(rows.fromOf(handle), true), name);
}
