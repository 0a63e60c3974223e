import * as v from "valibot";
import { HOLD_MS, ON, operation } from "../operation.ts";

/** `hold`: holds for a time, says when that has begun, and answers when it has ended and all has left. */
export const HOLD = operation({
  name: "hold",
  summary: "hold for forMs, say holding when it has begun, and answer what was held when it has ended",
  isLong: true,
  schema: v.strictObject({ ...ON, forMs: HOLD_MS, force: v.optional(v.boolean()) }),
  async run({ forMs, force: bypass, ...named }, { desk, signal, tell }) {
    const things = desk.find(named);
    const maxMs = Math.max(desk.maxHoldMs, forMs + GRACE_MS);
    await using hold = desk.group(things).hold({ maxMs, guardian: desk.guardian, exclusive: true, bypass });
    tell({ event: "holding", names: things.map(({ name }) => name) });
    const over = Promise.withResolvers<void>();
    const end = () => over.resolve();
    const timer = setTimeout(end, forMs);
    signal.addEventListener("abort", end, { once: true });
    using _watch = desk.watch(things, end);
    await over.promise;
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
    const { heldMs, cutShort, queues } = hold.release();
    return {
      heldMs,
      cutShort,
      queues: queues.map(({ packets, bytes, drops }, index) => ({ name: things[index].name, packets, bytes, drops })),
    };
  },
});

/** How much later than its end the guardian ends it. */
const GRACE_MS = 5000;
