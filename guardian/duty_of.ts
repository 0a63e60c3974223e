import type { Charge } from "./charge.ts";
import type { Connections } from "./connections.ts";
import type { Duty } from "./duty.ts";

/**
 * Makes ready all that a charge takes, so that it can be done whatever has vanished meanwhile. Loads what this kind of
 * charge takes and nothing else: a guardian for a plug is ready the sooner.
 */
export async function dutyOf(charge: Charge, connections: Connections): Promise<Duty> {
  switch (charge.kind) {
    case "plug":
      return (await import("./plug_duty.ts")).plugDuty(charge, connections.to(charge.netns));
    case "gate":
      return (await import("./gate_duty.ts")).gateDuty(charge, connections.to(charge.netns));
    case "processes":
      return (await import("./processes_duty.ts")).processesDuty(charge);
    case "namespace":
      return (await import("./namespace_duty.ts")).namespaceDuty(charge);
  }
}
