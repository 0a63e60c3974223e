/**
 * A HAProxy that changes over to a new process, as its own `-sf` does it.
 *
 * @module
 */

const CONFIGURATION = `${import.meta.dirname}/haproxy.cfg`;
const POLL_MS = 2;
const TIMEOUT_MS = 20_000;

/** A HAProxy that runs until it is disposed of. */
export class HaProxy implements AsyncDisposable {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Starts it. */
  static async start(): Promise<HaProxy> {
    const haproxy = new HaProxy(await Deno.makeTempDir({ prefix: "haproxy-reload-" }));
    await haproxy.#launch();
    return haproxy;
  }

  /** Has a new process take over from the one that runs, and waits until only the new one listens. */
  async reload(): Promise<void> {
    const old = this.#pid();
    await this.#launch("-sf", `${old}`);
    await until(() => !isListening(old));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const pid = this.#pid();
    Deno.kill(pid, "SIGTERM");
    await until(() => !isRunning(pid));
    await Deno.remove(this.#folder, { recursive: true });
  }

  #launch(...words: string[]): Promise<void> {
    return run("haproxy", "-D", "-f", CONFIGURATION, "-p", `${this.#folder}/pid`, ...words);
  }

  #pid(): number {
    return Number(Deno.readTextFileSync(`${this.#folder}/pid`));
  }
}

async function run(command: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args, stdin: "null", stderr: "piped" }).output();
  if (!success) throw new Error(`Cannot run ${command}: ${new TextDecoder().decode(stderr)}`);
}

function isRunning(pid: number): boolean {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/stat`).split(" ")[2] !== "Z";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Whether a process has a socket that listens on port 8000: the inode of one is among its open files. */
function isListening(pid: number): boolean {
  const listening = Deno.readTextFileSync("/proc/net/tcp").split("\n").map((line) => line.trim().split(/\s+/))
    .filter(([, local = "", , state]) => local.endsWith(":1F40") && state === "0A").map((columns) => columns[9]);
  const open = openSockets(pid);
  return listening.some((inode) => open.includes(`socket:[${inode}]`));
}

function openSockets(pid: number): string[] {
  try {
    return [...Deno.readDirSync(`/proc/${pid}/fd`)].map(({ name }) => target(`/proc/${pid}/fd/${name}`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function target(link: string): string {
  try {
    return Deno.readLinkSync(link);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MS;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`HAProxy has not changed over within ${TIMEOUT_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
