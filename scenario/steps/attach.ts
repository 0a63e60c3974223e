import * as v from "valibot";
import type { PlannedGate, PlannedPlug, PlannedQueue, Step } from "../plan.ts";
import { describeQueue, GATE_ENTRIES, GATE_NAME, gateOf, PLUG_ENTRIES, plugOf } from "../queue.ts";
import { check, mapping } from "../source/check.ts";
import { mistake, nameIn } from "../source/context.ts";
import { NAME } from "../source/scalar.ts";
import { keyPlace, valueAt } from "../source/tree.ts";
import type { StepKind, Written } from "../step.ts";

/** Makes a gate or a plug. */
export interface AttachStep extends Step {
  action: "attach";
  queue: PlannedQueue;
}

const GATE = mapping({ gate: GATE_NAME, ...GATE_ENTRIES }, "a gate: { gate: web, dev: lo, direction: egress }");
const PLUG = mapping({ plug: NAME, ...PLUG_ENTRIES }, "a plug: { plug: up, dev: eth0 }");

/** `attach: { gate: NAME, … }`, `attach: { plug: NAME, … }` */
export const ATTACH: StepKind<AttachStep> = {
  action: "attach",
  schema: v.union([GATE, PLUG]),
  plan(written) {
    const { tree, context } = written;
    const kind = (["gate", "plug"] as const).find((key) => valueAt(tree, key));
    if (!kind) {
      const expected = "a gate, { gate: web, dev: lo, direction: egress }, or a plug, { plug: up, dev: eth0 }";
      return mistake(tree, { what: "attach does not say what", expected }, context);
    }
    const queue = kind === "gate" ? gateIn(written) : plugIn(written);
    if (queue) return { queue, host: queue.host };
    // Who refers to it is not blamed as well.
    const name = nameIn(tree, kind);
    if (name === undefined) context.unnamed.add("queue");
    else context.queues.set(name, context.queues.get(name) ?? kind);
  },
  describe: ({ queue }) => `attach ${describeQueue(queue)}`,
  run({ queue }, { stage: { queues }, details }) {
    details.notes = queues.attach(queue);
  },
  isOnHost: () => true,
  queues: ({ queue }) => [queue.name],
  makes: ({ queue }) => queue,
};

function gateIn({ tree, given, context }: Written): PlannedGate | undefined {
  const fields = check(GATE, { tree, label: "attach" }, context);
  return fields && gateOf(fields, { name: fields.gate, place: keyPlace(tree, ["gate"]), tree, given }, context);
}

function plugIn({ tree, given, context }: Written): PlannedPlug | undefined {
  const fields = check(PLUG, { tree, label: "attach" }, context);
  return fields && plugOf(fields, { name: fields.plug, place: keyPlace(tree, ["plug"]), tree, given }, context);
}
