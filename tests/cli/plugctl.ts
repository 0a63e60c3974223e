/** What a process of plugctl did. */
export interface Outcome {
  status: number;
  stdout: string;
  stderr: string;
}

/** How to run it. */
export interface RunOptions {
  /** What Deno allows it, besides reading the program itself. Default: everything. */
  permissions?: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** The folder in which it runs. Default: this process's. */
  cwd?: string;
  /** The module that is run instead, from this folder. */
  main?: string;
}

const ROOT = new URL("../../", import.meta.url).pathname;

/** What it takes to load a command's module: Deno reads at the start only what main.ts imports for all of them. */
export const READ_ITSELF = `--allow-read=${ROOT}`;

/** Runs the program with these words. Where its standard input is asked anything, it gets no answer. */
export async function plugctl(words: readonly string[], options?: RunOptions): Promise<Outcome> {
  return outcome(await makeCommand(words, options).output());
}

/** Starts the program with these words. */
export function spawnPlugctl(words: readonly string[], options?: RunOptions): Deno.ChildProcess {
  return makeCommand(words, options).spawn();
}

/** As `plugctl`, but keeps this process waiting: in the network namespace that it is in at this moment. */
export function plugctlHere(words: readonly string[], options?: RunOptions): Outcome {
  return outcome(makeCommand(words, options).outputSync());
}

function makeCommand(
  words: readonly string[],
  { permissions = ["-A"], env = {}, cwd, main = "../../cli/main.ts" }: RunOptions = {},
): Deno.Command {
  const url = new URL(main, import.meta.url).href;
  const reading = permissions.includes("-A") ? [] : [READ_ITSELF];
  const args = ["run", "--quiet", "--no-check", ...reading, ...permissions, url, ...words];
  return new Deno.Command(Deno.execPath(), { args, env, cwd, stdin: "null", stdout: "piped", stderr: "piped" });
}

function outcome({ code, stdout, stderr }: Deno.CommandOutput): Outcome {
  const decoder = new TextDecoder();
  return { status: code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
