import { namespacePath, removeNamespace } from "../linux/namespace.ts";
import type { NamespaceCharge } from "./charge.ts";
import type { Duty } from "./duty.ts";
import { endProcesses, isInNamespace } from "./processes.ts";

/** What is to be done for a network namespace, which may not be there yet, or not any more. */
export function namespaceDuty({ name }: NamespaceCharge): Duty {
  return { putRight: () => endThoseIn(namespacePath(name)), remove: () => removeNamespace(name) };
}

async function endThoseIn(path: string): Promise<void> {
  try {
    await endProcesses(isInNamespace(path));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
