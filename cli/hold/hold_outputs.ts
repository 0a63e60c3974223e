import { InheritedFile } from "../../linux/inherited_file.ts";
import { type Context, isGiven, valueOf } from "../context.ts";
import { UsageError } from "../exit_status.ts";

/** Where `hold` writes, beside standard error: opened before anything is touched. */
export interface HoldOutputs extends Disposable {
  /** Tells `--ready-fd` that it has begun, and closes that. */
  begun(text: string): void;
  /** Writes the report, for which `--report` or `--json` asks. */
  report(result: Record<string, unknown>): void;
}

/**
 * Opens what `--ready-fd` and `--report` name.
 *
 * @throws {UsageError} where a number is none, or `--json` would mix with the output of the command
 * @throws {Error} where nothing can be written there
 */
export function openHoldOutputs(context: Context): HoldOutputs {
  const json = isGiven(context, "json");
  if (json && context.arguments.program.length > 0) {
    throw new UsageError(
      "--json would mix with the output of the command: write the report elsewhere with --report FILE or --report fd:N",
    );
  }
  const readyFd = valueOf(context, "ready-fd");
  const report = valueOf(context, "report");
  const ready = readyFd === undefined ? undefined : new InheritedFile(descriptor(readyFd, "--ready-fd"));
  const target = report === undefined ? undefined : openReport(report);
  return {
    begun(text) {
      ready?.write(`${text}\n`);
      ready?.[Symbol.dispose]();
    },
    report(result) {
      const text = `${JSON.stringify(result, null, 2)}\n`;
      target?.write(text);
      if (json) context.print(text);
    },
    [Symbol.dispose]() {
      ready?.[Symbol.dispose]();
      target?.[Symbol.dispose]();
    },
  };
}

function descriptor(text: string, option: string): number {
  if (/^[0-9]{1,6}$/.test(text)) return Number(text);
  throw new UsageError(
    `invalid ${option} ${JSON.stringify(text)}: use the number of an open file descriptor, such as 3`,
  );
}

function openReport(target: string): { write(text: string): void } & Disposable {
  if (target.startsWith("fd:")) return new InheritedFile(descriptor(target.slice(3), "--report fd:"));
  const file = openFile(target);
  const write = (text: string) => {
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  };
  return { write, [Symbol.dispose]: () => file.close() };
}

/** Opens a file that is written anew. */
export function openFile(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { write: true, create: true, truncate: true });
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

/** That a file cannot be written, and why. */
export function cannotWrite(path: string, error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const reason = error.message.replace(/ \(os error \d+\).*$/s, "");
  return new Error(`Cannot write ${path}: ${reason}`, { cause: error });
}
