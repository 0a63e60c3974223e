import { hostOfNamespace, NAMED } from "../../linux/namespace.ts";
import type { Context } from "../context.ts";
import { interruptible, UsageError } from "../exit_status.ts";
import { NotStarted } from "../hold/child.ts";
import { runShell } from "../run/shell.ts";

/** `plugctl shell` */
export async function run(context: Context): Promise<number> {
  const { operands: [host], program } = context.arguments;
  const netns = findHost(host, namespaces());
  try {
    // A signal of a terminal goes to what runs there; others end it.
    return await interruptible((signal) =>
      runShell({ host, netns, program: program.length > 0 ? program : undefined, signal })
    );
  } catch (error) {
    if (!(error instanceof NotStarted)) throw error;
    context.trace(`plugctl: ${error.message}\n`);
    return error.status;
  }
}

/**
 * The network namespace of a host of a scenario that runs, or one of that name.
 *
 * @throws {UsageError} where there is none, or where several scenarios have such a host
 */
export function findHost(host: string, names: readonly string[]): string {
  const found = names.filter((name) => hostOfNamespace(name) === host);
  if (found.length === 1) return found[0];
  if (found.length > 1) {
    throw new UsageError(
      `${found.length} scenarios that run have a host ${JSON.stringify(host)}; name one: ${found.join(", ")}`,
    );
  }
  if (names.includes(host)) return host;
  const hosts = names.flatMap((name) => hostOfNamespace(name) ?? []);
  const there = hosts.length === 0
    ? "no scenario with hosts runs now"
    : `those of the scenarios that run are ${[...new Set(hosts)].join(", ")}`;
  throw new UsageError(`there is no host ${JSON.stringify(host)}: ${there}`);
}

/** The names of `ip netns`. */
function namespaces(): string[] {
  try {
    return Array.from(Deno.readDirSync(NAMED), ({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
