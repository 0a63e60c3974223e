/**
 * Podman on the kernel of the tests, with its API on a socket: containers that have nothing but a loopback device.
 *
 * @module
 */

import { until } from "./until.ts";

/** Where cgroups are. */
export const CGROUPS = "/sys/fs/cgroup";
const START_MS = 60_000;

/** Podman's API, with containers of its own, all of which are gone when the block ends. */
export class Podman implements AsyncDisposable {
  readonly socket: string;
  readonly #folder = Deno.makeTempDirSync({ prefix: "plugctl-podman-" });
  readonly #names: string[] = [];
  readonly #words: string[];
  readonly #service: Deno.ChildProcess;
  readonly #client: Deno.HttpClient;

  constructor() {
    this.socket = `${this.#folder}/podman.sock`;
    mountCgroups();
    for (const name of ["bin", "dev", "etc", "proc", "run", "sys", "tmp"]) {
      Deno.mkdirSync(`${this.#folder}/root/${name}`, { recursive: true });
    }
    Deno.copyFileSync(busybox(), `${this.#folder}/root/bin/busybox`);
    const places = ["--root", `${this.#folder}/data`, "--runroot", `${this.#folder}/state`];
    const plain = ["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "none"];
    this.#words = [...places, ...plain];
    const args = [...this.#words, "system", "service", "--time", "0", `unix://${this.socket}`];
    this.#service = new Deno.Command("podman", { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
    this.#client = Deno.createHttpClient({ proxy: { transport: "unix", path: this.socket } });
  }

  /** Starts a container that does nothing, and returns once it runs. */
  run(name: string): void {
    this.#names.push(name);
    const container = ["--detach", "--name", name, "--cgroups", "disabled", "--network", "none", "--stop-timeout", "0"];
    const program = ["--rootfs", `${this.#folder}/root`, "/bin/busybox", "sleep", "1000000"];
    const args = [...this.#words, "run", ...container, ...program];
    const { success, stderr } = new Deno.Command("podman", { args, stdin: "null" }).outputSync();
    if (!success) throw new Error(`Cannot run a container: ${new TextDecoder().decode(stderr)}`);
  }

  /** Waits until the API answers. */
  async answers(): Promise<void> {
    const isThere = async () => await this.ask("GET", "/_ping").then(() => true, () => false);
    await until(isThere, { timeoutMs: START_MS, what: "Podman's API" });
  }

  /** Asks, as Docker's command line would, and throws where that fails. */
  async ask(method: string, path: string): Promise<void> {
    const response = await fetch(`http://localhost${path}`, { method, client: this.#client });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // One that a test has removed is not there any more.
    for (const name of this.#names) await this.ask("DELETE", `/containers/${name}?force=true`).catch(() => {});
    this.#client.close();
    this.#service.kill("SIGTERM");
    await this.#service.status;
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** Sees to it that there are cgroups of version 2 where everybody looks for them. */
export function mountCgroups(): void {
  if ([...Deno.readDirSync(CGROUPS)].some(({ name }) => name.startsWith("cgroup."))) return;
  new Deno.Command("mount", { args: ["-t", "cgroup2", "none", CGROUPS] }).outputSync();
}

/** A container has no libraries: this has none either. */
function busybox(): string {
  const { stdout } = new Deno.Command("sh", { args: ["-c", "command -v busybox"] }).outputSync();
  const path = new TextDecoder().decode(stdout).trim();
  const [magic] = new TextDecoder("latin1").decode(Deno.readFileSync(path).subarray(0, 4)).split("\n");
  if (magic === "\x7fELF") return path;
  // A starter of the cache, beside what it starts
  return `${Deno.env.get("PLUGCTL_TOOLS")}/bin/busybox`;
}
