import { type Attribute, findAttribute as find, readAttributes } from "../codec/records.ts";
import { NLM_F_REQUEST, NLMSG_ERROR, NLMSG_HDRLEN } from "../codec/assembly/constants.ts";
import {
  CMD_AT,
  CTRL_ATTR_FAMILY_ID,
  CTRL_ATTR_FAMILY_NAME,
  CTRL_ATTR_MCAST_GROUPS,
  CTRL_ATTR_MCAST_GRP_ID,
  CTRL_ATTR_MCAST_GRP_NAME,
  CTRL_CMD_GETFAMILY,
  GENL_ID_CTRL,
  GENLMSGHDR_END,
  PSAMPLE_ATTR_DATA,
  PSAMPLE_ATTR_GROUP_SEQ,
  PSAMPLE_ATTR_ORIGSIZE,
  PSAMPLE_ATTR_SAMPLE_GROUP,
  PSAMPLE_ATTR_TIMESTAMP,
  VERSION_AT,
} from "../codec/numbers.ts";
import { DecodeError } from "../codec/decode_error.ts";
import type { Instruction } from "../linux/bpf.ts";
import type { GenericSocket } from "../linux/capture_socket.ts";
import { ENOENT, NetlinkError } from "../linux/netlink_error.ts";

/** A copy of a packet that went by a `sample` action. */
export interface Sample {
  /** The group that the action names. */
  group: number;
  /** Its number among those of the group: where one is left out a copy was lost. */
  sequence: number;
  /** How long the packet was. */
  length: number;
  /** When it went by, in nanoseconds since 1970; absent before Linux 5.13. */
  timeNs?: bigint;
  /** Its beginning, from its Ethernet header on. */
  bytes: Uint8Array;
}

/** What psample is called by in this kernel. */
export interface PsampleFamily {
  /** The type of its messages. */
  id: number;
  /** The multicast group of samples. */
  packets: number;
}

/** Asks the controller of generic netlink for psample: CTRL_CMD_GETFAMILY. */
export function askForPsample(sequence: number): Uint8Array<ArrayBuffer> {
  const name = new TextEncoder().encode("psample\0");
  const bytes = new Uint8Array(GENLMSGHDR_END + 4 + name.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, GENL_ID_CTRL, true);
  view.setUint16(6, NLM_F_REQUEST, true);
  view.setUint32(8, sequence, true);
  view.setUint8(CMD_AT, CTRL_CMD_GETFAMILY);
  view.setUint8(VERSION_AT, 1);
  view.setUint16(GENLMSGHDR_END, 4 + name.length, true);
  view.setUint16(GENLMSGHDR_END + 2, CTRL_ATTR_FAMILY_NAME, true);
  bytes.set(name, GENLMSGHDR_END + 4);
  return bytes;
}

/**
 * Reads the controller's answer; `undefined` where it is that there is no psample.
 *
 * @throws {NetlinkError} where it refuses for another reason
 */
export function readFamily(message: Uint8Array): PsampleFamily | undefined {
  const view = viewOf(message);
  if (view.getUint16(4, true) === NLMSG_ERROR) {
    const errno = -view.getInt32(NLMSG_HDRLEN, true);
    if (errno === ENOENT) return undefined;
    throw new NetlinkError("find psample", { errno });
  }
  const attributes = readAttributes(message, GENLMSGHDR_END);
  const groups = readAttributes(find(attributes, CTRL_ATTR_MCAST_GROUPS) ?? new Uint8Array());
  const packets = groups.map(({ value }) => readAttributes(value)).find((group) =>
    new TextDecoder().decode(find(group, CTRL_ATTR_MCAST_GRP_NAME)) === "packets\0"
  );
  const id = find(attributes, CTRL_ATTR_FAMILY_ID);
  const number = packets && find(packets, CTRL_ATTR_MCAST_GRP_ID);
  return id && number && { id: viewOf(id).getUint16(0, true), packets: viewOf(number).getUint32(0, true) };
}

/** Asks a socket's kernel for psample, and waits for the answer; `undefined` where there is none. */
export function findPsample(socket: GenericSocket): PsampleFamily | undefined {
  let family: PsampleFamily | undefined;
  socket.send(askForPsample(1));
  // The kernel has answered before the send returns
  socket.receive(({ bytes }) => family ??= readFamily(bytes));
  return family;
}

/** Of BPF: the offset of an attribute, from the one on at which A says (`SKF_AD_OFF + SKF_AD_NLATTR`); its type is X. */
const ATTRIBUTE_AT = 0xfffff000 + 12;
/** `BPF_LD | BPF_IMM`, `BPF_LDX | BPF_IMM` and so on, of `linux/bpf_common.h`. */
const BPF = { ld: 0x00, ldx: 0x01, ldAbs: 0x20, ldInd: 0x40, and: 0x54, jeq: 0x15, tax: 0x07, ret: 0x06 } as const;

/** Groups for one gate: so many, from this one on, chosen at random, as processes of two containers may have the same number. */
const FIRST_GROUP = 0x40000000;
const GROUPS = 4;
const BLOCKS = 1 << 28;

/** Groups of psample that nobody else uses. */
export function someGroups(): [number, ...number[]] {
  const [random] = crypto.getRandomValues(new Uint32Array(1));
  const first = FIRST_GROUP + random % BLOCKS * GROUPS;
  return [first, ...Array.from({ length: GROUPS - 1 }, (_, index) => first + 1 + index)];
}

/** A program that lets only samples of these groups through: those from `first` on, a power of two of them. */
export function onlyGroups(first: number, count: number): Instruction[] {
  // BPF reads in network order what netlink has in the machine's
  const swapped = (word: number) => new DataView(new Uint32Array([word]).buffer).getUint32(0);
  return [
    [BPF.ld, 0, 0, GENLMSGHDR_END],
    [BPF.ldx, 0, 0, PSAMPLE_ATTR_SAMPLE_GROUP],
    [BPF.ldAbs, 0, 0, ATTRIBUTE_AT],
    [BPF.jeq, 4, 0, 0],
    [BPF.tax, 0, 0, 0],
    [BPF.ldInd, 0, 0, 4],
    [BPF.and, 0, 0, swapped(~(count - 1) >>> 0)],
    [BPF.jeq, 1, 0, swapped(first)],
    [BPF.ret, 0, 0, 0],
    [BPF.ret, 0, 0, 0xffffffff],
  ];
}

/** Reads a message of psample; `undefined` where it is something else, or malformed. */
export function readSample(message: Uint8Array, { id }: PsampleFamily): Sample | undefined {
  if (message.length < GENLMSGHDR_END) return undefined;
  const view = viewOf(message);
  const end = Math.min(message.length, view.getUint32(0, true));
  if (view.getUint16(4, true) !== id) return undefined;
  const attributes = attributesOf(message.subarray(0, end));
  const [length, group, sequence] = [PSAMPLE_ATTR_ORIGSIZE, PSAMPLE_ATTR_SAMPLE_GROUP, PSAMPLE_ATTR_GROUP_SEQ].map((
    type,
  ) => numberOf(find(attributes, type)));
  const bytes = find(attributes, PSAMPLE_ATTR_DATA);
  if (length === undefined || group === undefined || sequence === undefined || !bytes) return undefined;
  const time = find(attributes, PSAMPLE_ATTR_TIMESTAMP);
  return {
    group,
    sequence,
    length,
    ...time?.length === 8 ? { timeNs: viewOf(time).getBigUint64(0, true) } : {},
    bytes,
  };
}

function attributesOf(message: Uint8Array): Attribute[] {
  try {
    return readAttributes(message, GENLMSGHDR_END);
  } catch (error) {
    if (error instanceof DecodeError) return [];
    throw error;
  }
}

function numberOf(value: Uint8Array | undefined): number | undefined {
  return value?.length === 4 ? viewOf(value).getUint32(0, true) : undefined;
}

function viewOf({ buffer, byteOffset, length }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, length);
}
