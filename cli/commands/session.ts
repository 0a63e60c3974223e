import config from "../../deno.json" with { type: "json" };
import { type CutShortEvent, Desk } from "../../control/desk.ts";
import { readLines } from "../../linux/incoming.ts";
import { Session } from "../../control/session.ts";
import { DEFAULT_MAX_HOLD_MS } from "../../plug/hold.ts";
import type { Context } from "../context.ts";
import { interruptible, whenAborted } from "../exit_status.ts";
import { policyFor } from "../policy.ts";
import { namespaceOf } from "../targets.ts";
import { positiveDuration } from "../values.ts";

/** `plugctl session` */
export async function run(context: Context): Promise<void> {
  const askedMs = positiveDuration(context, "max-hold") ?? DEFAULT_MAX_HOLD_MS;
  const netns = namespaceOf(context);
  const policy = await policyFor(context);
  const maxHoldMs = Math.min(askedMs, policy?.maxHoldMs ?? Infinity);
  // What says how it has ended is loaded first: by then plugctl may have been replaced by another, or taken away.
  await import("../failure.ts");
  const over = Promise.withResolvers<never>();
  const say = (line: unknown) => {
    try {
      context.print(`${JSON.stringify(line)}\n`);
    } catch (error) {
      // Whoever asked reads no more, and is as good as gone.
      over.reject(error);
    }
  };
  const onCutShort = (event: CutShortEvent) => {
    session.tell(event);
    if (event.why === "guardian-ended") over.reject(new Error("Cannot go on: the guardian has ended"));
  };
  const desk = new Desk({ netns, maxHoldMs, policy, onCutShort });
  const session = new Session(desk, say);
  // That it is rejected is met below, also where that comes late.
  over.promise.catch(() => {});
  const failures: unknown[] = [];
  // A signal comes twice, once more when a plug that holds has been released: none may end this before all is put right.
  await interruptible(async (signal) => {
    try {
      desk.connect();
      session.greet({ version: config.version });
      await Promise.race([converse(session), over.promise, whenAborted(signal)]);
    } catch (error) {
      failures.push(error);
    }
    await session.close();
    failures.push(...await desk.close());
  });
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, "Several things failed");
}

/** Does what is asked, line by line, until there is no more. */
async function converse(session: Session): Promise<void> {
  for await (const line of readLines(Deno.stdin.readable)) await session.take(line);
}
