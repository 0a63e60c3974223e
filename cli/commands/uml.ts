import { parseBytes } from "../../plug/quantity.ts";
import { boot, type BootTerminal, prepareBoot, type TerminalSize } from "../../uml/boot.ts";
import { systemPath } from "../../uml/processes.ts";
import { type Context, ownProgram, valueOf } from "../context.ts";
import { IncapableError, interruptible, understood, UsageError } from "../exit_status.ts";
import { shellText } from "../near_miss.ts";

/** What Deno needs to start in it. */
const LEAST_MEMORY = 1 << 30;

/** `plugctl uml` */
export async function run(context: Context): Promise<number> {
  const { program, values } = context.arguments;
  if (program.length === 0) throw new UsageError("uml needs a command: plugctl uml -- COMMAND...");
  const memoryBytes = memoryOf(context);
  const writable = (values.get("rw") ?? []).map(folderOf);
  return await interruptible(async (signal) => {
    try {
      await prepareBoot({ signal, onDownload: (what) => context.note(`downloading ${what}`) });
    } catch (error) {
      signal.throwIfAborted();
      throw new IncapableError(error instanceof Error ? error.message : String(error), { cause: error });
    }
    using terminal = Deno.stdin.isTerminal() && Deno.stdout.isTerminal() ? new Terminal() : undefined;
    return await boot([...program], {
      terminal,
      env: { ...Deno.env.toObject(), PATH: systemPath(), DENO_NO_UPDATE_CHECK: "1" },
      memoryBytes,
      writable,
      output: Deno.stdout.writable,
      programs: { plugctl: `#!/bin/sh\nexec ${shellText(ownProgram())} "$@"\n` },
      signal,
    });
  });
}

/** The terminal of this process, whose keys are the command's once that has begun. */
class Terminal implements BootTerminal, Disposable {
  readonly columns: number;
  readonly rows: number;
  #isTaken = false;

  constructor() {
    ({ columns: this.columns, rows: this.rows } = Deno.consoleSize());
  }

  begin(): AsyncIterable<Uint8Array> {
    Deno.stdin.setRaw(true);
    this.#isTaken = true;
    return Deno.stdin.readable;
  }

  onResize(tell: (size: TerminalSize) => void): Disposable {
    const resized = () => tell(Deno.consoleSize());
    Deno.addSignalListener("SIGWINCH", resized);
    return { [Symbol.dispose]: () => Deno.removeSignalListener("SIGWINCH", resized) };
  }

  [Symbol.dispose](): void {
    if (this.#isTaken) Deno.stdin.setRaw(false);
  }
}

function memoryOf(context: Context): number | undefined {
  const text = valueOf(context, "mem");
  if (text === undefined) return undefined;
  const bytes = understood(() => parseBytes(text));
  if (bytes >= LEAST_MEMORY) return bytes;
  throw new UsageError(`--mem is ${text}, must be at least 1g: plugctl needs that much in it`);
}

function folderOf(path: string): string {
  try {
    if (Deno.statSync(path).isDirectory) return Deno.realPathSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  throw new UsageError(`--rw ${path}: there is no such folder`);
}
