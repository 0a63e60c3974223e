import type { Context } from "../context.ts";
import { commandHelp, generalHelp } from "../help_text.ts";
import { findCommand } from "../table.ts";
import { UsageError } from "../usage_error.ts";

/** `plugctl help` */
export function run(context: Context): void {
  const word = context.arguments.operands.join(" ");
  if (word === "") return context.print(generalHelp());
  const command = findCommand(word);
  if (command === undefined) throw new UsageError(`unknown command ${JSON.stringify(word)}; see: plugctl help`);
  context.print(commandHelp(command));
}
