import * as v from "valibot";
import { HOLD_MS, ON, operation } from "../operation.ts";

/** `buffer`: holds from here on; again, it ends the epoch and begins the next. */
export const BUFFER = operation({
  name: "buffer",
  summary: "hold packets from here on; again: end the epoch and begin the next",
  isShared: true,
  schema: v.strictObject({
    ...ON,
    maxMs: v.optional(HOLD_MS),
    orphan: v.optional(v.boolean()),
    force: v.optional(v.boolean()),
  }),
  run({ maxMs, orphan, force: bypass = false, ...named }, { desk }) {
    const things = desk.find(named);
    // That it can lock out is no reason to refuse: there is a deadline.
    desk.group(things).buffer({ force: true, bypass, orphan, maxHoldMs: maxMs });
    desk.heed(things);
    return things.map(({ name }) => ({ name, maxMs: maxMs ?? desk.maxHoldMs }));
  },
});
