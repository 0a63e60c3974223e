/**
 * The program that is a guardian, put together of all that it can have charge of: `guardian_process.ts FD`, where FD is
 * the file descriptor of the connection to the process that has started it.
 *
 * @module
 */

import type { ConnectTo, Duty } from "../guardian/charge.ts";
import { guard } from "../guardian/guard.ts";
import type { NamespaceCharge, ProcessesCharge } from "../guardian/processes.ts";
import type { PlugCharge } from "../plug/guarded_plug.ts";
import type { GateCharge } from "./guarded_gate.ts";
import type { TapCharge } from "./tap.ts";

/** What a guardian puts right when the process that entrusted it is dead. */
export type Charge = PlugCharge | GateCharge | TapCharge | ProcessesCharge | NamespaceCharge;

/** Is a guardian, for as long as it is needed. */
export async function beGuardian(fd: number): Promise<void> {
  await guard(fd, dutyOf);
}

/** Loads what this kind of charge takes and nothing else: a guardian for a plug is ready the sooner. */
async function dutyOf(charge: Charge, connectTo: ConnectTo): Promise<Duty> {
  switch (charge.kind) {
    case "plug":
      return (await import("../plug/guarded_plug.ts")).plugDuty(charge, connectTo(charge.netns));
    case "gate":
      return (await import("./guarded_gate.ts")).gateDuty(charge, connectTo(charge.netns));
    case "tap":
      return (await import("./tap.ts")).tapDuty(charge, connectTo(charge.netns));
    case "processes":
      return (await import("../guardian/processes.ts")).processesDuty(charge);
    case "namespace":
      return (await import("../guardian/processes.ts")).namespaceDuty(charge);
    default:
      throw new TypeError(`Cannot take charge of ${JSON.stringify(charge satisfies never)}`);
  }
}

if (import.meta.main) await beGuardian(Number(Deno.args[0]));
