import type { Request } from "../../codec/request.ts";
import type { Connection } from "../../netlink/connection.ts";
import type { Change } from "../../plug/send_change.ts";
import type { PaceOptions, PaceReport } from "../../plug/pace.ts";
import { changeRequests, type QdiscPlace } from "../../plug/plug_requests.ts";
import { warnOfLimit } from "../../plug/qdiscs.ts";
import { inTurns, onQueue, openQueue, type Queue } from "../../plug/queue.ts";
import { releaseAndCount, type ReleaseReport, whyNothing } from "../../plug/release.ts";
import { type Context, isGiven, type Run } from "../context.ts";
import { EXIT, interruptible, UsageError } from "../exit_status.ts";
import { borrowConnection, namedTargets, printResults, resolveTargets } from "../targets.ts";
import { paceOf, packetsOf, parseSize, positiveDuration } from "../values.ts";

/** How packets are released by number; between the first two the packets are sent that are counted. */
const BY_NUMBER = ["buffer", "buffer", "release-one"] as const;

/** How what a gate holds is discarded, once a clsact has come and gone, with which its device drops what it queues. */
const DISCARDING = ["buffer", "buffer"] as const;

/** Carries out what a command asks. May return what `--json` prints of each queue besides. */
export type CarryOut<C extends Change> = (
  queues: readonly Queue[],
  asked: { change: C; context: Context },
) => void | Promise<Record<string, unknown>[] | void>;

/** Makes a command that asks the same of one or several plugs that are there; `changeOf` reads what it asks,
 * `namesOf` picks the operands that name gates and devices. */
export function changeCommand<C extends Change>(
  changeOf: (context: Context) => C,
  carryOut: CarryOut<C>,
  namesOf: (operands: readonly string[]) => readonly string[] = (operands) => operands,
): Run {
  return async (context) => {
    const named = namedTargets(context, namesOf(context.arguments.operands));
    const change = changeOf(context);
    const { limitBytes } = change;
    if (isGiven(context, "dry-run")) {
      const requestsFor = await requestsOf(context, change);
      const { gatePlace, guessTargets, printRequests } = await import("../dry_run.ts");
      const { gates, places } = guessTargets(context, named);
      return printRequests(context, {
        places: [...gates.map((name) => gatePlace(context, name)), ...places],
        requestsFor,
      });
    }
    using borrowed = await borrowConnection(context);
    const { connection } = borrowed;
    const { gates, places } = resolveTargets(connection, named);
    const ofGates = await gateQueues(connection, gates);
    const queues = [...ofGates, ...places.map((place) => openQueue(connection, place))];
    const more = await carryOut(queues, { change, context }) ?? [];
    printResults(context, queues, (_queue, index) => ({
      gate: gates[index],
      action: context.arguments.command,
      limitBytes,
      ...more[index],
    }));
  };
}

/** The requests that a change of a plug takes. What is for discarding alone is loaded only there. */
async function requestsOf(
  context: Context,
  { action, limitBytes }: Change,
): Promise<(place: QdiscPlace) => Request[]> {
  const actions = packetsOf(context) === undefined ? [action] : BY_NUMBER;
  const change = (place: QdiscPlace) => (each: Change["action"]) => changeRequests(place, each, limitBytes);
  if (context.arguments.command !== "discard") return (place) => actions.flatMap(change(place));
  const { createClsact, deleteClsact } = await import("../../plug/gate_device.ts");
  return (place) => [
    createClsact(place.ifindex),
    deleteClsact(place.ifindex),
    ...DISCARDING.flatMap(change(place)),
  ];
}

/** The queues of gates. What finds them is loaded only where a gate is named. */
async function gateQueues(connection: Connection, names: readonly string[]): Promise<Queue[]> {
  if (names.length === 0) return [];
  const { namedGates } = await import("../../gate/named_gates.ts");
  return namedGates(connection, names);
}

const carryOutBuffer: CarryOut<Change> = async (queues, { change, context }) => {
  // Loaded here: a release has nothing to check
  const { changeQueues, describeBypass } = await import("../../plug/change.ts");
  const { maxHoldMs, force: bypass } = change;
  for (const { gate } of bypass ? queues : []) {
    const filters = gate?.bypassed?.(`buffer gate ${gate.name}`) ?? [];
    for (const filter of filters) context.note(describeBypass(gate?.name ?? "", filter));
  }
  if (maxHoldMs === undefined) {
    return inTurns(queues, () => {
      for (const queue of queues) queue.gate?.refuseBroken?.(onQueue(queue, "buffer"));
      changeQueues(queues, change);
    });
  }
  const { bufferWithDeadline } = await import("../../plug/plug_group.ts");
  const guardians = await bufferWithDeadline(queues, { maxMs: maxHoldMs, bypass });
  return guardians.map((guardian) => ({ maxHoldMs, guardian }));
};

/** `plugctl buffer` */
export const buffer = changeCommand((context) => ({
  action: "buffer",
  force: isGiven(context, "force"),
  maxHoldMs: positiveDuration(context, "max-hold"),
}), carryOutBuffer);

/** `plugctl release` and `plugctl release-one` */
export async function release(context: Context): Promise<number> {
  const one = context.arguments.command === "release-one";
  const packets = packetsOf(context);
  const pace = paceOf(context);
  const ranks = one ? undefined : ranksIn(context);
  if (pace && ranks) throw new UsageError(`${THEN} does not go with --rate and --over`);
  let status: number = EXIT.done;
  const command = changeCommand<Change>(
    () => ({ action: one ? "release-one" : "release-indefinite" }),
    async (queues) => {
      await refuseOtherRanks(queues, context);
      if (pace) {
        const reports = await carryOutPaced(queues, { pace, context });
        if (reports.some(({ lostPackets }) => lostPackets > 0)) status = EXIT.failed;
        return reports.map(({ queue: _, ...counts }) => counts);
      }
      const reports = ranks
        ? await inOrder(queues, { ranks, packets })
        : await releaseAndCount(queues, { one, packets });
      context.note(...reports.flatMap((report) => whyNothing(report) ?? []));
      for (const { queue, lostPackets } of reports.filter(({ lostPackets }) => lostPackets > 0)) {
        const { losses } = await import("../../plug/detach_report.ts");
        context.note(...losses(`the ${queue}`, { drops: 0, discardedPackets: 0, lostPackets }));
        status = EXIT.failed;
      }
      return reports.map(({ releasedPackets, waitingPackets, lostPackets }) => ({
        releasedPackets,
        waitingPackets,
        lostPackets,
      }));
    },
    (operands) => ranks ? operands.filter((operand) => operand !== THEN) : operands,
  );
  await command(context);
  return status;
}

/** `plugctl discard` */
export const discard = changeCommand<Change>(() => ({ action: "buffer" }), async (queues, { context }) => {
  const { describeDiscard, discardHeld } = await import("../../plug/release.ts");
  const reports = discardHeld(queues);
  for (const report of reports) context.note(describeDiscard(report));
  return reports.map(({ queue: _, ...counts }) => counts);
});

/**
 * Refuses gates of which other packets go first than those that are asked for, or none.
 *
 * @throws {QueueError} `refused`, before anything is touched
 */
async function refuseOtherRanks(queues: readonly Queue[], context: Context): Promise<void> {
  const first = context.arguments.values.get("first");
  if (!first) return;
  const { refuseOtherFirst } = await import("../../gate/named_gates.ts");
  for (const queue of queues) refuseOtherFirst(queue, first);
}

/** The word between names of which those behind it are released later. */
const THEN = "then";

/**
 * When each name is released, from 0 on, where `then` stands between names.
 *
 * @throws {UsageError} where it does not, or names are given by options, which have no order
 */
function ranksIn({ arguments: { operands, values } }: Context): Map<string, number> | undefined {
  if (operands.length < 2 || !operands.includes(THEN)) return undefined;
  const ranks = new Map<string, number>();
  let rank = 0;
  for (const [index, operand] of operands.entries()) {
    if (operand !== THEN) ranks.set(operand, rank);
    else if (index > 0 && operands[index - 1] !== THEN && index + 1 < operands.length) rank++;
    else throw new UsageError(`${THEN} stands between names: plugctl release a ${THEN} b`);
  }
  if (values.has("gate") || values.has("dev")) {
    throw new UsageError(
      `${THEN} stands between names, which --gate and --dev do not give: plugctl release a ${THEN} b`,
    );
  }
  return ranks;
}

/** Releases those of a name before those of the next, and returns the reports in the order of the queues. */
async function inOrder(
  queues: readonly Queue[],
  { ranks, packets }: { ranks: ReadonlyMap<string, number>; packets?: number },
): Promise<ReleaseReport[]> {
  const { releaseInOrder } = await import("../../plug/drain.ts");
  const rankOf = ({ gate, dev }: Queue) => ranks.get(gate?.name ?? dev) ?? 0;
  const groups = Map.groupBy(queues.toSorted((one, other) => rankOf(one) - rankOf(other)), rankOf);
  const ordered = [...groups.values()];
  const reports = await releaseInOrder(ordered, { packets });
  return queues.map((queue) => reports[ordered.flat().indexOf(queue)]);
}

async function carryOutPaced(
  queues: readonly Queue[],
  { pace, context }: { pace: PaceOptions; context: Context },
): Promise<PaceReport[]> {
  const { describePace, releasePaced } = await import("../../plug/pace.ts");
  const reports = await interruptible((signal) => releasePaced(queues, { ...pace, signal }));
  for (const report of reports) for (const note of describePace(report)) context.note(note);
  return reports;
}

/** `plugctl limit` */
export const limit = changeCommand(
  (context) => ({
    action: "limit",
    limitBytes: parseSize(sizeIn(context.arguments.operands)),
    force: isGiven(context, "force"),
  }),
  async (queues, { change, context }) => {
    const { changeQueues } = await import("../../plug/change.ts");
    changeQueues(queues, change);
    for (const { connection, place: { ifindex } } of queues) {
      const warning = warnOfLimit(connection, { ifindex, limitBytes: change.limitBytes });
      if (warning !== undefined) context.note(warning);
    }
  },
  (operands) => operands.filter((operand) => operand !== sizeIn(operands)),
);

/** Which of the operands is the size: it may stand before the names or behind them. */
function sizeIn(operands: readonly string[]): string {
  const sizes = operands.filter((operand) => /^[0-9]/.test(operand));
  if (sizes.length > 1) {
    throw new UsageError(`${sizes.join(" and ")} look like sizes: name a gate with --gate, a device with --dev`);
  }
  if (sizes.length === 0) {
    throw new UsageError(`limit needs a size, such as 64k or 1m, but is given: ${operands.join(", ")}`);
  }
  return sizes[0];
}
