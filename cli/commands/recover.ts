import { formatHandle, formatParent } from "../../codec/handle.ts";
import type { DetachReport } from "../../qdisc/drain.ts";
import { recover, type Recovery } from "../../qdisc/recover.ts";
import type { Context } from "../context.ts";
import { durationOf } from "../duration.ts";
import { isGiven } from "../given.ts";
import { interruptible } from "../interruptible.ts";
import { openConnection } from "../queue_options.ts";

/** `plugctl recover` */
export async function run(context: Context): Promise<void> {
  const timeoutMs = durationOf(context, "timeout");
  using connection = await openConnection(context);
  const drop = isGiven(context, "drop");
  const recovery = await interruptible((signal) => recover(connection, { drop, timeoutMs, signal }));
  if (isGiven(context, "json")) context.print(`${JSON.stringify(plain(recovery), null, 2)}\n`);
  else context.print(lines(recovery).map((line) => `${line}\n`).join(""));
  for (const place of recovery.foreign) context.note(`left alone: ${placeText(place)}, which plugctl did not make`);
  const { failures } = recovery;
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, "Cannot take everything away");
}

function lines({ gates, plugs, filters }: Recovery): string[] {
  const done = [
    ...gates.map(({ name, ...report }) => `took down gate ${name}${losses(report)}`),
    ...plugs.map((plug) => `detached ${placeText(plug)}${losses(plug)}`),
    ...filters > 0 ? [`deleted ${filters} filters whose gate was gone`] : [],
  ];
  return done.length > 0 ? done : ["there is nothing to recover"];
}

function losses({ discardedPackets, drops }: DetachReport): string {
  const dropped = drops > 0 ? [`${drops} packets were dropped there`] : [];
  const discarded = discardedPackets > 0 ? [`${discardedPackets} held packets were discarded`] : [];
  return [...dropped, ...discarded].map((text) => `; ${text}`).join("");
}

function placeText({ dev, parent, handle }: { dev: string; parent: number; handle: number }): string {
  return `plug ${formatHandle(handle)} on ${dev} (${formatParent(parent)})`;
}

function plain({ gates, plugs, filters, foreign }: Recovery) {
  const named = <T extends { parent: number; handle: number }>(list: T[]) =>
    list.map((one) => ({ ...one, parent: formatParent(one.parent), handle: formatHandle(one.handle) }));
  return { gates, plugs: named(plugs), filters, foreign: named(foreign) };
}
