/**
 * The demo's hosts: network namespaces, and programs that run in them.
 *
 * @module
 */

import { lines } from "../uml/lines.ts";
import { within } from "../uml/within.ts";

const ANSWER_MS = 30_000;

/** Makes two hosts, each with an `eth0` that leads to the other. */
export function connectHosts(addresses: Record<string, string>): void {
  const names = Object.keys(addresses);
  for (const name of names) ip("netns", "add", name);
  const [left, right] = names.map((name) => ["eth0", "netns", name]);
  ip("link", "add", ...left, "type", "veth", "peer", "name", ...right);
  for (const [name, address] of Object.entries(addresses)) {
    ip("-netns", name, "address", "add", `${address}/24`, "dev", "eth0");
    // Without a link-local address, no solicitations of IPv6 are held along with the request
    ip("-netns", name, "link", "set", "eth0", "addrgenmode", "none", "up");
  }
}

/** What `tc` says of the first queueing discipline of a host's `eth0`. */
export interface Qdisc {
  /** Such as `plug` or `noqueue` */
  kind: string;
  /** Packets in its queue */
  qlen: number;
}

/** Reads the queueing discipline of a host's `eth0` with `tc`, a witness that is not plugctl. */
export function rootQdisc(host: string): Qdisc {
  const show = ["qdisc", "show", "dev", "eth0"];
  return JSON.parse(run("tc", "-netns", host, "-s", "-json", ...show))[0];
}

/** A program that runs on a host and speaks in lines. */
export class Program implements AsyncDisposable {
  readonly #name: string;
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncGenerator<string>;

  /** Starts a module of this folder, such as `client.ts`. */
  constructor(host: string, module: string, ...args: string[]) {
    const path = `${import.meta.dirname}/${module}`;
    const deno = [Deno.execPath(), "run", "-A", "--no-check", path, ...args];
    this.#name = module;
    this.#process = new Deno.Command("ip", {
      args: ["netns", "exec", host, ...deno],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#input = this.#process.stdin.getWriter();
    this.#lines = lines(this.#process.stdout);
  }

  /** Writes a line to its input. */
  async tell(line: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${line}\n`));
  }

  /** Reads the next line of its output, for which it has 30 seconds. */
  async hear(): Promise<string> {
    const { done, value } = await within(this.#lines.next(), {
      timeoutMs: ANSWER_MS,
      late: () => new Error(`${this.#name} said nothing for ${ANSWER_MS} ms`),
    });
    if (done) throw new Error(`${this.#name} ended before it was done`);
    return value;
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}

function ip(...args: string[]): void {
  run("ip", ...args);
}

function run(command: string, ...args: string[]): string {
  const { success, stdout, stderr } = new Deno.Command(command, { args })
    .outputSync();
  if (success) return new TextDecoder().decode(stdout);
  const complaint = new TextDecoder().decode(stderr).trim();
  throw new Error(`Cannot ${command} ${args.join(" ")}: ${complaint}`);
}
