// Mutated messages by the million, shown to both decoders.
import { FAMILY } from "./bytes.ts";
import { CAPTURED } from "./captured.ts";
import { disagreement, outcomes } from "./differential.ts";
import { attributeOffsets, type Base, mutate } from "./mutate.ts";
import { Random } from "./random.ts";

/** How many messages, from which seed on. */
export interface FuzzOptions {
  count: number;
  seed: number;
}

/** What went wrong, where it did: the message, to be tried again, and how both decoders see it. */
export interface Finding {
  hex: string;
  what: string;
}

/** Mutates `count` messages and shows them to both decoders. Returns what they first disagree about. */
export function fuzz({ count, seed }: FuzzOptions): Finding | undefined {
  const random = new Random(seed);
  const bases: Base[] = [...CAPTURED, ...Object.values(FAMILY)].map((bytes) => ({
    bytes,
    attributes: attributeOffsets(bytes),
  }));
  for (let index = 0; index < count; index++) {
    const bytes = mutate(random.pick(bases), random);
    const what = tried(bytes);
    if (what) return { hex: bytes.toHex(), what };
  }
  return undefined;
}

/** How long one message may take, in milliseconds. */
const MOST_MS = 1;

/** A trap of the module, too, is something to report with the bytes that led there. */
function tried(bytes: Uint8Array): string | undefined {
  try {
    const from = performance.now();
    const found = disagreement(bytes);
    return found ?? (performance.now() - from > MOST_MS ? slowness(bytes) : undefined);
  } catch (error) {
    return `${error}`;
  }
}

/** Whether it is the message that takes long, or the machine that did something else: then some repetition is fast. */
function slowness(bytes: Uint8Array): string | undefined {
  let fastest = Infinity;
  for (let repetition = 0; repetition < 1000 && fastest > MOST_MS; repetition++) {
    const from = performance.now();
    outcomes(bytes);
    fastest = Math.min(fastest, performance.now() - from);
  }
  return fastest > MOST_MS ? `it takes ${fastest} ms` : undefined;
}
