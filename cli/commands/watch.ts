import { type Context, isGiven } from "../context.ts";
import { namedTargets, namespaceOf, openConnection, resolveTargets } from "../targets.ts";
import { positiveDuration } from "../values.ts";
import { whereGiven } from "../where.ts";
import { WatchedMachine } from "../watch/watched_machine.ts";

/** How long what a key holds is held at the most, where nothing is said. */
const MAX_HOLD_MS = 30_000;

/** `plugctl watch` */
export async function run(context: Context): Promise<void> {
  const { operands, values } = context.arguments;
  const isNamed = operands.length > 0 || values.has("dev") || values.has("gate");
  const named = isNamed ? namedTargets(context) : undefined;
  const forMs = positiveDuration(context, "for");
  const maxHoldMs = positiveDuration(context, "max-hold") ?? MAX_HOLD_MS;
  const netns = namespaceOf(context);
  using connection = await openConnection(context);
  const targets = named && resolveTargets(connection, named);
  const names = targets ? [...targets.gates, ...targets.places.map(({ dev }) => dev)] : [];
  using machine = new WatchedMachine(connection, { names, netns });
  const isLines = isGiven(context, "json") || forMs !== undefined || !isTerminal();
  if (isLines) {
    const { printLines } = await import("../watch/lines.ts");
    return await printLines(context, machine, forMs);
  }
  const { view } = await import("../watch/view.ts");
  const where = whereGiven(context.arguments.values).netns;
  await view(context, { machine, connection, netns, where, maxHoldMs });
}

/** Whether somebody looks, and can press keys. */
function isTerminal(): boolean {
  return Deno.stdin.isTerminal() && Deno.stdout.isTerminal();
}
