import type { DetachOptions } from "../../plug/drain.ts";
import { type DetachReport, losses } from "../../plug/detach_report.ts";
import { formatHandle, formatParent } from "../../codec/handle.ts";
import { type AllNamespaces, allNamespaces } from "../../linux/namespace.ts";
import { ENOENT, NetlinkError } from "../../linux/netlink_error.ts";
import { numberOf } from "../../plug/quantity.ts";
import { findLeftovers, type Leftovers, recover, type Recovery } from "../../gate/recover.ts";
import { type Context, isGiven } from "../context.ts";
import { durationOf } from "../values.ts";
import { EXIT, interruptible, UsageError } from "../exit_status.ts";
import { openConnection } from "../targets.ts";
import { whereOf } from "../where.ts";

/** What was recovered in a network namespace; its name is told where there may be several. */
interface Recovered extends Recovery {
  netns?: string;
}

/** `plugctl recover` */
export async function run(context: Context): Promise<number> {
  const all = isGiven(context, "all");
  if (all && isGiven(context, "netns")) throw new UsageError("--all goes without --netns: it is every namespace");
  const spaces = all ? allNamespaces() : undefined;
  if (spaces) tellHidden(context, spaces);
  const hidden = spaces?.hidden ?? 0;
  if (isGiven(context, "dry-run")) {
    await printLeftovers(context, spaces);
    return hidden > 0 ? EXIT.incapable : EXIT.done;
  }
  const recovered = await interruptible((signal) =>
    spaces ? recoverAll(spaces, { context, signal }) : recoverHere(context, signal)
  );
  const failures = recovered.flatMap(({ failures }) => failures);
  if (isGiven(context, "json")) {
    printJson(context, recovered.map(plain), spaces);
  } else {
    const done = recovered.flatMap(lines);
    const nothing = failures.length === 0 && hidden === 0 && recovered.every(({ kept }) => kept.length === 0)
      ? ["there is nothing to recover"]
      : [];
    context.print((done.length > 0 ? done : nothing).map((line) => `${line}\n`).join(""));
  }
  for (const { netns, kept, foreign, bareClsacts } of recovered) {
    for (const { name, guardian } of kept) {
      context.note(
        `left alone: ${name}${placeOf(netns)}, for which process ${guardian} stands guard; --force releases it first`,
      );
    }
    for (const dev of bareClsacts) context.note(clsactText(dev, netns));
    for (const place of foreign) context.note(`left alone: ${placeText(place, netns)}, which plugctl did not make`);
  }
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, "Cannot take everything away");
  return hidden > 0 ? EXIT.incapable : EXIT.done;
}

/** Prints what was found or done: of every namespace, with what could not be looked at. */
function printJson(context: Context, results: readonly unknown[], spaces: AllNamespaces | undefined): void {
  const whole = spaces ? { namespaces: results, hidden: spaces.hidden, strays: spaces.strays } : results[0];
  context.print(`${JSON.stringify(whole, null, 2)}\n`);
}

/** Says which namespaces cannot be looked at, and how many these are. */
function tellHidden(context: Context, { strays, hidden }: AllNamespaces): void {
  for (const name of strays) context.note(`left alone: ${name}, which is not a network namespace`);
  if (hidden > 0) {
    const those = hidden === 1
      ? "1 name or process whose network namespace takes"
      : `${hidden} names and processes whose network namespaces take`;
    context.note(`not looked at: ${those} root, or CAP_SYS_ADMIN and CAP_SYS_PTRACE`);
  }
}

/** Says what would be released and taken away, and touches nothing. */
async function printLeftovers(context: Context, spaces: AllNamespaces | undefined): Promise<void> {
  const found: (Leftovers & { netns?: string })[] = [];
  for (const netns of spaces?.names ?? [undefined]) {
    using connection = await openConnection(context, netns === `pid:${Deno.pid}` ? undefined : netns);
    found.push({ netns, ...findLeftovers(connection) });
  }
  for (const { netns, bareClsacts } of found) for (const dev of bareClsacts) context.note(clsactText(dev, netns));
  if (isGiven(context, "json")) {
    const plain = found.map((one) => ({ ...one, plugs: named(one.plugs), foreign: named(one.foreign) }));
    return printJson(context, plain, spaces);
  }
  const texts = found.flatMap(({ netns, gates, plugs, filters, taps }) => [
    ...gates.map(({ name, packets }) => `would take down gate ${name}${placeOf(netns)}${holding(packets)}`),
    ...plugs.map(({ packets, ...plug }) => `would detach ${placeText(plug, netns)}${holding(packets)}`),
    ...filters > 0 ? [`would delete ${numberOf(filters, "filter")}${placeOf(netns)} whose gate is gone`] : [],
    ...taps.map(({ name }) => `would take a tap out of gate ${name}${placeOf(netns)}, whose copies nobody reads`),
  ]);
  const nothing = spaces && spaces.hidden > 0 ? [] : ["there is nothing to recover"];
  context.print((texts.length > 0 ? texts : nothing).map((line) => `${line}\n`).join(""));
}

/** The kernel keeps nothing of who has made a clsact, and takes no mark. */
function clsactText(dev: string, netns: string | undefined): string {
  return `left alone: clsact on ${dev}${
    placeOf(netns)
  }, empty: nothing tells whether plugctl has made it; if nobody needs ` +
    `it, delete it when ${dev} is idle: ${whereOf(netns).there(`tc qdisc del dev ${dev} clsact`)}`;
}

function holding(packets: number | undefined): string {
  return packets ? `, which holds ${numberOf(packets, "packet")}` : "";
}

async function recoverHere(context: Context, signal: AbortSignal): Promise<Recovered[]> {
  using connection = await openConnection(context);
  return [await recover(connection, optionsOf(context, signal))];
}

/** Recovers every network namespace that can be found. What fails in one keeps no other from it. */
async function recoverAll(
  { names }: AllNamespaces,
  options: { context: Context; signal: AbortSignal },
): Promise<Recovered[]> {
  const recovered: Recovered[] = [];
  for (const netns of names) recovered.push(await recoverIn(netns, options));
  return recovered;
}

async function recoverIn(
  netns: string,
  { context, signal }: { context: Context; signal: AbortSignal },
): Promise<Recovered> {
  try {
    using connection = await openConnection(context, netns === `pid:${Deno.pid}` ? undefined : netns);
    const { failures, ...recovery } = await recover(connection, optionsOf(context, signal));
    return { netns, ...recovery, failures: failures.map((failure) => failureIn(netns, failure)) };
  } catch (error) {
    signal.throwIfAborted();
    // Its last process has ended since it was found.
    const failures = error instanceof NetlinkError && error.errno === ENOENT ? [] : [error];
    return { netns, gates: [], plugs: [], filters: 0, taps: [], bareClsacts: [], foreign: [], kept: [], failures };
  }
}

function failureIn(netns: string, failure: unknown): Error {
  return new Error(`In network namespace ${netns}: ${failure instanceof Error ? failure.message : failure}`, {
    cause: failure,
  });
}

function optionsOf(context: Context, signal: AbortSignal): DetachOptions {
  return {
    drop: isGiven(context, "drop"),
    force: isGiven(context, "force"),
    timeoutMs: durationOf(context, "timeout"),
    signal,
  };
}

function lines({ netns, gates, plugs, filters, taps }: Recovered): string[] {
  return [
    ...gates.map(({ name, ...report }) => `took down gate ${name}${placeOf(netns)}${lossesOf(report, netns)}`),
    ...plugs.map((plug) => `detached ${placeText(plug, netns)}${lossesOf(plug, netns)}`),
    ...filters > 0 ? [`deleted ${numberOf(filters, "filter")}${placeOf(netns)} whose gate was gone`] : [],
    ...taps.map(({ name }) => `took a tap out of gate ${name}${placeOf(netns)}, whose copies nobody read`),
  ];
}

function placeOf(netns: string | undefined): string {
  return netns === undefined ? "" : ` in ${netns}`;
}

function lossesOf(report: DetachReport, netns: string | undefined): string {
  return losses("it", report, whereOf(netns)).map((text) => `; ${text}`).join("");
}

function placeText({ dev, parent, handle }: { dev: string; parent: number; handle: number }, netns?: string): string {
  return `plug ${formatHandle(handle)} on ${dev} (${formatParent(parent)})${placeOf(netns)}`;
}

function named<T extends { parent: number; handle: number }>(list: readonly T[]) {
  return list.map((one) => ({ ...one, parent: formatParent(one.parent), handle: formatHandle(one.handle) }));
}

function plain({ failures, ...recovered }: Recovered) {
  const { plugs, foreign } = recovered;
  const reasons = failures.map((failure) => failure instanceof Error ? failure.message : String(failure));
  return { ...recovered, plugs: named(plugs), foreign: named(foreign), failures: reasons };
}
