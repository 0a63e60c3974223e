import type { ProcessesCharge } from "./charge.ts";
import type { Duty } from "./duty.ts";
import { endProcesses, isOutsideSessionOf, isTagged } from "./processes.ts";

/** What is to be done for processes. A daemon's session is another than that of the process that entrusts them. */
export function processesDuty({ tag, sparesDaemons }: ProcessesCharge): Duty {
  const isMeant = isTagged(tag, { except: sparesDaemons ? isOutsideSessionOf(Deno.ppid) : undefined });
  return { putRight: () => endProcesses(isMeant) };
}
