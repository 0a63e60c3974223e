import { type Arguments, parseArguments } from "./arguments.ts";
import type { Context, Run } from "./context.ts";
import { EXIT } from "./exit_status.ts";
import type { CommandName } from "./table.ts";
import { UsageError } from "./usage_error.ts";

/**
 * Each command's module, loaded when it is the one at hand. Here and wherever else `cli/` loads a part of itself, the
 * path is not a plain literal: Deno (seen up to 2.9.6) reads what those name at the start already, the sources of all
 * commands for each of them, which takes 8 ms.
 */
const MODULES: Readonly<Record<CommandName, () => Promise<{ run: Run }>>> = {
  "attach": (): Promise<typeof import("./commands/attach.ts")> => import("./commands/attach.ts" as string),
  "detach": (): Promise<typeof import("./commands/detach.ts")> => import("./commands/detach.ts" as string),
  "buffer": (): Promise<typeof import("./commands/buffer.ts")> => import("./commands/buffer.ts" as string),
  "release-one": (): Promise<typeof import("./commands/release_one.ts")> =>
    import("./commands/release_one.ts" as string),
  "release-indefinite": (): Promise<typeof import("./commands/release_indefinite.ts")> =>
    import("./commands/release_indefinite.ts" as string),
  "limit": (): Promise<typeof import("./commands/limit.ts")> => import("./commands/limit.ts" as string),
  "show": (): Promise<typeof import("./commands/show.ts")> => import("./commands/show.ts" as string),
  "gate add": (): Promise<typeof import("./commands/gate_add.ts")> => import("./commands/gate_add.ts" as string),
  "gate list": (): Promise<typeof import("./commands/gate_list.ts")> => import("./commands/gate_list.ts" as string),
  "gate delete": (): Promise<typeof import("./commands/gate_delete.ts")> =>
    import("./commands/gate_delete.ts" as string),
  "recover": (): Promise<typeof import("./commands/recover.ts")> => import("./commands/recover.ts" as string),
  "doctor": (): Promise<typeof import("./commands/doctor.ts")> => import("./commands/doctor.ts" as string),
  "help": (): Promise<typeof import("./commands/help.ts")> => import("./commands/help.ts" as string),
  "version": (): Promise<typeof import("./commands/version.ts")> => import("./commands/version.ts" as string),
};

/** Where the text of a command line goes. */
export interface Streams {
  stdout: Stream;
  stderr: Stream;
}

/** What text is written to: it takes some of the bytes, and says how many. */
interface Stream {
  writeSync(bytes: Uint8Array): number;
}

/** Runs a command line, without the program's name, and returns its exit status. */
export async function runCommandLine(words: readonly string[], streams: Streams): Promise<number> {
  let given: Arguments | undefined;
  try {
    given = parseArguments(words);
    const context = makeContext(given, streams);
    if (given.values.has("help")) {
      const { commandHelp }: typeof import("./help_text.ts") = await import("./help_text.ts" as string);
      context.print(commandHelp(given.command));
      return EXIT.done;
    }
    const { run } = await MODULES[given.command]();
    return await run(context) ?? EXIT.done;
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return EXIT.failed;
    return await fail(error, given, streams);
  }
}

function makeContext(given: Arguments, { stdout, stderr }: Streams): Context {
  return {
    arguments: given,
    print: (text) => write(stdout, text),
    note: (text) => given.values.has("quiet") || write(stderr, `plugctl: ${text}\n`),
    trace: (text) => write(stderr, text),
  };
}

async function fail(error: unknown, given: Arguments | undefined, { stderr }: Streams): Promise<number> {
  if (error instanceof UsageError) {
    write(stderr, `plugctl: ${error.message}\n`);
    return EXIT.usage;
  }
  const { describeFailure }: typeof import("./failure.ts") = await import("./failure.ts" as string);
  const { message, status } = describeFailure(error, given && nameQueue(given));
  for (const line of message.split("\n")) write(stderr, `plugctl: ${line}\n`);
  return status;
}

/** How the command line named its queue, unless it named several. */
function nameQueue({ command, values }: Arguments): { dev?: string; queue?: string; attaches: boolean } {
  const devices = values.get("dev") ?? [];
  const attaches = command === "attach";
  if (devices.length !== 1) return { attaches };
  const names = ["netns", "dev", "parent"] as const;
  const words = names.flatMap((name) => values.get(name)?.map((value) => `--${name} ${value}`) ?? []);
  return { dev: devices[0], queue: words.join(" "), attaches };
}

/** Writes all of a text, and returns once it is written, so that none is lost at the exit. */
function write(to: Stream, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += to.writeSync(bytes.subarray(at));
}

if (import.meta.main) Deno.exit(await runCommandLine(Deno.args, Deno));
