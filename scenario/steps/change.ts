import type * as v from "valibot";
import { PACKETS_MAX } from "../../plug/release.ts";
import { numberOf } from "../../plug/quantity.ts";
import { removalRemarks } from "../../plug/detach_report.ts";
import type { Step } from "../plan.ts";
import { QUEUES, queuesOf } from "../queue.ts";
import { byKind, check, mapping } from "../source/check.ts";
import { wholeNumber } from "../source/scalar.ts";
import { follow } from "../source/tree.ts";
import type { Own, Scene, StepKind, Written } from "../step.ts";

/** Does something to gates and plugs: to all of them in one send a host. */
export interface ChangeStep extends Step {
  action: "detach" | "buffer" | "release-one" | "release-indefinite";
  queues: readonly string[];
}

/** What these kinds have alike. */
const CHANGE = {
  schema: QUEUES,
  plan({ tree, label, context }: Written): Own<ChangeStep> | undefined {
    const queues = check(QUEUES, { tree, label }, context);
    return queues && { queues: queuesOf(queues, { tree, context }) };
  },
  queues: ({ queues }: ChangeStep) => queues,
};

/** `buffer: NAMES` */
export const BUFFER: StepKind<ChangeStep> = {
  ...CHANGE,
  action: "buffer",
  words: ["buffer", "block"],
  describe: ({ queues }) => `buffer ${queues.join(", ")}`,
  run({ queues }, { stage, details }) {
    details.asked = stage.queues.change(queues, { action: "buffer" });
    const notes = stage.queues.newlyBypassed(queues);
    if (notes.length > 0) details.notes = notes;
  },
};

const RELEASE_EXPECTED = "the name of a gate or a plug, a list of them, or { gate: web, packets: 3 }";
const PACKETS = mapping({ gate: QUEUES, packets: wholeNumber(1, PACKETS_MAX) }, RELEASE_EXPECTED);
type Released = v.InferOutput<typeof QUEUES> | v.InferOutput<typeof PACKETS>;
const RELEASED = byKind<Released>({ scalar: QUEUES, list: QUEUES, mapping: PACKETS }, RELEASE_EXPECTED);

/** Releases everything, or the oldest packets of gates. */
export interface ReleaseStep extends ChangeStep {
  action: "release-indefinite";
  packets?: number;
}

/** `release: NAMES`, `release: { gate: NAMES, packets: N }` */
export const RELEASE: StepKind<ReleaseStep> = {
  ...CHANGE,
  action: "release-indefinite",
  words: ["release", "release-indefinite", "release_indefinite"],
  schema: RELEASED,
  plan({ tree, label, context }) {
    const fields = check(RELEASED, { tree, label }, context);
    if (!fields) return undefined;
    if (!("packets" in fields)) return { queues: queuesOf(fields, { tree, context }) };
    const queues = queuesOf(fields.gate, { tree: follow(tree, ["gate"]), context, kind: "gate" });
    return { queues, packets: fields.packets };
  },
  describe: ({ queues, packets }) =>
    `release ${packets === undefined ? "" : `${numberOf(packets, "packet")} of `}${queues.join(", ")}`,
  async run({ queues, packets }, scene) {
    if (packets === undefined) return await letGo(queues, "release-indefinite", scene);
    const { stage, details } = scene;
    const { asked, notes } = await stage.queues.releasePackets(queues, packets);
    details.asked = asked;
    if (notes.length > 0) details.notes = notes;
  },
};

/** `release-one: NAMES` */
export const RELEASE_ONE: StepKind<ChangeStep> = {
  ...CHANGE,
  action: "release-one",
  describe: ({ queues }) => `release one epoch of ${queues.join(", ")}`,
  run: ({ queues }, scene) => letGo(queues, "release-one", scene),
};

/** Releases, and returns once the packets have left. */
async function letGo(
  queues: readonly string[],
  action: "release-one" | "release-indefinite",
  { stage, signal, nextDue, details }: Scene,
): Promise<void> {
  const before = stage.queues.peek(queues);
  details.asked = stage.queues.change(queues, { action });
  const heldBefore = action === "release-one"
    ? before.reduce((sum, stats) => sum + (stats?.backlogPackets ?? 0), 0)
    : undefined;
  await stage.queues.settled(queues, { heldBefore, signal, latest: nextDue });
  if (action === "release-one") details.notes = stage.queues.notReleased(queues, before);
}

/** `detach: NAMES` */
export const DETACH: StepKind<ChangeStep> = {
  ...CHANGE,
  action: "detach",
  describe: ({ queues }) => `detach ${queues.join(", ")}`,
  async run({ queues }, { stage, signal, details }) {
    for (const name of queues) {
      const remarks = removalRemarks(name, await stage.queues.detach(name, { signal }));
      if (remarks.length > 0) details.notes = [...details.notes ?? [], ...remarks];
    }
  },
};
