import config from "../../deno.json" with { type: "json" };
import { type Context, isGiven } from "../context.ts";

/** `plugctl version` */
export function run(context: Context): void {
  const versions = { plugctl: config.version, deno: Deno.version.deno, target: Deno.build.target };
  if (isGiven(context, "json")) return context.print(`${JSON.stringify(versions, null, 2)}\n`);
  context.print(`plugctl ${versions.plugctl} (deno ${versions.deno}, ${versions.target})\n`);
}
