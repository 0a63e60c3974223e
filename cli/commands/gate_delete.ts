import type { DetachReport } from "../../plug/drain.ts";
import { Gate } from "../../gate/gate.ts";
import { deleteDevice } from "../../plug/gate_device.ts";
import { changeRequest, type QdiscPlace } from "../../plug/plug_requests.ts";
import { type Context, isGiven } from "../context.ts";
import { durationOf, gateName } from "../values.ts";
import { interruptible } from "../interruptible.ts";
import { losses } from "../printing.ts";
import { EXIT } from "../exit_status.ts";
import { openConnection } from "../targets.ts";

/** `plugctl gate delete` */
export async function run(context: Context): Promise<number | void> {
  const names = context.arguments.operands.map(gateName);
  const drop = isGiven(context, "drop");
  const force = isGiven(context, "force");
  const timeoutMs = durationOf(context, "timeout");
  if (isGiven(context, "dry-run")) return await printPlan(context, { names, drop });
  using connection = await openConnection(context);
  const gates = Gate.named(connection, names);
  const reports: DetachReport[] = [];
  for (const gate of gates) {
    const report = await interruptible((signal) => gate.close({ drop, force, timeoutMs, signal }));
    for (const loss of losses(`the gate ${gate.name}`, report)) context.note(loss);
    reports.push(report);
  }
  if (isGiven(context, "json")) {
    const results = names.map((gate, index) => ({ gate, action: "gate delete", ...reports[index] }));
    context.print(`${JSON.stringify(results, null, 2)}\n`);
  }
  return reports.some(({ lostPackets }) => lostPackets > 0) ? EXIT.failed : EXIT.done;
}

/** Prints what is known without a socket: which filters there are, and whether the clsact goes too, is not. */
async function printPlan(context: Context, { names, drop }: { names: string[]; drop: boolean }): Promise<void> {
  const { gatePlace, printRequests } = await import("../dry_run.ts");
  context.note("the filters, which go first, are not shown: they are read from the kernel");
  const requestsFor = (place: QdiscPlace) => [
    ...drop ? [] : [changeRequest(place, "release-indefinite")],
    deleteDevice(place.ifindex),
  ];
  printRequests(context, { places: names.map(gatePlace), requestsFor });
}
