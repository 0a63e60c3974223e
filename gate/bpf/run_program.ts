import { BESIDE, BPF, type Instruction } from "../../linux/bpf.ts";

/** A packet as the kernel has it. */
export interface RawPacket {
  /** Its bytes from the link header on, or the first of them. */
  bytes: Uint8Array;
  /** How long it is, where these are not all. */
  length?: number;
  /** The VLAN tag that is kept beside the bytes: its ether type and 16 bits; 0 where there is none. */
  tag?: number;
  /** `skb->mark`, as far as that is known. */
  mark?: number;
}

const WORDS = 16;

/** Whether a packet is meant by a program of classic BPF, as the kernel would find. */
export function runProgram(program: readonly Instruction[], packet: RawPacket): boolean {
  const memory = new Uint32Array(WORDS);
  const { length = packet.bytes.length } = packet;
  let [a, x] = [0, 0];
  for (let at = 0; at < program.length; at++) {
    const [code, ifSo, ifNot, value] = program[at];
    const operand = code & BPF.X ? x : value;
    switch (code & 7) {
      case BPF.LD:
      case BPF.LDX: {
        const loaded = load(code, { value, x, memory, length, packet });
        if (loaded === undefined) return false;
        if ((code & 7) === BPF.LD) a = loaded;
        else x = loaded;
        break;
      }
      case BPF.ST:
        memory[value] = a;
        break;
      case BPF.STX:
        memory[value] = x;
        break;
      case BPF.ALU: {
        const result = compute(code & 0xf0, a, operand);
        if (result === undefined) return false;
        a = result;
        break;
      }
      case BPF.JMP:
        if ((code & 0xf0) === BPF.JA) at += value;
        else at += isSo(code & 0xf0, a, operand) ? ifSo : ifNot;
        break;
      case BPF.RET:
        return value !== 0;
      case BPF.MISC:
        if ((code & 0xf8) === BPF.TXA) a = x;
        else x = a;
    }
  }
  return false;
}

interface Loading {
  value: number;
  x: number;
  memory: Uint32Array;
  length: number;
  packet: RawPacket;
}

function load(code: number, { value, x, memory, length, packet }: Loading): number | undefined {
  const { bytes } = packet;
  switch (code & 0xe0) {
    case BPF.IMM:
      return value;
    case BPF.MEM:
      return memory[value];
    case BPF.LEN:
      return length;
    case BPF.MSH:
      return value < bytes.length ? 4 * (bytes[value] & 0xf) : undefined;
    case BPF.IND:
      return bytesAt(bytes, value + x >>> 0, sizeOf(code));
  }
  return beside(value, packet) ?? bytesAt(bytes, value, sizeOf(code));
}

function sizeOf(code: number): number {
  return (code & 0x18) === BPF.W ? 4 : (code & 0x18) === BPF.H ? 2 : 1;
}

function bytesAt(bytes: Uint8Array, at: number, size: number): number | undefined {
  if (at + size > bytes.length) return undefined;
  let value = 0;
  for (let index = 0; index < size; index++) value = value * 256 + bytes[at + index];
  return value;
}

function beside(place: number, { tag = 0, mark = 0 }: RawPacket): number | undefined {
  switch (place) {
    case BESIDE.HAS_VLAN_TAG:
      return tag === 0 ? 0 : 1;
    case BESIDE.VLAN_TAG:
      return tag & 0xffff;
    case BESIDE.VLAN_TPID:
      return tag >>> 16;
    case BESIDE.MARK:
      return mark;
  }
}

/** `BPF_ADD` and so on of 32 bits; by 0 nothing can be divided. */
function compute(operation: number, a: number, operand: number): number | undefined {
  switch (operation) {
    case 0x00:
      return a + operand >>> 0;
    case 0x10:
      return a - operand >>> 0;
    case 0x20:
      return Math.imul(a, operand) >>> 0;
    case 0x30:
      return operand === 0 ? undefined : Math.floor(a / operand);
    case 0x40:
      return (a | operand) >>> 0;
    case 0x50:
      return (a & operand) >>> 0;
    case 0x60:
      return operand > 31 ? 0 : a << operand >>> 0;
    case 0x70:
      return operand > 31 ? 0 : a >>> operand;
    case 0x80:
      return -a >>> 0;
    case 0x90:
      return operand === 0 ? undefined : a % operand;
    case 0xa0:
      return (a ^ operand) >>> 0;
  }
}

function isSo(condition: number, a: number, operand: number): boolean {
  switch (condition) {
    case BPF.JEQ:
      return a === operand;
    case BPF.JGT:
      return a > operand;
    case BPF.JGE:
      return a >= operand;
  }
  return (a & operand) !== 0;
}
