import { unknownCommand } from "../arguments.ts";
import type { Context } from "../context.ts";
import { commandHelp, generalHelp } from "../help_text.ts";
import { findCommand } from "../table.ts";

/** `plugctl help` */
export function run(context: Context): void {
  const word = context.arguments.operands.join(" ");
  if (word === "") return context.print(generalHelp());
  const command = findCommand(word);
  if (command === undefined) throw unknownCommand(word);
  context.print(commandHelp(command));
}
