import { gapRemarks, losses, removalRemarks } from "../../plug/detach_report.ts";
import { TC_H_ROOT } from "../../codec/handle.ts";
import type { GatePlan } from "../../gate/gate_plan.ts";
import { plannedRequests } from "../../gate/gate_steps.ts";
import { deleteDevice } from "../../plug/gate_device.ts";
import type { Connection } from "../../netlink/connection.ts";
import { Plug } from "../../plug/plug.ts";
import {
  changeRequest,
  changeRequests,
  createRequest,
  deleteRequest,
  FIRST_HANDLE,
  type QdiscPlace,
} from "../../plug/plug_requests.ts";
import { isGone } from "../../plug/queue_error.ts";
import { LAST_PRIORITY } from "../../plug/shelter.ts";
import type { SandboxWatch } from "../containers/sandbox_watch.ts";
import { Child } from "../hold/child.ts";
import { type Context, isGiven } from "../context.ts";
import { EXIT, Interrupted, interruptible, UsageError, whenAborted } from "../exit_status.ts";
import type { Hold } from "../../plug/hold.ts";
import type { Moment } from "../../plug/moment.ts";
import { formatDuration } from "../../plug/quantity.ts";
import { readLines } from "../../linux/incoming.ts";
import { openInherited } from "../../linux/inherited_file.ts";
import { holdEnd, isExpected } from "../hold/hold_end.ts";
import { HoldOwner } from "../hold/hold_owner.ts";
import { type HoldOutputs, openHoldOutputs } from "../hold/hold_outputs.ts";
import { type HoldPlan, holdPlan, plannedGate } from "../hold/hold_plan.ts";
import { type HoldQueues, openHoldQueues } from "../hold/hold_queues.ts";
import { dropsOf, type Held, isCutShort, reportHold, rounded } from "../hold/hold_report.ts";
import { openConnection, resolveTargets, type Targets } from "../targets.ts";

/** What a hold works with, and what has come of it so far. */
interface Work extends HoldQueues {
  plan: HoldPlan;
  outputs: HoldOutputs;
  /** Says that it is armed, and that it has begun. */
  armed: () => void;
  begun: (lateMs?: number) => void;
  /** By what its owner renews it. */
  renewal?: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Ends all waiting. */
  signal: AbortSignal;
  /** The command, once it has been started. */
  child?: Child;
  /** What has failed, in its order: it keeps nothing of what follows from being done. */
  failures: unknown[];
}

/** `plugctl hold` */
export function run(context: Context): Promise<number | void> {
  return runPlan(context, holdPlan(context));
}

/** `plugctl arm` */
export function runArm(context: Context): Promise<number | void> {
  return runPlan(context, holdPlan(context, { isArmed: true }));
}

async function runPlan(context: Context, plan: HoldPlan): Promise<number | void> {
  if (plan.except.length > 0) plannedGates(plan, ["lo"]);
  if (isGiven(context, "dry-run")) {
    const { guessTargets } = await import("../dry_run.ts");
    return await printPlan(context, { ...plan, ...guessTargets(context, plan) });
  }
  // What says how it has ended is loaded first: by then plugctl may have been replaced by another, or taken away.
  await import("../failure.ts");
  using outputs = await openHoldOutputs(context);
  const renewal = plan.renewFd === undefined ? undefined : await renewalBy(plan.renewFd);
  using connection = await openConnection(context);
  const targets = resolveTargets(connection, plan);
  refuseOptions(plan, targets);
  const queues = openHoldQueues(connection, { ...plan, ...targets });
  using _guardian = queues.guardian;
  const warnings = [...queues.attached, ...queues.standIns.map(({ gate }) => gate.plug)].flatMap((plug) =>
    plug.warnings
  );
  const gaps = queues.attached.flatMap((plug) => gapRemarks(plug, plan.where));
  for (const warning of [...queues.remarks, ...warnings, ...gaps]) context.note(warning);
  const names = [...targets.gates.map((name) => `gate ${name}`), ...targets.places.map(({ dev }) => dev)].join(", ");
  const through = new Map(queues.standIns.map(({ dev, why }) => [dev, `${dev} through a gate, since ${why}`]));
  const described = [
    ...targets.gates.map((name) => `gate ${name}`),
    ...targets.places.map(({ dev }) => through.get(dev) ?? dev),
  ].join(", ");
  const armed = () => {
    const when = plan.waitsForWord ? "until a line comes in on standard input" : `until ${timeText(plan.moment)}`;
    context.note(`armed ${described}: packets pass ${when}`);
    outputs.armed(`armed ${names}`);
  };
  const begun = (lateMs?: number) => {
    context.note(`holding ${described}${lateMs === undefined ? "" : `, ${rounded(lateMs)} ms after that`}`);
    outputs.begun(`holding ${names}`);
  };
  const restarts = await watchSandbox(context, connection);
  try {
    return await interruptible((signal) =>
      holdAndReport(context, { ...queues, plan, signal, outputs, armed, begun, renewal, failures: [] })
    );
  } finally {
    await restarts?.end();
  }
}

/** What comes in by the file descriptor of `--renew-fd`. */
async function renewalBy(fd: number): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  return fd === 0 ? Deno.stdin.readable : await openInherited(fd);
}

/** Says what becomes of a container or pod that is held by its name. */
async function watchSandbox(context: Context, connection: Connection): Promise<SandboxWatch | undefined> {
  if (!isGiven(context, "container") && !isGiven(context, "pod")) return undefined;
  const { SandboxWatch } = await import("../containers/sandbox_watch.ts");
  using namespace = connection.openNamespace();
  return new SandboxWatch(context.arguments, { identity: namespace.identity, say: (text) => context.note(text) });
}

/** @throws {UsageError} where a limit is given and no plug is attached for the hold, or exceptions of a gate that is there */
function refuseOptions({ limitBytes, except }: HoldPlan, { gates, places }: Targets): void {
  if (except.length > 0 && gates.length > 0) {
    throw new UsageError("--except goes with a device: a gate has its own, which gate add says");
  }
  if (limitBytes === undefined || places.length > 0) return;
  throw new UsageError("--limit goes with a device: a gate has its own, which plugctl limit changes");
}

/** The gates through which devices are held where some packets pass. */
function plannedGates({ except, limitBytes }: HoldPlan, devs: readonly string[]): GatePlan[] {
  return devs.map((dev) =>
    plannedGate({ dev, direction: "egress", except, withArp: true, limitBytes, priority: LAST_PRIORITY })
  );
}

/** Prints what would be sent if there were no clsact on the devices yet. */
async function printGates(context: Context, plan: HoldPlan): Promise<void> {
  const { printMessages, readIndex } = await import("../dry_run.ts");
  const gates = plannedGates(plan, plan.places.map(({ dev }) => dev));
  const place = { ifindex: 0, parent: TC_H_ROOT, handle: FIRST_HANDLE };
  context.note("a gate is made for each device, whose name is another each time; its index is shown as 0");
  printMessages(
    context,
    gates.flatMap((gate) => [
      ...plannedRequests(gate, gate.devs.map((dev) => readIndex(context, dev))),
      changeRequest(place, "buffer"),
      changeRequest(place, "release-indefinite"),
      deleteDevice(place.ifindex),
    ]),
  );
}

/** Holds, takes away what was attached, waits for the command, and says what came of it. */
async function holdAndReport(context: Context, work: Work): Promise<number> {
  const { failures, outputs, plan: { maxMs } } = work;
  const held = await attempt(failures, () => hold(work));
  await detach(context, work);
  const commandStatus = await attempt(failures, () => awaitCommand(work));
  if (held) await reportHold(context, held, { outputs, status: commandStatus, maxMs });
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, "Several things failed");
  const { report, end } = held as Held;
  if (isGiven(context, "expect-lossless") && dropsOf(report) > 0) return EXIT.expectation;
  return commandStatus || (isCutShort(end) ? EXIT.failed : EXIT.done);
}

async function attempt<T>(failures: unknown[], work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    // One signal ends every wait from then on, and counts once.
    if (!failures.includes(error)) failures.push(error);
  }
}

/** Holds while the command runs, or until something else ends it; then lets all go and waits until it has left. */
async function hold(work: Work): Promise<Held> {
  const { plan, renewal, signal, failures } = work;
  using hold = await begin(work);
  const owner = new HoldOwner(hold, { plan, renewal });
  work.child = startCommand(work);
  const end = await attempt(failures, () => holdEnd(hold, { plan, owner, child: work.child, signal }));
  const report = hold.release();
  await attempt(failures, () => hold.drained({ timeoutMs: plan.timeoutMs }));
  // Where the guardian and something else have ended it at once, it was the guardian.
  const isOver = report.cutShort && !isExpected(report.disturbance, plan.until);
  const why = end && isOver ? await hold.whenCutShort() : end;
  return { report, end: why === "deadline" && owner.isLease ? "lease" : why };
}

/** Holds: at once, at the time that was said, or when a line comes in on standard input. */
async function begin({ plugs, guardian, plan, armed, begun, signal }: Work): Promise<Hold> {
  const { moment, lateMs, waitsForWord, bypass } = plan;
  const maxMs = Math.min(plan.leaseMs ?? Infinity, plan.maxMs);
  const ready = Plug.all(plugs).arm({ maxMs, guardian, exclusive: true, bypass });
  try {
    if (moment || waitsForWord) armed();
    if (waitsForWord) await Promise.race([word(), whenAborted(signal)]);
    await moment?.nears(signal);
    if (moment && -moment.leftMs > lateMs) {
      const late = formatDuration(Math.round(-moment.leftMs));
      throw new Error(
        `Cannot begin at ${timeText(moment)}: it was armed ${late} after that, at most ${lateMs} ms may pass`,
      );
    }
    const hold = ready.begin(moment);
    begun(hold.lateMs);
    return hold;
  } finally {
    ready[Symbol.dispose]();
  }
}

/** Resolves when a line comes in on standard input. */
async function word(): Promise<void> {
  for await (const _line of readLines(Deno.stdin.readable)) return;
  throw new Error("Called off: standard input ended before a line came in, and nothing was held");
}

/** A time of today as it is said: `12:00:03.250`. */
function timeText(moment: Moment | undefined): string {
  const date = new Date(moment?.epochMs ?? NaN);
  return `${date.toTimeString().slice(0, 8)}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/** Starts the command; the guardian ends it, and what it has started, should this process be killed. */
function startCommand({ plan: { program }, guardian }: Work): Child | undefined {
  if (program.length === 0) return undefined;
  const tag = crypto.randomUUID();
  guardian.take({ kind: "processes", tag, sparesDaemons: true });
  return new Child(program, { tag });
}

/** Takes away what was attached. What is gone is passed over: the release has reported that. */
async function detach(
  context: Context,
  { attached, standIns, plan: { timeoutMs, where }, failures }: Work,
): Promise<void> {
  const parts = [
    ...attached.map((plug) => async () => {
      const remarks = removalRemarks(`the plug on ${plug.dev}`, await plug.detach({ timeoutMs }), where);
      for (const text of remarks) context.note(text);
    }),
    ...standIns.map(({ gate, dev, droppedBehind }) => async () => {
      const report = await gate.close({ timeoutMs });
      for (const text of droppedBehind()) context.note(text);
      // What it dropped the report on the hold says.
      for (const loss of losses(`the gate for ${dev}`, { ...report, drops: 0 }, where)) context.note(loss);
    }),
  ];
  for (const part of parts) {
    await attempt(failures, async () => {
      try {
        await part();
      } catch (error) {
        if (!isGone(error)) throw error;
      }
    });
  }
}

/** The command's exit status, once it has ended; when this process is to end, so is the command. */
async function awaitCommand({ child, signal }: Work): Promise<number | undefined> {
  if (!child) return undefined;
  try {
    return await Promise.race([child.status, whenAborted(signal)]);
  } catch (error) {
    if (error instanceof Interrupted) await child.end(error);
    throw error;
  }
}

/** Prints what would be sent if there were no plug on the devices yet. */
async function printPlan(context: Context, plan: HoldPlan): Promise<void> {
  const { gates, places, limitBytes } = plan;
  refuseOptions(plan, plan);
  if (plan.except.length > 0) return await printGates(context, plan);
  const { gatePlace, printRequests, readDefaultLimit } = await import("../dry_run.ts");
  const hold = (place: QdiscPlace) => [
    ...changeRequests(place, "buffer"),
    ...changeRequests(place, "release-indefinite"),
  ];
  const held = gates.map((name) => gatePlace(context, name));
  const attachAndHold = (place: QdiscPlace, dev: string) => [
    createRequest(place, { limitBytes: limitBytes ?? readDefaultLimit(context, dev) }),
    changeRequest(place, "release-indefinite"),
    ...hold(place),
    deleteRequest(place),
  ];
  const attached = places.map(({ dev, parent = TC_H_ROOT, handle = FIRST_HANDLE }) => ({ dev, parent, handle }));
  if (attached.length > 0) context.note("what is shown attaches a plug first, as where there is none");
  printRequests(context, {
    places: [...held, ...attached],
    requestsFor: (place, index) =>
      index < held.length ? hold(place) : attachAndHold(place, places[index - held.length].dev),
  });
}
