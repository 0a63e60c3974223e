import type { CutShort, Hold, HoldDisturbance } from "../../plug/hold.ts";
import type { Condition } from "../values.ts";
import type { Child } from "./child.ts";
import type { HoldOwner } from "./hold_owner.ts";
import type { HoldPlan } from "./hold_plan.ts";
import { whenAborted } from "../exit_status.ts";

/**
 * What has ended a hold: the command's end, `--for`, `--until`, its owner's word; or its guardian, at the end of its lease,
 * by another release or by its own end; others.
 */
export type HoldEnd = "command" | "for" | "until" | "owner" | "lease" | CutShort | "gone";

/** What may end a hold. */
export interface Waiting {
  plan: HoldPlan;
  owner?: HoldOwner;
  child?: Child;
  /** Ends the waiting, with its reason. */
  signal: AbortSignal;
}

/** The time between two looks at the counters, in milliseconds. */
const PAUSE_MS = 1;

/**
 * Waits for whatever comes first of all that may end a hold.
 *
 * @throws {QueueError} `vanished` where `--until` is to be looked for and a plug is gone
 */
export async function holdEnd(hold: Hold, waiting: Waiting): Promise<HoldEnd> {
  const { plan: { forMs, until }, owner, child, signal } = waiting;
  const over = new AbortController();
  const waits: Promise<HoldEnd>[] = [cutShort(hold, until), whenAborted(signal)];
  if (owner) waits.push(owner.released().then(() => "owner"));
  if (child) waits.push(child.status.then(() => "command"));
  if (forMs !== undefined) waits.push(sleep(forMs - hold.elapsedMs, over.signal).then(() => "for"));
  if (until) waits.push(whenSo(() => until.isMet(hold.counts()), over.signal).then(() => "until"));
  try {
    return await Promise.race(waits);
  } finally {
    over.abort();
  }
}

/** Waits until it is cut short; that others release some of it is no such thing where that is what is waited for. */
async function cutShort(hold: Hold, until: Condition | undefined): Promise<HoldEnd> {
  const end = await hold.whenCutShort();
  if (end !== "disturbed" || !isExpected(hold.disturbance, until)) return end;
  return await new Promise(() => {});
}

/** Whether what others did is what `--until` waits for. */
export function isExpected(disturbance: HoldDisturbance | undefined, until: Condition | undefined): boolean {
  return disturbance?.what === "released" && until?.isAboutReleases === true;
}

/** Resolves after a time, or at once when `over` is aborted. */
async function sleep(milliseconds: number, over: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, Math.max(milliseconds, 0));
  over.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  await promise;
}

async function whenSo(isSo: () => boolean, over: AbortSignal): Promise<void> {
  while (!over.aborted && !isSo()) await sleep(PAUSE_MS, over);
}
