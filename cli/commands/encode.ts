import { type Arguments, parseArguments } from "../arguments.ts";
import { type Context, isGiven, valueOf } from "../context.ts";
import { type CommandName, COMMANDS, type OptionName } from "../table.ts";
import { UsageError } from "../usage_error.ts";

const FORMATS = ["hex", "c", "json"];

/** `plugctl encode`: what the command prints with `--dry-run`, in a format that is for programs. */
export async function run(context: Context): Promise<number> {
  const format = valueOf(context, "format") ?? (isGiven(context, "json") ? "json" : "hex");
  if (!FORMATS.includes(format)) {
    throw new UsageError(`unknown format ${JSON.stringify(format)}: use ${FORMATS.join(", ")}`);
  }
  const given = parseArguments(context.arguments.program);
  if (given.values.has("help")) return await context.run(given);
  if (!takesDryRun(given.command)) {
    const others = (Object.keys(COMMANDS) as CommandName[]).filter(takesDryRun).join(", ");
    throw new UsageError(`${given.command} cannot be encoded, these can: ${others}`);
  }
  const values = new Map<OptionName, string[]>([...given.values, ["dry-run", []], ["format", [format]]]);
  return await context.run({ ...given, values } satisfies Arguments);
}

/** Whether its dry run prints what it would send; of these two it is a plan. */
function takesDryRun(command: CommandName): boolean {
  return command !== "run" && command !== "recover" &&
    (COMMANDS[command].options as readonly OptionName[]).includes("dry-run");
}
