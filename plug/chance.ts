import type { FieldInput } from "../codec/encode.ts";
import {
  TC_ACT_PIPE,
  TC_ACT_UNSPEC,
  TCA_ACT_KIND,
  TCA_ACT_OPTIONS,
  TCA_GACT_PARMS,
  TCA_GACT_PROB,
} from "../codec/numbers.ts";
import { type Action, attribute, nest, type OneIn, words } from "./action.ts";

/** Which of the packets that a gate means it gets: every Nth, or each with a probability. */
export interface Chance {
  /** Every Nth, from 2 to 65,535. */
  every?: number;
  /** The part of them, above 0 and below 1, chosen at random. */
  probability?: number;
}

/** The most that the kernel counts to. */
const COUNT_MAX = 0xffff;
/** `PGACT_NETRAND` and `PGACT_DETERM` of `linux/tc_act/tc_gact.h` */
const [AT_RANDOM, IN_TURN] = [1, 2];
/** By how much of itself a probability may be missed, and in how many steps. */
const TOLERANCE = 1e-4;
const STEPS_MAX = 4;
/** The numbers of these actions: "PL", then the gate's device, so that all its filters have the same, and count together. */
const FIRST_INDEX = 0x504c0000;

/** @throws {RangeError} where a number is out of its range, or both are given */
export function checkChance({ every, probability }: Chance): void {
  if (every !== undefined && probability !== undefined) {
    throw new RangeError("a gate takes every or probability, not both");
  }
  if (every !== undefined && !(Number.isInteger(every) && every >= 2 && every <= COUNT_MAX)) {
    throw new RangeError(`every is ${every}, must be a whole number from 2 to ${COUNT_MAX}`);
  }
  if (probability !== undefined && !(probability >= 1 / COUNT_MAX && probability < 1)) {
    throw new RangeError(`probability is ${probability}, must be from ${(1 / COUNT_MAX).toPrecision(2)} to below 1`);
  }
}

/**
 * The part that a text means: `5%`, or `0.05`.
 *
 * @throws {SyntaxError} where it is none; the range is checked with the rest
 */
export function parseProbability(text: string): number {
  if (!/^[0-9]*\.?[0-9]+%?$/.test(text)) {
    throw new SyntaxError(`invalid probability ${JSON.stringify(text)}: use a part such as 0.05, or 5%`);
  }
  return text.endsWith("%") ? Number(text.slice(0, -1)) / 100 : Number(text);
}

/** What stands in words before what a gate means: `every 10th of`. */
export function chanceText({ every, probability }: Chance): string {
  if (every !== undefined) return `every ${every}${ordinal(every)} of `;
  return probability === undefined ? "" : `${Number((100 * probability).toPrecision(6))}% at random of `;
}

function ordinal(number: number): string {
  const isTeen = number % 100 >= 11 && number % 100 <= 13;
  return isTeen ? "th" : ["th", "st", "nd", "rd"][number % 10] ?? "th";
}

/** The actions of a filter before the one that leads to the gate's device: what they do not choose goes on as if there were no gate. */
export function chanceActions(chance: Chance, ifindex: number): FieldInput[][] {
  return stepsOf(chance).map((step, index) => chanceAction(step, (FIRST_INDEX + STEPS_MAX * ifindex + index) >>> 0));
}

function stepsOf({ every, probability }: Chance): OneIn[] {
  if (every !== undefined) return [{ type: IN_TURN, one: every, isChosen: true }];
  if (probability === undefined) return [];
  // One in so many first, and of these all but one in so many, until it is near enough.
  const one = Math.min(Math.floor(1 / probability + TOLERANCE), COUNT_MAX);
  const steps: OneIn[] = one > 1 ? [{ type: AT_RANDOM, one, isChosen: true }] : [];
  let left = probability * one;
  while (steps.length < STEPS_MAX && 1 - left > TOLERANCE) {
    const out = Math.min(Math.ceil(1 / (1 - left) - TOLERANCE), COUNT_MAX);
    steps.push({ type: AT_RANDOM, one: out, isChosen: false });
    left /= 1 - 1 / out;
  }
  return steps;
}

/** `gact` with `struct tc_gact` and `struct tc_gact_p`: what becomes of packets, and of one in so many. */
function chanceAction({ type, one, isChosen }: OneIn, index: number): FieldInput[] {
  const [others, chosen] = isChosen ? [TC_ACT_UNSPEC, TC_ACT_PIPE] : [TC_ACT_PIPE, TC_ACT_UNSPEC];
  const probability = new Uint8Array(8);
  const view = new DataView(probability.buffer);
  view.setUint16(0, type, true);
  view.setUint16(2, one, true);
  view.setInt32(4, chosen | 0, true);
  return [
    attribute("KIND", TCA_ACT_KIND, "gact"),
    nest("OPTIONS", TCA_ACT_OPTIONS, [
      nest("PARMS", TCA_GACT_PARMS, words({ index, capab: 0, action: others >>> 0, refcnt: 0, bindcnt: 0 })),
      attribute("PROB", TCA_GACT_PROB, probability),
    ]),
  ];
}

/** Those of a filter's actions that choose, as they are given again where it is replaced: they stay as they are. */
export function sameChance(actions: readonly Action[]): FieldInput[][] {
  return actions.flatMap(({ chance, index = 0 }) => chance ? [chanceAction(chance, index)] : []);
}
