/**
 * A HAProxy that changes over to a new process, as its own `-sf` does it.
 *
 * @module
 */

const CONFIGURATION = `${import.meta.dirname}/haproxy.cfg`;
const POLL_MS = 5;
const TIMEOUT_MS = 60_000;
/** Of `/proc/net/tcp`: the sockets that listen come first, the many that wait for their end last. */
const FIRST_LINES = 4096;

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

  /** Has a new process take over from the one that runs, and waits until the old one listens no more. */
  async reload(): Promise<void> {
    const old = listeners().map(({ inode }) => inode);
    await this.#launch("-sf", `${this.#pid()}`);
    await until(() => !listeners().some(({ inode }) => old.includes(inode)));
  }

  /** Waits until it has accepted every connection that has reached it: what it has not is reset when it stops. */
  async acceptedAll(): Promise<void> {
    await until(() => listeners().every(({ waiting }) => waiting === 0));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const pid = this.#pid();
    Deno.kill(pid, "SIGTERM");
    await until(() => !isRunning(pid));
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #launch(...words: string[]): Promise<void> {
    const args = ["-D", "-f", CONFIGURATION, "-p", `${this.#folder}/pid`, ...words];
    const { success, stderr } = await new Deno.Command("haproxy", { args, stdin: "null", stderr: "piped" }).output();
    if (!success) throw new Error(`Cannot start HAProxy: ${new TextDecoder().decode(stderr)}`);
  }

  #pid(): number {
    return Number(Deno.readTextFileSync(`${this.#folder}/pid`));
  }
}

/** The sockets that listen on port 8000, and how many connections wait to be accepted by each. */
function listeners(): { inode: string; waiting: number }[] {
  using file = Deno.openSync("/proc/net/tcp");
  const buffer = new Uint8Array(FIRST_LINES);
  const text = new TextDecoder().decode(buffer.subarray(0, file.readSync(buffer) ?? 0));
  const rows = text.split("\n").map((line) => line.trim().split(/\s+/));
  return rows.filter(([, local = "", , state]) => local.endsWith(":1F40") && state === "0A")
    .map(([, , , , queues, , , , , inode]) => ({ inode, waiting: parseInt(queues.split(":")[1], 16) }));
}

function isRunning(pid: number): boolean {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/stat`).split(" ")[2] !== "Z";
  } catch (error) {
    // A file of a process that ends while it is read is met with ESRCH.
    if (error instanceof Deno.errors.NotFound || String(error).includes("os error 3")) return false;
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
