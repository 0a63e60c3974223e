import { InheritedFile } from "../../linux/inherited_file.ts";
import { type Context, isGiven, valueOf } from "../context.ts";
import { UsageError } from "../exit_status.ts";
import { OutputFile } from "../output_file.ts";
import { descriptor } from "./hold_plan.ts";

/** Where `hold` writes, beside standard error: looked at before anything is touched. */
export interface HoldOutputs extends Disposable {
  /** Tells `--ready-fd` that it is armed, */
  armed(text: string): void;
  /** or has begun, and closes that. */
  begun(text: string): void;
  /** Writes the report, for which `--report` or `--json` asks. */
  report(result: Record<string, unknown>): Promise<void>;
}

/**
 * Takes over or prepares what `--ready-fd` and `--report` name.
 *
 * @throws {UsageError} where a number is none, or `--json` would mix with the output of the command
 * @throws {Error} where nothing can be written there
 */
export async function openHoldOutputs(context: Context): Promise<HoldOutputs> {
  const json = isGiven(context, "json");
  if (json && context.arguments.program.length > 0) {
    throw new UsageError(
      "--json would mix with the output of the command: write the report elsewhere with --report FILE or --report fd:N",
    );
  }
  const readyFd = valueOf(context, "ready-fd");
  const report = valueOf(context, "report");
  const ready = readyFd === undefined ? undefined : new InheritedFile(descriptor(readyFd, "--ready-fd"));
  const target = report === undefined ? undefined : await openReport(report);
  return {
    armed: (text) => ready?.write(`${text}\n`),
    begun(text) {
      ready?.write(`${text}\n`);
      ready?.[Symbol.dispose]();
    },
    async report(result) {
      const text = `${JSON.stringify(result, null, 2)}\n`;
      await target?.write(text);
      if (json) context.print(text);
    },
    [Symbol.dispose]() {
      ready?.[Symbol.dispose]();
      if (target instanceof InheritedFile) target[Symbol.dispose]();
    },
  };
}

async function openReport(target: string): Promise<InheritedFile | OutputFile> {
  return target.startsWith("fd:")
    ? new InheritedFile(descriptor(target.slice(3), "--report fd:"))
    : await OutputFile.prepare(target, "the report");
}
