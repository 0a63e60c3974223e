import type { FieldInput } from "../codec/encode.ts";
import { TCA_BPF_OPS, TCA_BPF_OPS_LEN } from "../codec/numbers.ts";
import { BPF, type Instruction, readInstructions, writeInstructions } from "../linux/bpf.ts";
import { attribute } from "./action.ts";

/**
 * How many bytes of text a filter keeps behind its program. The kernel keeps `TCA_BPF_NAME` of eBPF alone, and gives every
 * instruction back as it was given, those too to which nothing leads: it asks no more of them than that each is one, and
 * that the last ends the program.
 */
export const TEXT_MAX = 128;
/** `ld #N`, in which a text stands, four bytes each. */
const TEXT: number = BPF.LD | BPF.W | BPF.IMM;
const WORD_LEN = 4;
const END: Instruction = [BPF.RET | BPF.K, 0, 0, 0];

/** A program as attributes of a bpf filter, with a text behind it. */
export function programFields(program: readonly Instruction[], text: Uint8Array = new Uint8Array()): FieldInput[] {
  const whole = [...program, ...textInstructions(text)];
  return [
    { name: "OPS_LEN", attributeType: TCA_BPF_OPS_LEN, value: whole.length, length: 6 },
    attribute("OPS", TCA_BPF_OPS, writeInstructions(whole)),
  ];
}

function textInstructions(text: Uint8Array): Instruction[] {
  if (text.length === 0) return [];
  const bytes = new Uint8Array(Math.ceil(text.length / WORD_LEN) * WORD_LEN);
  bytes.set(text);
  const view = new DataView(bytes.buffer);
  const words = Array.from({ length: bytes.length / WORD_LEN }, (_, index) => view.getUint32(index * WORD_LEN));
  return [...words.map((word): Instruction => [TEXT, 0, 0, word]), END];
}

/** The program of a filter, and the text behind it; nothing of one of eBPF. */
export function readProgram(ops: Uint8Array | undefined): { program?: Instruction[]; text?: Uint8Array } {
  if (!ops) return {};
  const whole = readInstructions(ops);
  let begin = whole.length - 1;
  while (begin > 0 && whole[begin - 1][0] === TEXT) begin--;
  const words = whole.slice(begin, -1);
  if (words.length === 0) return { program: whole };
  const bytes = new Uint8Array(words.length * WORD_LEN);
  const view = new DataView(bytes.buffer);
  words.forEach(([, , , word], index) => view.setUint32(index * WORD_LEN, word));
  const length = bytes.findLastIndex((byte) => byte !== 0) + 1;
  return { program: whole.slice(0, begin), text: bytes.slice(0, length) };
}
