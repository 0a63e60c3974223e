/**
 * User-Mode Linux: a real kernel, with `sch_plug`, as an ordinary process that needs no root.
 *
 * @module
 */

import initScript from "./init.sh" with { type: "text" };
import { chooseProcessor, startGuarded, terminate, within } from "./processes.ts";
import { readLines } from "../linux/incoming.ts";
import { isThere, keepOnProcessor } from "../linux/process.ts";
import { memoryFolder } from "./memory.ts";
import { modulesToLoad } from "./modules.ts";
import { type FetchOptions, type UmlFiles, umlFiles } from "./packages.ts";

const DEFAULT_MEMORY_BYTES = 2 * 1024 ** 3;
const LOG_LINES = 20;
/** How often it is looked whether the command has begun, in milliseconds. */
const BEGUN_MS = 20;
const CALL_TRACE = /^ \[<[0-9a-f]+>\]/;

/** What a command in User-Mode Linux is given. */
export interface BootOptions {
  /** The command's working folder; this process's own if not given */
  cwd?: string;
  /** The command's whole environment; nothing is inherited */
  env?: Record<string, string>;
  /** The kernel's memory in bytes, 2 GiB if not given; Deno needs about 1 GiB */
  memoryBytes?: number;
  /** Folders of this machine that the command may really write to, by their absolute paths */
  writable?: readonly string[];
  /** Scripts that the command finds before all other programs, by their names */
  programs?: Readonly<Record<string, string>>;
  /** Names of modules that are not loaded, such as `sch_plug` */
  withoutModules?: string[];
  /** Receives the command's output line by line; */
  onLine?: (line: string) => void;
  /** or as it comes, and is not closed. If neither is given, it goes nowhere */
  output?: WritableStream<Uint8Array<ArrayBuffer>>;
  /** The terminal on which it runs: `output` is what it shows; by none if not given */
  terminal?: BootTerminal;
  /** How long the command may take, booting included; for ever if not given */
  timeoutMs?: number;
  /** Ends the kernel and all that runs in it */
  signal?: AbortSignal;
}

/** How large a terminal is. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** A terminal that a command has. */
export interface BootTerminal extends TerminalSize {
  /** Called when the command begins; gives what is typed from then on. */
  begin(): AsyncIterable<Uint8Array>;
  /** Has another size that it takes told, until the result is disposed of. */
  onResize(tell: (size: TerminalSize) => void): Disposable;
}

/** What one kernel is started with. */
interface Machine extends BootOptions {
  command: string[];
  files: UmlFiles;
  /** The folder that the kernel's first process and this one share */
  exchange: string;
}

/**
 * Boots a kernel, runs a command in it as root, powers off, and returns the command's exit status.
 *
 * The command sees this machine's files with the rights of the user who calls. It may write
 * anywhere, but what it writes stays in that kernel's memory and goes with it. It has a loopback
 * device that is up, no other network, no input but by a `terminal`, and one stream for output and
 * errors. What it leaves running is killed when it ends.
 *
 * @throws {Error} If the kernel cannot be had or booted, or ends before the command does; the
 * message holds the last lines it said.
 * @throws {DOMException} A `TimeoutError` if the command takes longer than `timeoutMs`.
 */
export async function boot(
  command: string[],
  options: BootOptions = {},
): Promise<number> {
  const files = await umlFiles(options);
  const exchange = await Deno.makeTempDir({ prefix: "plugctl-uml-" });
  try {
    const machine = { ...options, command, files, exchange };
    await fillExchange(machine);
    const log = await runKernel(machine);
    return await readStatus(exchange, log);
  } finally {
    await Deno.remove(exchange, { recursive: true });
  }
}

/**
 * Fetches what {@linkcode boot} would fetch, and makes sure that it could boot here.
 *
 * @throws {Error} If it could not; the message says what to do.
 */
export async function prepareBoot(options: FetchOptions = {}): Promise<void> {
  await umlFiles(options);
  await memoryFolder(DEFAULT_MEMORY_BYTES);
}

/** Writes what `init.sh` reads. */
async function fillExchange(machine: Machine): Promise<void> {
  const { command, cwd, env = {}, exchange, files, programs = {}, terminal, withoutModules, writable = [] } = machine;
  await Deno.writeTextFile(`${exchange}/init.sh`, initScript);
  await Deno.writeTextFile(`${exchange}/writable`, writable.map((folder) => `${folder}\n`).join(""));
  if (terminal) {
    await Deno.writeTextFile(`${exchange}/terminal`, formatSize(terminal));
    const { success, stderr } = await new Deno.Command(files.busybox, { args: ["mkfifo", typedOn(machine)] }).output();
    if (!success) throw new Error(`Cannot pass on what is typed: ${new TextDecoder().decode(stderr).trim()}`);
  }
  await Deno.mkdir(`${exchange}/bin`);
  for (const [name, script] of Object.entries(programs)) {
    await Deno.writeTextFile(`${exchange}/bin/${name}`, script, { mode: 0o755 });
  }
  const modules = modulesToLoad(files.modules, withoutModules);
  await Deno.writeTextFile(`${exchange}/modules`, modules.join("\n") + "\n");

  const path = Object.keys(programs).length > 0 ? { PATH: `${exchange}/bin:${env.PATH ?? ""}` } : {};
  const variables = Object.entries({ PLUGCTL_MODULES: files.modules, ...env, ...path }).map(([name, value]) =>
    `${name}=${value}`
  );
  const words = ["/usr/bin/env", "-i", ...variables, ...command];
  await Deno.writeTextFile(
    `${exchange}/command`,
    `cd ${quote(cwd ?? Deno.cwd())} && exec ${words.map(quote).join(" ")}\n`,
  );
}

/** What stty is told. */
function formatSize({ rows, columns }: TerminalSize): string {
  return `rows ${rows} cols ${columns}`;
}

/** Where the kernel reads what is typed. */
function typedOn({ exchange }: Machine): string {
  return `${exchange}/typed`;
}

/** Quotes a word for the shell. */
function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Runs the kernel to its end and returns the last lines that it said itself. */
async function runKernel(machine: Machine): Promise<string[]> {
  using chosen = await chooseProcessor();
  const kernel = await startKernel(machine);
  keepOnProcessor(kernel.pid, chosen.processor);
  const log = lastLines(kernel.stderr);
  const work = Promise.all([passOn(kernel.stdout, machine), kernel.status]);
  using _typed = machine.terminal && passOnTyped(machine.terminal, machine);
  using _resized = machine.terminal && passOnSizes(machine.terminal, machine);
  try {
    await within(work, { ...machine, late: () => tooLong(machine) });
  } finally {
    // It ends its own processes on SIGTERM; all are in the group that it leads
    await terminate(kernel);
    await kernel.stdin.close();
  }
  return await log;
}

/** Has the command read what is typed, from its beginning until the result is disposed of. */
function passOnTyped(terminal: BootTerminal, machine: Machine): Disposable {
  // For both, so that it is not waited for
  const file = Deno.openSync(typedOn(machine), { read: true, write: true });
  let isOver = false;
  const timer = setInterval(async () => {
    if (!isThere(`${machine.exchange}/begun`)) return;
    clearInterval(timer);
    for await (const bytes of terminal.begin()) {
      if (isOver) return;
      for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
    }
  }, BEGUN_MS);
  return {
    [Symbol.dispose]() {
      isOver = true;
      clearInterval(timer);
      file.close();
    },
  };
}

/** Writes each size that the terminal takes where the command's is set by it, until the result is disposed of. */
function passOnSizes(terminal: BootTerminal, { exchange }: Machine): Disposable {
  let count = 0;
  return terminal.onResize((size) => {
    const path = `${exchange}/terminal.${++count}`;
    // All of it at once
    Deno.writeTextFileSync(`${path}.new`, formatSize(size));
    Deno.renameSync(`${path}.new`, path);
  });
}

async function startKernel(machine: Machine): Promise<Deno.ChildProcess> {
  const { memoryBytes = DEFAULT_MEMORY_BYTES, files } = machine;
  const folder = await memoryFolder(memoryBytes);
  const args = kernelArguments({ ...machine, memoryBytes });
  const typed: Record<string, string> = machine.terminal ? { TYPED: typedOn(machine) } : {};
  return startGuarded([files.kernel, ...args], { TMPDIR: folder, ...typed });
}

/** The command's output is the second console, on stdout; the kernel's own is the first, on stderr. */
function kernelArguments(machine: Machine & { memoryBytes: number }): string[] {
  const { exchange, files, memoryBytes, terminal } = machine;
  return [
    "rootfstype=hostfs",
    "rootflags=/",
    "ro",
    "quiet",
    `mem=${Math.floor(memoryBytes / 1024)}K`,
    `uml_dir=${exchange}`,
    "umid=uml",
    "con=null",
    "con0=null,fd:2",
    `con1=${terminal ? "fd:0" : "null"},fd:1`,
    // The kernel joins these words to one line, and splits it again where there are no quotes
    `init="${files.busybox}"`,
    "--",
    "sh",
    `"${exchange}/init.sh"`,
    `"${files.busybox}"`,
    `"${exchange}"`,
  ];
}

async function passOn(
  output: ReadableStream<Uint8Array<ArrayBuffer>>,
  { onLine, output: destination }: BootOptions,
): Promise<void> {
  if (destination) return await output.pipeTo(destination, { preventClose: true });
  for await (const line of readLines(output)) onLine?.(line);
}

async function lastLines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): Promise<string[]> {
  let last: string[] = [];
  for await (const line of readLines(stream)) {
    if (CALL_TRACE.test(line)) continue;
    last = [...last, line].slice(-LOG_LINES);
  }
  return last;
}

async function readStatus(exchange: string, log: string[]): Promise<number> {
  try {
    return Number.parseInt(await Deno.readTextFile(`${exchange}/status`));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(
      "Cannot run the command: User-Mode Linux ended before it did, and said\n" +
        log.join("\n"),
      { cause: error },
    );
  }
}

function tooLong({ command, timeoutMs }: Machine): DOMException {
  return new DOMException(
    `Cannot finish ${command[0]} in User-Mode Linux: it is still running after ${timeoutMs} ms`,
    "TimeoutError",
  );
}
