import * as v from "valibot";
import { parseHandle, parseParent } from "../../codec/handle.ts";
import type { Desk, Named } from "../desk.ts";
import { DETACH, LIMIT_BYTES, NETNS, ON, ONE_OR_MORE, PLACE, TEXT } from "../fields.ts";
import { operation } from "../operation.ts";
import type { DetachOptions } from "../../plug/drain.ts";
import { type DetachReport, gapRemarks } from "../../plug/detach_report.ts";
import { recover } from "../../gate/recover.ts";
import { problemOf } from "../problem.ts";
import { placeIn } from "../room.ts";

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
    const thing = desk.attach({ ...options, ...place });
    if (options.hold) desk.heed([thing]);
    const { plug } = thing;
    return { ...placeIn(thing), warnings: [...plug.warnings, ...gapRemarks(plug)] };
  },
});

/** `detach`: releases what is held, waits until it has left, and deletes the plug. */
export const DETACH_PLUG = operation({
  name: "detach",
  summary: "release what a plug holds, wait until it has left, and delete it",
  schema: v.strictObject({ ...ON, ...DETACH }),
  run: (input, { desk, signal }) => takeAway(desk, { ...input, signal }),
});

/** `gate-delete`: takes a gate down, and loses no packet. */
export const GATE_DELETE = operation({
  name: "gate-delete",
  summary: "take a gate down: its filters, then what it holds leaves, then its device",
  schema: v.strictObject({ gate: ONE_OR_MORE, ...NETNS, ...DETACH }),
  run: (input, { desk, signal }) => takeAway(desk, { ...input, signal }),
});

/** A report of each, in their order. */
async function takeAway(
  desk: Desk,
  { drop, timeoutMs, signal, ...named }: Named & DetachOptions,
): Promise<(DetachReport & { name: string })[]> {
  const reports = [];
  for (const thing of drop ? desk.findToHold(named) : desk.find(named)) {
    reports.push({ name: thing.name, ...await desk.takeAway(thing, { drop, timeoutMs, signal }) });
  }
  return reports;
}

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
    except: v.optional(ONE_OR_MORE),
    first: v.optional(ONE_OR_MORE),
    withArp: v.optional(v.boolean()),
    every: v.optional(v.pipe(v.number(), v.integer("a whole number"))),
    probability: v.optional(v.number("a part, such as 0.05")),
    ...NETNS,
    limitBytes: v.optional(LIMIT_BYTES),
    priority: v.optional(v.pipe(v.number(), v.integer("a whole number"))),
    hold: v.optional(v.boolean()),
    replace: v.optional(v.boolean()),
    force: v.optional(v.boolean()),
  }),
  run({ dev, direction, ...options }, { desk }) {
    const { thing, made, warnings } = desk.addGate({ ...options, direction, devs: dev });
    if (options.hold) desk.heed([thing]);
    return { name: thing.name, made, warnings };
  },
});

/** `recover`: takes away what plugctl has left behind; what is in use is left alone. */
export const RECOVER = operation({
  name: "recover",
  summary: "release and take away what plugctl has left behind; what is in use stays",
  schema: v.strictObject({ ...NETNS }),
  async run({ netns }, { desk, signal }) {
    const { failures, ...recovery } = await recover(desk.connect(netns), { signal });
    return { ...recovery, failures: failures.map(problemOf) };
  },
});
