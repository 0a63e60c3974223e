import { bounded, TooLate } from "../run/clock.ts";
import type { Condition } from "../plan.ts";
import type { Look, LookScene } from "../step.ts";
import { conditionKind } from "./list.ts";

/** A condition, and where it is looked at. */
type Looked = LookScene & { condition: Condition };

/** Looks at a condition once. */
export async function lookNow(looked: Looked): Promise<Look> {
  const { condition, stage: { clock }, signal } = looked;
  const kind = conditionKind(condition);
  const timeoutMs = kind.timeoutMs?.(condition);
  if (timeoutMs === undefined) return await bounded(look(looked), { signal });
  return await lookUntil(clock.now() + timeoutMs, looked) ?? UNKNOWN;
}

/** Looks at a condition; nothing where that takes too long, as it may with a command. */
export async function lookUntil(deadline: number, { condition, ...scene }: Looked): Promise<Look | undefined> {
  const { stage: { clock }, signal } = scene;
  const late = new AbortController();
  const within = { ...scene, signal: AbortSignal.any([signal, late.signal]) };
  const looking = look({ ...within, condition });
  try {
    return await bounded(looking, { timeoutMs: Math.max(deadline - clock.now(), 0), signal, clock });
  } catch (error) {
    if (!(error instanceof TooLate)) throw error;
    late.abort(error);
    return await looking.then((look) => ({ ...look, isCut: true }), () => undefined);
  }
}

/** Looks where that is to be done, on this machine or another. */
async function look({ condition, host, stage, signal }: Looked): Promise<Look> {
  const there = stage.remotes?.look({ condition, host }, signal);
  return await (there ?? conditionKind(condition).look(condition, { host, stage, signal }));
}

/** What the last look has found, or one before it where the last was cut short. */
export function foundBy(look: Look | undefined, before: string): string {
  return !look || look.isCut && before !== UNKNOWN.found ? before : look.found;
}

/** What is said where a look has found nothing. */
export const UNKNOWN: Look = { holds: false, found: "that could not be found out" };
