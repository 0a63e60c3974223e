/** An instruction of classic BPF, `struct sock_filter`: code, where to go on if it is so and if not, and a value. */
export type Instruction = readonly [code: number, ifSo: number, ifNot: number, value: number];

const INSTRUCTION_LEN = 8;

/** Reads instructions as the kernel has them. */
export function readInstructions(bytes: Uint8Array): Instruction[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: Math.floor(bytes.length / INSTRUCTION_LEN) }, (_, index) => {
    const at = index * INSTRUCTION_LEN;
    return [view.getUint16(at, true), bytes[at + 2], bytes[at + 3], view.getUint32(at + 4, true)] as const;
  });
}

/** Writes instructions as the kernel takes them. */
export function writeInstructions(program: readonly Instruction[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(program.length * INSTRUCTION_LEN);
  const view = new DataView(bytes.buffer);
  program.forEach(([code, ifSo, ifNot, value], index) => {
    const at = index * INSTRUCTION_LEN;
    view.setUint16(at, code, true);
    view.setUint8(at + 2, ifSo);
    view.setUint8(at + 3, ifNot);
    view.setUint32(at + 4, value, true);
  });
  return bytes;
}

/** `BPF_*` of `linux/bpf_common.h`: the kinds of instructions, the sizes and the places of what is loaded, and what is done. */
export const BPF = {
  LD: 0,
  LDX: 1,
  ST: 2,
  STX: 3,
  ALU: 4,
  JMP: 5,
  RET: 6,
  MISC: 7,
  W: 0,
  H: 8,
  B: 0x10,
  IMM: 0,
  ABS: 0x20,
  IND: 0x40,
  MEM: 0x60,
  LEN: 0x80,
  MSH: 0xa0,
  ADD: 0,
  OR: 0x40,
  AND: 0x50,
  LSH: 0x60,
  RSH: 0x70,
  JA: 0,
  JEQ: 0x10,
  JGT: 0x20,
  JGE: 0x30,
  JSET: 0x40,
  K: 0,
  X: 8,
  TAX: 0,
  TXA: 0x80,
} as const;

/** `SKF_AD_*` of `linux/filter.h`: what the kernel has of a packet beside its bytes, as places to load from. */
export const BESIDE = {
  PACKET_TYPE: 0xfffff004,
  MARK: 0xfffff014,
  VLAN_TAG: 0xfffff02c,
  HAS_VLAN_TAG: 0xfffff030,
  VLAN_TPID: 0xfffff03c,
} as const;
/** The first of these places, and of others of the kind. */
export const BESIDE_BEGIN = 0xfffff000;
