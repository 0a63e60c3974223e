import type { Connection } from "../../netlink/connection.ts";
import { type DetachReport, losses } from "../../plug/detach_report.ts";
import { Gate } from "../../gate/gate.ts";
import { fitTo, type GateOptions, type GatePlan, parseDirection, type PlannedFilter } from "../../gate/gate_plan.ts";
import { type ListedGate, listGates, remarksOn } from "../../gate/gate_state.ts";
import type { Foreseen } from "../../gate/open_gate.ts";
import { plannedRequests } from "../../gate/gate_steps.ts";
import { deleteDevice, type Direction, packetsText } from "../../plug/gate_device.ts";
import { type Chance, parseProbability } from "../../plug/chance.ts";
import { changeRequests, type QdiscPlace } from "../../plug/plug_requests.ts";
import { type Context, isGiven, textTable, valueOf } from "../context.ts";
import { EXIT, interruptible, understood, UsageError } from "../exit_status.ts";
import { plannedGate } from "../hold/hold_plan.ts";
import { deviceName, gateName, openConnection, refuseTwice } from "../targets.ts";
import { durationOf, parseSize } from "../values.ts";
import { whereGiven } from "../where.ts";

/** `plugctl gate add` */
export async function addGate(context: Context): Promise<void> {
  const options = gateOptions(context);
  const plan = plannedGate(options);
  if (isGiven(context, "dry-run")) {
    if (isGiven(context, "check")) throw new UsageError("give --check or --dry-run, not both");
    return await printAddition(context, plan);
  }
  using connection = await openConnection(context);
  if (isGiven(context, "check")) return await printForeseen(context, { plan, connection });
  const gate = Gate.open({ ...options, connection });
  for (const warning of gate.plug.warnings) context.note(warning);
  if (!gate.made) context.note(`the gate ${gate.name} is there already, and nothing was changed`);
  if (!isGiven(context, "json")) return;
  const { lastAsked } = gate.plug;
  context.print(`${JSON.stringify({ ...gate.read(), made: gate.made, lastAsked }, null, 2)}\n`);
}

/** Prints what would be done on this machine as it is. */
async function printForeseen(
  context: Context,
  { plan, connection }: { plan: GatePlan; connection: Connection },
): Promise<void> {
  const { foreseeGate } = await import("../../gate/open_gate.ts");
  const { would, existing, warnings } = foreseeGate(connection, plan);
  for (const warning of warnings) context.note(warning);
  const { name } = plan;
  if (isGiven(context, "json")) {
    return context.print(`${JSON.stringify({ name, would, existing, warnings }, null, 2)}\n`);
  }
  context.print(`${FORESEEN[would](name)}\n`);
}

const FORESEEN: Readonly<Record<Foreseen["would"], (name: string) => string>> = {
  make: (name) => `the gate ${name} would be made`,
  replace: (name) => `another gate ${name} would be taken down, and this one made`,
  keep: (name) => `the gate ${name} is there already, and nothing would change`,
};

function gateOptions(context: Context): GateOptions {
  const { operands: [name, ...named], values } = context.arguments;
  const devices = [...named, ...values.get("dev") ?? []];
  if (devices.length === 0) {
    throw new UsageError(`gate add needs a device: plugctl gate add ${name} DEV --direction DIRECTION`);
  }
  refuseTwice(devices);
  const limit = valueOf(context, "limit");
  return {
    name,
    devs: devices.map(deviceName),
    direction: directionOf(context),
    match: values.get("match"),
    except: values.get("except"),
    first: values.get("first"),
    withArp: isGiven(context, "with-arp"),
    ...chanceOf(context),
    limitBytes: limit === undefined ? undefined : parseSize(limit),
    priority: priorityOf(context),
    hold: isGiven(context, "hold"),
    replace: isGiven(context, "replace"),
    force: isGiven(context, "force"),
  };
}

function directionOf(context: Context): Direction {
  const direction = valueOf(context, "direction");
  if (direction === undefined) throw new UsageError("gate add needs --direction: in, out or both");
  return understood(() => parseDirection(direction));
}

/** `--every` and `--probability`, a part or per cent. */
function chanceOf(context: Context): Chance {
  const [every, probability] = [valueOf(context, "every"), valueOf(context, "probability")];
  if (every !== undefined && !/^[0-9]{1,6}$/.test(every)) {
    throw new UsageError(`invalid number ${JSON.stringify(every)}: use a whole number such as 10`);
  }
  return {
    every: every === undefined ? undefined : Number(every),
    probability: probability === undefined ? undefined : understood(() => parseProbability(probability)),
  };
}

function priorityOf(context: Context): number | undefined {
  const text = valueOf(context, "priority");
  if (text === undefined) return undefined;
  if (/^[0-9]{1,5}$/.test(text)) return Number(text);
  throw new UsageError(`invalid priority ${JSON.stringify(text)}: use a whole number from 1 to 65535`);
}

/** Prints what would be sent if nothing of it were there. */
async function printAddition(context: Context, plan: GatePlan): Promise<void> {
  const { isText, printMessages, readIndex, readLinkHeader } = await import("../dry_run.ts");
  context.note(`the index of ${plan.device} is shown as 0, it is not there yet`);
  const fitted = fitTo(plan, readLinkHeader(context, plan.devs[0]));
  if (isText(context)) { for (const text of await programsOf(fitted)) context.print(text); }
  printMessages(context, plannedRequests(fitted, plan.devs.map((dev) => readIndex(context, dev))));
}

/** The programs of a gate's filters, as tcpdump prints them. */
async function programsOf({ filters, exceptions, sorters, match, except, first }: GatePlan): Promise<string[]> {
  const { listing } = await import("../../gate/bpf/listing.ts");
  const named = (planned: readonly PlannedFilter[], words: readonly string[]) =>
    planned.flatMap(({ compared }, index) =>
      compared.kind === "bpf" ? [`${words[index] ?? "all packets"}:\n${listing(compared.program)}\n\n`] : []
    );
  return [
    ...named(exceptions, except.map((text) => `except ${text}`)),
    ...named(filters, match),
    ...named(sorters, first.map((text) => `first ${text}`)),
  ];
}

const HEADER = ["NAME", "DIRECTION", "DEVICES", "PRIORITY", "LIMIT", "HITS", "BACKLOG", "DROPS", "AGE", "MATCH"];
const NUMBERS = [3, 4, 5, 6, 7, 8];
/** What stands for a value that is not known. */
const UNKNOWN = "?";

/** `plugctl gate list` */
export async function showGates(context: Context): Promise<void> {
  using connection = await openConnection(context);
  const wanted = context.arguments.operands;
  // Of one that is not there, the error says so
  if (wanted.length > 0) Gate.named(connection, wanted);
  const gates = listGates(connection).filter(({ name }) => wanted.length === 0 || wanted.includes(name));
  if (isGiven(context, "json")) return context.print(`${JSON.stringify(gates, null, 2)}\n`);
  if (gates.length === 0) return context.note("there is no gate");
  context.print(`${textTable([HEADER, ...gates.map(row)], { right: NUMBERS })}\n`);
  const where = whereGiven(context.arguments.values);
  for (const gate of gates) for (const remark of remarksOn(gate, where)) context.note(remark);
}

function row(gate: ListedGate): string[] {
  const { name, direction, devs, priority, limitBytes, hitPackets, stats, ageMs } = gate;
  const numbers = [priority, limitBytes, hitPackets, stats?.backlogPackets, stats?.drops];
  const texts = numbers.map((number) => number === undefined ? UNKNOWN : String(number));
  return [
    name,
    direction ?? UNKNOWN,
    devs.join(",") || UNKNOWN,
    ...texts,
    ageText(ageMs),
    packetsText(gate) ?? UNKNOWN,
  ];
}

/** An age with its largest unit: `4s`, `17m`, `3h`, `12d`. */
function ageText(ageMs: number | undefined): string {
  if (ageMs === undefined) return UNKNOWN;
  const seconds = Math.floor(ageMs / 1000);
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}

/** `plugctl gate delete` */
export async function deleteGate(context: Context): Promise<number | void> {
  const names = context.arguments.operands.map(gateName);
  const drop = isGiven(context, "drop");
  const force = isGiven(context, "force");
  const timeoutMs = durationOf(context, "timeout");
  if (isGiven(context, "dry-run")) return await printDeletion(context, { names, drop });
  using connection = await openConnection(context);
  const gates = Gate.named(connection, names);
  const where = whereGiven(context.arguments.values);
  const reports: DetachReport[] = [];
  for (const gate of gates) {
    const report = await interruptible((signal) => gate.close({ drop, force, timeoutMs, signal }));
    for (const loss of losses(`the gate ${gate.name}`, report, where)) context.note(loss);
    reports.push(report);
  }
  if (isGiven(context, "json")) {
    const results = names.map((gate, index) => ({ gate, action: "gate delete", ...reports[index] }));
    context.print(`${JSON.stringify(results, null, 2)}\n`);
  }
  return reports.some(({ lostPackets }) => lostPackets > 0) ? EXIT.failed : EXIT.done;
}

/** Prints what is known without a socket: which filters there are, and whether the clsact goes too, is not. */
async function printDeletion(context: Context, { names, drop }: { names: string[]; drop: boolean }): Promise<void> {
  const { gatePlace, printRequests } = await import("../dry_run.ts");
  context.note("the filters, which go first, are not shown: they are read from the kernel");
  const requestsFor = (place: QdiscPlace) => [
    ...drop ? [] : changeRequests(place, "release-indefinite"),
    deleteDevice(place.ifindex),
  ];
  printRequests(context, { places: names.map((name) => gatePlace(context, name)), requestsFor });
}
