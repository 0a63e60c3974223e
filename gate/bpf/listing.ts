import { BPF, type Instruction } from "../../linux/bpf.ts";

const OPERATIONS: Readonly<Record<number, string>> = {
  0x00: "add",
  0x10: "sub",
  0x20: "mul",
  0x30: "div",
  0x40: "or",
  0x50: "and",
  0x60: "lsh",
  0x70: "rsh",
  0x80: "neg",
  0x90: "mod",
  0xa0: "xor",
};
const CONDITIONS: Readonly<Record<number, string>> = {
  [BPF.JEQ]: "jeq",
  [BPF.JGT]: "jgt",
  [BPF.JGE]: "jge",
  [BPF.JSET]: "jset",
};
/** What tcpdump prints in hexadecimal. */
const BITWISE = ["and", "or", "xor"];
const SUFFIXES: Readonly<Record<number, string>> = { [BPF.W]: "", [BPF.H]: "h", [BPF.B]: "b" };

/** A program as `tcpdump -d` prints it, a line an instruction. */
export function listing(program: readonly Instruction[]): string {
  return program.map((instruction, index) => {
    const { name, operand, leads = "" } = words(instruction, index);
    const text = leads === "" ? operand : `${operand.padEnd(16)} ${leads}`;
    return `(${String(index).padStart(3, "0")}) ${name.padEnd(8)} ${text}`.trimEnd();
  }).join("\n");
}

interface Words {
  name: string;
  operand: string;
  /** Where a condition leads. */
  leads?: string;
}

function words([code, ifSo, ifNot, value]: Instruction, index: number): Words {
  const operand = code & BPF.X ? "x" : `#0x${value.toString(16)}`;
  switch (code & 7) {
    case BPF.LD:
    case BPF.LDX:
      return loading(code, value);
    case BPF.ST:
      return { name: "st", operand: `M[${value}]` };
    case BPF.STX:
      return { name: "stx", operand: `M[${value}]` };
    case BPF.ALU: {
      const name = OPERATIONS[code & 0xf0] ?? "unimp";
      if (name === "neg") return { name, operand: "" };
      return { name, operand: code & BPF.X || BITWISE.includes(name) ? operand : `#${value}` };
    }
    case BPF.JMP:
      if ((code & 0xf0) === BPF.JA) return { name: "ja", operand: String(index + 1 + (value | 0)) };
      return {
        name: CONDITIONS[code & 0xf0] ?? "unimp",
        operand,
        leads: `jt ${index + 1 + ifSo}\tjf ${index + 1 + ifNot}`,
      };
    case BPF.RET:
      return { name: "ret", operand: `#${value}` };
  }
  return { name: (code & 0xf8) === BPF.TXA ? "txa" : "tax", operand: "" };
}

function loading(code: number, value: number): Words {
  const isX = (code & 7) === BPF.LDX;
  const base = isX ? "ldx" : "ld";
  switch (code & 0xe0) {
    case BPF.IMM:
      return { name: base, operand: `#0x${value.toString(16)}` };
    case BPF.MEM:
      return { name: base, operand: `M[${value}]` };
    case BPF.LEN:
      return { name: base, operand: "#pktlen" };
    case BPF.MSH:
      return { name: "ldxb", operand: `4*([${value}]&0xf)` };
    case BPF.IND:
      return { name: `ld${SUFFIXES[code & 0x18]}`, operand: `[x + ${value}]` };
  }
  return { name: `ld${SUFFIXES[code & 0x18]}`, operand: `[${value}]` };
}
