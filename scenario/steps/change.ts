import * as v from "valibot";
import type { PaceOptions } from "../../plug/pace.ts";
import { formatDuration, numberOf, PACKETS_MAX, parseRate } from "../../plug/quantity.ts";
import { removalRemarks } from "../../plug/detach_report.ts";
import type { Step } from "../plan.ts";
import { QUEUES, queuesOf } from "../queue.ts";
import { byKind, check, mapping, parsed } from "../source/check.ts";
import { mistake } from "../source/context.ts";
import { DURATION, wholeNumber } from "../source/scalar.ts";
import { follow } from "../source/tree.ts";
import type { Own, Scene, StepKind, Written } from "../step.ts";

/** Does something to gates and plugs: to all of them in one send a host. */
export interface ChangeStep extends Step {
  action: "detach" | "buffer" | "release-one" | "release-packets" | "release-indefinite" | "discard";
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
const RATE_EXPECTED = "packets in a time, up to 1000000/s: 100/s";
const PACKETS = mapping({
  gate: QUEUES,
  packets: v.optional(wholeNumber(1, PACKETS_MAX)),
  rate: v.optional(parsed(v.string(RATE_EXPECTED), { parse: parseRate, expected: RATE_EXPECTED })),
  over: v.optional(DURATION),
}, RELEASE_EXPECTED);
const HOW_EXPECTED = "one of packets, rate and over beside the gate: { gate: web, over: 2s }";
type Released = v.InferOutput<typeof QUEUES> | v.InferOutput<typeof PACKETS>;
const RELEASED = byKind<Released>({ scalar: QUEUES, list: QUEUES, mapping: PACKETS }, RELEASE_EXPECTED);

/** Releases everything, or the oldest packets of gates. */
export interface ReleaseStep extends ChangeStep {
  action: "release-indefinite" | "release-packets";
  packets?: number;
  /** How fast, where they leave step by step. */
  pace?: Pick<PaceOptions, "packetsPerSecond" | "overMs">;
}

/** `release: NAMES`, `release: { gate: NAMES, packets: N }`, or with `rate: RATE` or `over: DURATION` */
export const RELEASE: StepKind<ReleaseStep> = {
  ...CHANGE,
  action: "release-indefinite",
  words: ["release", "release-indefinite", "release_indefinite"],
  schema: RELEASED,
  plan({ tree, label, context }) {
    const fields = check(RELEASED, { tree, label }, context);
    if (!fields) return undefined;
    if (!("gate" in fields)) return { queues: queuesOf(fields, { tree, context }) };
    const { gate, packets, rate: packetsPerSecond, over: overMs } = fields;
    const queues = queuesOf(gate, { tree: follow(tree, ["gate"]), context, kind: "gate" });
    const given = [packets, packetsPerSecond, overMs].filter((value) => value !== undefined);
    if (given.length !== 1 || overMs === 0) {
      mistake(tree, { what: `release has ${given.length} of these`, expected: HOW_EXPECTED }, context);
      return undefined;
    }
    if (packets !== undefined) return { action: RELEASE_PACKETS.action, queues, packets };
    return { queues, pace: { packetsPerSecond, overMs } };
  },
  describe({ queues, packets, pace }) {
    const how = pace?.packetsPerSecond === undefined ? "" : `, ${pace.packetsPerSecond} packets a second`;
    const over = pace?.overMs === undefined ? "" : ` over ${formatDuration(pace.overMs)}`;
    return `release ${packets === undefined ? "" : `${numberOf(packets, "packet")} of `}${
      queues.join(", ")
    }${how}${over}`;
  },
  async run({ queues, packets, pace }, scene) {
    if (packets === undefined && !pace) return await letGo(queues, "release-indefinite", scene);
    const { stage, details, signal } = scene;
    const departures = stage.packets?.noteDepartures(queues);
    const { asked, notes } = await stage.queues.releaseSome(queues, { packets, pace: pace && { ...pace, signal } });
    details.asked = asked;
    details.left = departures?.end(asked);
    if (notes.length > 0) details.notes = notes;
  },
};

/** What `release` with `packets` is told as: the gate goes on holding. */
export const RELEASE_PACKETS: StepKind<ReleaseStep> = { ...RELEASE, action: "release-packets", words: [] };

/** `release-one: NAMES` */
export const RELEASE_ONE: StepKind<ChangeStep> = {
  ...CHANGE,
  action: "release-one",
  describe: ({ queues }) => `release one epoch of ${queues.join(", ")}`,
  run: ({ queues }, scene) => letGo(queues, "release-one", scene),
};

/** `discard: NAMES` */
export const DISCARD: StepKind<ChangeStep> = {
  ...CHANGE,
  action: "discard",
  describe: ({ queues }) => `discard what ${queues.join(", ")} ${queues.length === 1 ? "holds" : "hold"}`,
  async run({ queues }, { stage, details }) {
    const { asked, notes } = await stage.queues.releaseSome(queues, { discard: true });
    details.asked = asked;
    details.notes = notes;
  },
};

/** Releases, and returns once the packets have left. */
async function letGo(
  queues: readonly string[],
  action: "release-one" | "release-indefinite",
  { stage, signal, nextDue, details }: Scene,
): Promise<void> {
  const departures = stage.packets?.noteDepartures(queues);
  const before = stage.queues.peek(queues);
  const asked = stage.queues.change(queues, { action });
  details.asked = asked;
  const heldBefore = action === "release-one"
    ? before.reduce((sum, stats) => sum + (stats?.backlogPackets ?? 0), 0)
    : undefined;
  await stage.queues.settled(queues, { heldBefore, signal, latest: nextDue });
  details.left = departures?.end(asked);
  if (action === "release-one") details.notes = stage.queues.notReleased(queues, before);
}

const DETACH_EXPECTED = "the name of a gate or a plug, a list of them, or { gate: web, drop: true }";
const DROPPING = mapping({
  gate: v.optional(QUEUES),
  plug: v.optional(QUEUES),
  drop: v.optional(v.boolean("true or false"), false),
}, DETACH_EXPECTED);
type Detached = v.InferOutput<typeof QUEUES> | v.InferOutput<typeof DROPPING>;
const DETACHED = byKind<Detached>({ scalar: QUEUES, list: QUEUES, mapping: DROPPING }, DETACH_EXPECTED);

/** Takes gates and plugs away. */
export interface DetachStep extends ChangeStep {
  action: "detach";
  /** Whether what they hold is discarded, and not released. */
  drop: boolean;
}

/** `detach: NAMES`, `detach: { gate: NAMES, plug: NAMES, drop: true }` */
export const DETACH: StepKind<DetachStep> = {
  ...CHANGE,
  action: "detach",
  schema: DETACHED,
  plan({ tree, label, context }) {
    const fields = check(DETACHED, { tree, label }, context);
    if (!fields) return undefined;
    if (!("drop" in fields)) return { queues: queuesOf(fields, { tree, context }), drop: false };
    const queues = (["gate", "plug"] as const).flatMap((kind) =>
      queuesOf(fields[kind] ?? [], { tree: follow(tree, [kind]), context, kind })
    );
    if (queues.length > 0) return { queues, drop: fields.drop };
    mistake(tree, { what: "detach does not say what", expected: "gate or plug, with a name" }, context);
  },
  describe: ({ queues, drop }) => `detach ${queues.join(", ")}${drop ? ", and discard what is held" : ""}`,
  async run({ queues, drop }, { stage, signal, details }) {
    for (const name of queues) {
      const report = await stage.queues.detach(name, { signal, drop });
      const { discardedPackets } = report;
      const discarded = discardedPackets > 0 ? [`${numberOf(discardedPackets, "packet")} of ${name} discarded`] : [];
      const remarks = [...discarded, ...removalRemarks(name, report)];
      if (remarks.length > 0) details.notes = [...details.notes ?? [], ...remarks];
    }
  },
};
