import type { PlugGroup } from "../../qdisc/plug_group.ts";
import { changeCommand } from "../change_command.ts";
import type { Context } from "../context.ts";
import { positiveDuration } from "../duration.ts";
import { isGiven } from "../given.ts";

/** `plugctl buffer` */
export const run = changeCommand({ action: "buffer", change: buffer });

async function buffer(group: PlugGroup, context: Context): Promise<Record<string, unknown>[] | void> {
  const maxMs = positiveDuration(context, "max-hold");
  if (maxMs === undefined) return group.buffer({ force: isGiven(context, "force") });
  const guardians = await group.bufferWithDeadline({ maxMs });
  return guardians.map((guardian) => ({ maxHoldMs: maxMs, guardian }));
}
