import { type Arguments, parseArguments } from "./arguments.ts";
import type { Context, Stream, Streams } from "./context.ts";
import { EXIT, UsageError } from "./exit_status.ts";
import { COMMANDS } from "./table.ts";

/** Runs a command line, without the program's name, and returns its exit status. */
export async function runCommandLine(words: readonly string[], streams: Streams): Promise<number> {
  let given: Arguments | undefined;
  try {
    given = parseArguments(words);
    return await runThere(given, streams, runToItsEnd);
  } catch (error) {
    return await fail(error, given, streams);
  }
}

/** Runs a command line whose network namespace is known, and says why where that fails. */
async function runToItsEnd(given: Arguments, streams: Streams): Promise<number> {
  try {
    return await runCommand(given, streams);
  } catch (error) {
    return await fail(error, given, streams);
  }
}

/** Runs a command line where it is meant: of containers and pods it is found out in which network namespace that is. */
async function runThere(
  given: Arguments,
  streams: Streams,
  run: (given: Arguments, streams: Streams) => Promise<number>,
): Promise<number> {
  if (!given.values.has("container") && !given.values.has("pod")) return await run(given, streams);
  const { runInside } = await import("./containers/inside.ts");
  return await runInside(given, { streams, run });
}

async function runCommand(
  given: Arguments,
  streams: Streams,
  shared?: Pick<Context, "connections">,
): Promise<number> {
  const context = makeContext(given, streams, shared);
  if (given.values.has("help")) {
    const { commandHelp } = await import("./help_text.ts");
    context.print(commandHelp(given.command));
    return EXIT.done;
  }
  const run = await COMMANDS[given.command].load();
  return await run(context) ?? EXIT.done;
}

function makeContext(given: Arguments, streams: Streams, shared?: Pick<Context, "connections">): Context {
  const { stdout, stderr } = streams;
  return {
    ...shared,
    arguments: given,
    run: (other, shared) => runThere(other, streams, (given, streams) => runCommand(given, streams, shared)),
    print: (text) => printTo(stdout, text),
    note: (...lines) => given.values.has("quiet") || write(stderr, lines.map((line) => `plugctl: ${line}\n`).join("")),
    trace: (text) => write(stderr, text),
  };
}

async function fail(error: unknown, given: Arguments | undefined, { stderr }: Streams): Promise<number> {
  if (error instanceof Deno.errors.BrokenPipe) return EXIT.failed;
  if (error instanceof UsageError) {
    write(stderr, `plugctl: ${error.message}\n`);
    return EXIT.usage;
  }
  const failures = await import("./failure.ts").catch(() => undefined);
  if (!failures) {
    write(stderr, "plugctl: Deno does not let it read its own modules; run it with: deno run --allow-all\n");
    return EXIT.incapable;
  }
  const { message, status } = failures.describeFailure(error, given, given && await adviseOn(error, given));
  for (const line of message.split("\n")) write(stderr, `plugctl: ${line}\n`);
  return status;
}

/** What to do about an error for which the machine is looked at: a name that is not there. */
async function adviseOn(error: unknown, given: Arguments): Promise<string | undefined> {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code !== "no-device" && code !== "no-gate") return undefined;
  const { adviseOnName } = await import("./name_advice.ts");
  return adviseOnName(error, given);
}

/** Writes the output of a command. That its reader has gone is told by the exit status alone. */
function printTo(stdout: Stream, text: string | Uint8Array): void {
  try {
    write(stdout, text);
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe || !(error instanceof Error)) throw error;
    const reason = error.message.replace(/ \(os error \d+\)$/, "");
    throw new Error(`Cannot write to standard output: ${reason}`, { cause: error });
  }
}

/** Writes all of a text, and returns once it is written, so that none is lost at the exit. */
function write(to: Stream, text: string | Uint8Array): void {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  for (let at = 0; at < bytes.length;) at += to.writeSync(bytes.subarray(at));
}

/** Whether a word is the number of an open socket, as a guardian is started with. */
function isSocket(word: string | undefined): boolean {
  try {
    return /^[0-9]+$/.test(word ?? "") && Deno.readLinkSync(`/proc/self/fd/${word}`).startsWith("socket:");
  } catch {
    return false;
  }
}

if (import.meta.main) {
  // Words that nobody types: with the one this program is a guardian, with the other it tells a shell what may follow.
  const [first, ...rest] = Deno.args;
  if (first === "guardian:" && isSocket(rest[0])) {
    await (await import("../gate/guardian_process.ts")).beGuardian(Number(rest[0]));
  } else if (first === "complete:") {
    write(Deno.stdout, await (await import("./completions/candidates.ts")).complete(rest));
  } else Deno.exit(await runCommandLine(Deno.args, Deno));
}
