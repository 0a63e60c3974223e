import type { Policy } from "../control/policy.ts";
import { isThere } from "../linux/process.ts";
import { type Context, valueOf } from "./context.ts";
import { UsageError } from "./exit_status.ts";

/** Where the machine's own policy stands. */
const POLICY_FILE = "/etc/plugctl/policy.yaml";

/** What the owner of the machine lets askers do: the file that is named, or the machine's own where that is there. */
export async function policyFor(context: Context): Promise<Policy | undefined> {
  const given = valueOf(context, "policy");
  if (given === undefined && !isThere(POLICY_FILE)) return undefined;
  const file = given ?? POLICY_FILE;
  const { readPolicy } = await import("../control/policy.ts");
  try {
    const policy = await readPolicy(file);
    context.note(`what may be held is limited by ${file}`);
    return policy;
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}
