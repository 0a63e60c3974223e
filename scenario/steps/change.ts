import { removalRemarks } from "../../plug/detach_report.ts";
import type { Step } from "../plan.ts";
import { QUEUES, queuesOf } from "../queue.ts";
import { check } from "../source/check.ts";
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

/** `release: NAMES` */
export const RELEASE: StepKind<ChangeStep> = {
  ...CHANGE,
  action: "release-indefinite",
  words: ["release", "release-indefinite", "release_indefinite"],
  describe: ({ queues }) => `release ${queues.join(", ")}`,
  run: ({ queues }, scene) => letGo(queues, "release-indefinite", scene),
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
