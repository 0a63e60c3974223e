import { commandsUnder, unknownCommand } from "../arguments.ts";
import type { Context } from "../context.ts";
import { commandHelp, generalHelp, groupHelp } from "../help_text.ts";
import { findCommand } from "../table.ts";

/** `plugctl help` */
export function run(context: Context): void {
  const { operands } = context.arguments;
  const name = operands.join(" ");
  if (name === "") return context.print(generalHelp());
  const command = findCommand(name);
  if (command !== undefined) return context.print(commandHelp(command));
  const commands = commandsUnder(name);
  if (commands.length === 0) throw unknownCommand(operands);
  context.print(groupHelp(name, commands));
}
