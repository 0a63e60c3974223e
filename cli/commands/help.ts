import config from "../../deno.json" with { type: "json" };
import { commandsUnder, findCommand, unknownCommand } from "../arguments.ts";
import { type Context, isGiven } from "../context.ts";
import { UsageError } from "../exit_status.ts";

/** `plugctl help` */
export async function help(context: Context): Promise<void> {
  const { commandHelp, generalHelp, groupHelp } = await import("../help_text.ts");
  const { operands } = context.arguments;
  const name = operands.join(" ");
  if (name === "") return context.print(generalHelp());
  const command = findCommand(name);
  if (command !== undefined) return context.print(commandHelp(command));
  const commands = commandsUnder(name);
  const known = findCommand(operands[0]);
  if (known !== undefined) {
    throw new UsageError(`unexpected argument ${JSON.stringify(operands[1])}; see: plugctl help ${known}`);
  }
  if (commands.length === 0) throw unknownCommand(operands);
  context.print(groupHelp(name, commands));
}

/** `plugctl version` */
export function version(context: Context): void {
  const versions = { plugctl: config.version, deno: Deno.version.deno, target: Deno.build.target };
  if (isGiven(context, "json")) return context.print(`${JSON.stringify(versions, null, 2)}\n`);
  context.print(`plugctl ${versions.plugctl} (deno ${versions.deno}, ${versions.target})\n`);
}
