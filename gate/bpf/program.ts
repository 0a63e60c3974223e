import { BESIDE, BESIDE_BEGIN, BPF, type Instruction } from "../../linux/bpf.ts";

// Programs of classic BPF that tell whether a packet is meant, as libpcap makes them, and what is made of several.

/** The last of the words of scratch memory, which libpcap uses from the first on. */
const [SAVED_A, SAVED_X] = [15, 14];
/** Where the ether type stands, and where the tag of a VLAN is put. */
const TAG_AT = 12;
const TAG_LEN = 4;
const BEHIND_TAG = TAG_AT + TAG_LEN;
/** What a program returns for a packet that is meant: more than any packet has. */
const WHOLE = 0x40000;
/** How far a condition can jump. */
const JUMP_MAX = 255;

const SIZES: Readonly<Record<number, number>> = { [BPF.W]: 4, [BPF.H]: 2, [BPF.B]: 1 };

/** An instruction in the making, which knows where it goes on by what stands there. */
interface Step {
  code: number;
  value: number;
  /** Where a jump leads, and a condition if it is so. */
  ifSo?: Step;
  /** Where a condition leads if it is not so. */
  ifNot?: Step;
}

/** A program that the kernel cannot take. */
export class ProgramError extends Error {
  override name = "ProgramError";
}

/** A program in the making: its steps in their order; it ends where a packet is meant, or is not. */
export class Program {
  readonly #steps: readonly Step[];

  private constructor(steps: readonly Step[]) {
    this.#steps = steps;
  }

  /** @throws {ProgramError} where it has a loop, as `protochain` has, which the kernel takes from nobody */
  static from(instructions: readonly Instruction[]): Program {
    const steps: Step[] = instructions.map(([code, _ifSo, _ifNot, value]) => ({ code, value }));
    instructions.forEach(([code, ifSo, ifNot, value], index) => {
      if ((code & 7) !== BPF.JMP) return;
      const isPlain = (code & 0xf0) === BPF.JA;
      const leads = [isPlain ? value : ifSo, ifNot].map((by) => steps[index + 1 + by]);
      if (isPlain && !leads[0]) throw new ProgramError("it takes a loop, which the kernel does not allow");
      steps[index].ifSo = leads[0];
      if (isPlain) steps[index].value = 0;
      else steps[index].ifNot = leads[1];
    });
    return new Program(steps);
  }

  /** Whether it says of no packet that it is meant, whatever that is. */
  get isNone(): boolean {
    return this.#steps.every((step) => isEnd(step) && step.value === 0);
  }

  /** Those that are meant by this one, or by the other. */
  or(other: Program): Program {
    return this.#then(other, (isMeant) => !isMeant);
  }

  /** Those that are meant by both. */
  and(other: Program): Program {
    return this.#then(other, (isMeant) => isMeant);
  }

  /** Those that are not meant. */
  not(): Program {
    return new Program(copied(this.#steps, (step) => isEnd(step) ? [end(step.value === 0)] : [step]));
  }

  /** As this one, and where that is so, or is not so, the other decides. */
  #then(other: Program, goesOn: (isMeant: boolean) => boolean): Program {
    const next = copied(other.#steps, (step) => [step]);
    const jump = (): Step => ({ code: BPF.JMP | BPF.JA, value: 0, ifSo: next[0] });
    return new Program([
      ...copied(this.#steps, (step) => isEnd(step) && goesOn(step.value !== 0) ? [jump()] : [step]),
      ...next,
    ]);
  }

  /**
   * The same for packets whose VLAN tag the kernel keeps beside them: as if the tag stood where it does on the wire, as
   * that is what the words of tcpdump mean.
   *
   * @throws {ProgramError} where it loads from a place that it computes, and that may be in the tag
   */
  seeingTags(): Program {
    const plain = copied(this.#steps, (step) => [step]);
    const tagged = copied(this.#steps, (step) => behindTag(step));
    const ask: Step[] = [
      { code: BPF.LD | BPF.W | BPF.ABS, value: BESIDE.HAS_VLAN_TAG },
      { code: BPF.JMP | BPF.JEQ, value: 0, ifSo: plain[0], ifNot: tagged[0] },
    ];
    return new Program([...ask, ...plain, ...tagged]);
  }

  /**
   * The same, that says of a packet that ends before what it looks at that it is not meant. The kernel otherwise ends all
   * there, also what is asked besides.
   */
  withinPackets(): Program {
    const no = end(false);
    const known = knownLengths(this.#steps);
    const isKnown = (step: Step, load: Load) =>
      load.mode !== BPF.IND && step.value + load.size <= (known.get(step) ?? 0);
    const checked = copied(this.#steps, (step, before) => {
      const load = loadOf(step);
      return load && !isKnown(before, load) ? [...lengthChecks(step, { load, no }), step] : [step];
    });
    return new Program([...checked, no]);
  }

  /** The instructions. */
  instructions(): Instruction[] {
    const far = new Set<Step>();
    for (;;) {
      const places = new Map<Step, number>();
      let length = 0;
      for (const step of this.#steps) {
        places.set(step, length);
        length += far.has(step) ? 3 : 1;
      }
      const tooFar = this.#steps.filter((step) => step.ifNot && !far.has(step) && isTooFar(step, places));
      if (tooFar.length === 0) return this.#steps.flatMap((step) => written(step, { places, isFar: far.has(step) }));
      for (const step of tooFar) far.add(step);
    }
  }
}

function isEnd({ code }: Step): boolean {
  return (code & 7) === BPF.RET;
}

function end(isMeant: boolean): Step {
  return { code: BPF.RET | BPF.K, value: isMeant ? WHOLE : 0 };
}

/** Steps like these, each with what it becomes in its place; what led to it leads to the first of that. */
function copied(steps: readonly Step[], become: (step: Step, before: Step) => Step[]): Step[] {
  const made = steps.map((step) => become({ ...step }, step));
  const firsts = new Map(steps.map((step, index) => [step, made[index][0]]));
  for (const step of made.flat()) {
    if (step.ifSo) step.ifSo = firsts.get(step.ifSo) ?? step.ifSo;
    if (step.ifNot) step.ifNot = firsts.get(step.ifNot) ?? step.ifNot;
  }
  return made.flat();
}

function isTooFar(step: Step, places: ReadonlyMap<Step, number>): boolean {
  return [step.ifSo, step.ifNot].some((to) => distance(step, to, places) > JUMP_MAX);
}

function distance(from: Step, to: Step | undefined, places: ReadonlyMap<Step, number>): number {
  return to === undefined ? 0 : (places.get(to) ?? 0) - (places.get(from) ?? 0) - 1;
}

function written(
  step: Step,
  { places, isFar }: { places: ReadonlyMap<Step, number>; isFar: boolean },
): Instruction[] {
  const { code, value, ifSo, ifNot } = step;
  const [so, not] = [ifSo, ifNot].map((to) => distance(step, to, places));
  if (!ifSo) return [[code, 0, 0, value]];
  if (!ifNot) return [[code, 0, 0, so]];
  if (!isFar) return [[code, so, not, value]];
  return [[code, 0, 1, value], [BPF.JMP | BPF.JA, 0, 0, so - 1], [BPF.JMP | BPF.JA, 0, 0, not - 2]];
}

/** A load from the packet. */
interface Load {
  mode: number;
  size: number;
}

/** How long a packet is at least when a step is reached: as long as its header, and what was looked at before. */
function knownLengths(steps: readonly Step[]): Map<Step, number> {
  const known = new Map([[steps[0], TAG_AT]]);
  const lead = (to: Step | undefined, length: number) => {
    if (to) known.set(to, Math.min(known.get(to) ?? Infinity, length));
  };
  steps.forEach((step, index) => {
    const load = loadOf(step);
    const here = known.get(step) ?? Infinity;
    const then = load && load.mode !== BPF.IND ? Math.max(here, step.value + load.size) : here;
    if (step.ifSo) { for (const to of [step.ifSo, step.ifNot]) lead(to, then); }
    else if (!isEnd(step)) lead(steps[index + 1], then);
  });
  return known;
}

/** What is loaded from the packet: how, how many bytes, and from where; `undefined` where a step loads nothing from there. */
function loadOf({ code, value }: Step): Load | undefined {
  const mode = code & 0xe0;
  if ((code & 7) === BPF.LDX) return mode === BPF.MSH ? { mode, size: 1 } : undefined;
  if ((code & 7) !== BPF.LD || (mode !== BPF.ABS && mode !== BPF.IND)) return undefined;
  return mode === BPF.ABS && value >= BESIDE_BEGIN ? undefined : { mode, size: SIZES[code & 0x18] };
}

/** A step of a program for a packet in whose bytes its tag is missing. */
function behindTag(step: Step): Step[] {
  if (step.code === (BPF.LD | BPF.W | BPF.LEN)) return [step, compute(BPF.ADD, TAG_LEN)];
  if (step.code === (BPF.LDX | BPF.W | BPF.LEN)) return lengthInX();
  const load = loadOf(step);
  if (!load || load.mode === BPF.ABS && step.value + load.size <= TAG_AT) return [step];
  if (load.mode !== BPF.ABS && step.value < TAG_AT) {
    throw new ProgramError("it looks at a place that it computes from the beginning of the packet");
  }
  if (load.mode !== BPF.ABS || step.value >= BEHIND_TAG) return [{ ...step, value: step.value - TAG_LEN }];
  const bytes = Array.from({ length: load.size }, (_, index) => byteAt(step.value + index));
  if (load.size === 1) return bytes[0];
  if (load.size === 2 && step.value === TAG_AT) return [beside(BESIDE.VLAN_TPID)];
  if (load.size === 2 && step.value === TAG_AT + 2) return [beside(BESIDE.VLAN_TAG)];
  return joined(bytes);
}

/** Loads the length into X, and keeps what A has. */
function lengthInX(): Step[] {
  return [
    { code: BPF.ST, value: SAVED_A },
    { code: BPF.LD | BPF.W | BPF.LEN, value: 0 },
    compute(BPF.ADD, TAG_LEN),
    { code: BPF.MISC | BPF.TAX, value: 0 },
    { code: BPF.LD | BPF.MEM, value: SAVED_A },
  ];
}

function beside(value: number): Step {
  return { code: BPF.LD | BPF.W | BPF.ABS, value };
}

function compute(operation: number, value: number): Step {
  return { code: BPF.ALU | BPF.K | operation, value };
}

/** Loads a byte of the frame as it is on the wire. */
function byteAt(at: number): Step[] {
  if (at < TAG_AT || at >= BEHIND_TAG) {
    return [{ code: BPF.LD | BPF.B | BPF.ABS, value: at < TAG_AT ? at : at - TAG_LEN }];
  }
  const word = beside(at < TAG_AT + 2 ? BESIDE.VLAN_TPID : BESIDE.VLAN_TAG);
  return (at - TAG_AT) % 2 === 0 ? [word, compute(BPF.RSH, 8)] : [word, compute(BPF.AND, 0xff)];
}

/** Puts bytes together, the first of which is the highest. What X has is kept. */
function joined(bytes: readonly Step[][]): Step[] {
  const keep = [{ code: BPF.STX, value: SAVED_X }];
  const add = [
    { code: BPF.LDX | BPF.MEM, value: SAVED_A },
    { code: BPF.ALU | BPF.OR | BPF.X, value: 0 },
  ];
  const steps = bytes.flatMap((byte, index) => [
    ...byte,
    ...index + 1 < bytes.length ? [compute(BPF.LSH, 8 * (bytes.length - 1 - index))] : [],
    ...index === 0 ? [] : add,
    { code: BPF.ST, value: SAVED_A },
  ]);
  return [...keep, ...steps, { code: BPF.LDX | BPF.MEM, value: SAVED_X }];
}

/** What goes before a step that loads from the packet: where that ends before, it is not meant. */
function lengthChecks(step: Step, { load, no }: { load: Load; no: Step }): Step[] {
  const last = step.value + load.size;
  const length = { code: BPF.LD | BPF.W | BPF.LEN, value: 0 };
  if (load.mode === BPF.ABS) return [length, ...unless({ code: BPF.JMP | BPF.JGE, value: last }, no)];
  if (load.mode === BPF.MSH) {
    const back = { code: BPF.LD | BPF.MEM, value: SAVED_A };
    return [
      { code: BPF.ST, value: SAVED_A },
      length,
      ...unless({ code: BPF.JMP | BPF.JGE, value: last }, no),
      back,
    ];
  }
  const back = { code: BPF.LDX | BPF.MEM, value: SAVED_X };
  const tooLong = { code: BPF.JMP | BPF.JGT | BPF.X, value: 0, ifSo: no, ifNot: back };
  return [
    { code: BPF.STX, value: SAVED_X },
    { code: BPF.MISC | BPF.TXA, value: 0 },
    compute(BPF.ADD, last),
    { code: BPF.LDX | BPF.W | BPF.LEN, value: 0 },
    tooLong,
    back,
  ];
}

/** A condition without which all leads to `no`. */
function unless(condition: Pick<Step, "code" | "value">, no: Step): Step[] {
  // A jump by nothing, to what stands behind it.
  const on: Step = { code: BPF.JMP | BPF.JA, value: 0 };
  return [{ ...condition, ifSo: on, ifNot: no }, on];
}
