import * as v from "valibot";
import { parseHandle, parseParent } from "../../codec/handle.ts";
import { placeIn } from "../desk.ts";
import { LIMIT_BYTES, NETNS, operation, PLACE, TEXT } from "../operation.ts";

/** `attach`: creates a plug, which passes packets until it is told to hold them. */
export const ATTACH = operation({
  name: "attach",
  summary: "create a plug on a device; it passes packets, and is taken away at the end of the session",
  schema: v.strictObject({
    dev: TEXT,
    ...PLACE,
    ...NETNS,
    limitBytes: v.optional(LIMIT_BYTES),
    hold: v.optional(v.boolean()),
    replace: v.optional(v.boolean()),
  }),
  run({ parent, handle, ...options }, { desk }) {
    const place = {
      parent: parent === undefined ? undefined : parseParent(parent),
      handle: handle === undefined ? undefined : parseHandle(handle),
    };
    // That it can lock out is no reason to refuse: there is a deadline.
    const thing = desk.attach({ ...options, ...place, force: options.hold });
    if (options.hold) desk.heed([thing]);
    return { ...placeIn(thing), warnings: thing.plug.warnings };
  },
});
