import * as v from "valibot";
import { LIMIT_BYTES, NETNS, ONE_OR_MORE, operation, TEXT } from "../operation.ts";

const DIRECTIONS = ["in", "out", "both", "ingress", "egress"] as const;

/** `gate-add`: makes a gate, which passes packets until it is told to hold them. */
export const GATE_ADD = operation({
  name: "gate-add",
  summary: "make a gate, which holds only the packets meant; it is taken away at the end of the session",
  schema: v.strictObject({
    name: v.optional(TEXT),
    dev: ONE_OR_MORE,
    direction: v.picklist(DIRECTIONS, "in, out or both"),
    match: v.optional(ONE_OR_MORE),
    ...NETNS,
    limitBytes: v.optional(LIMIT_BYTES),
    priority: v.optional(v.pipe(v.number(), v.integer("a whole number"))),
    hold: v.optional(v.boolean()),
    replace: v.optional(v.boolean()),
    force: v.optional(v.boolean()),
  }),
  run({ dev, direction, ...options }, { desk }) {
    const gate = desk.addGate({ ...options, direction, devs: dev });
    if (options.hold) desk.heed([gate]);
    const { name, made, plug } = gate.gate;
    return { name, made, warnings: plug.warnings };
  },
});
