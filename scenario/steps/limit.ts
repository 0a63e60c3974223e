import * as v from "valibot";
import type { Step } from "../plan.ts";
import { QUEUES, queuesOf } from "../queue.ts";
import { check, mapping } from "../source/check.ts";
import { mistake } from "../source/context.ts";
import { SIZE } from "../source/scalar.ts";
import { follow } from "../source/tree.ts";
import type { StepKind } from "../step.ts";

/** Sets how much queues hold. */
export interface LimitStep extends Step {
  action: "limit";
  queues: readonly string[];
  limitBytes: number;
}

const SCHEMA = mapping(
  { gate: v.optional(QUEUES), plug: v.optional(QUEUES), size: SIZE },
  "a size for a gate or a plug: { gate: web, size: 4MiB }",
);

/** `limit: { gate: NAMES, plug: NAMES, size: SIZE }` */
export const LIMIT: StepKind<LimitStep> = {
  action: "limit",
  schema: SCHEMA,
  plan({ tree, label, context }) {
    const fields = check(SCHEMA, { tree, label }, context);
    if (!fields) return undefined;
    const named = (["gate", "plug"] as const).flatMap((kind) =>
      queuesOf(fields[kind] ?? [], { tree: follow(tree, [kind]), context, kind })
    );
    if (named.length > 0) return { queues: named, limitBytes: fields.size };
    mistake(tree, { what: "limit does not say of what", expected: "gate or plug, with a name" }, context);
  },
  describe: ({ queues, limitBytes }) => `limit ${queues.join(", ")} to ${limitBytes} bytes`,
  run({ queues, limitBytes }, { stage, details }) {
    details.asked = stage.queues.change(queues, { action: "limit", limitBytes });
  },
  queues: ({ queues }) => queues,
};
