/**
 * The demo's hosts: network namespaces, and programs that run in them.
 *
 * @module
 */

import { RTM_GETQDISC } from "../codec/assembly/constants.ts";
import { inNamespace, makeNamespace } from "../linux/namespace.ts";
import { type CableEnd, hasIpv6, layCable, setUpHost } from "../netlink/cable.ts";
import { Connection } from "../netlink/connection.ts";
import { within } from "../uml/processes.ts";
import { readLines } from "../linux/incoming.ts";

const ANSWER_MS = 30_000;

/** Makes two hosts, each with an `eth0` that leads to the other. */
export function connectHosts(addresses: Record<string, readonly number[]>): void {
  const ends = Object.entries(addresses).map(([netns, octets], index): CableEnd => ({
    netns,
    name: "eth0",
    mac: Uint8Array.of(0x02, 0x70, 0x6c, 0, 0, index),
    addresses: [{ text: `${octets.join(".")}/24`, address: Uint8Array.from(octets), length: 24 }],
  }));
  for (const { netns } of ends) makeNamespace(netns);
  const [left, right] = ends;
  const options = { operation: "join the hosts", ipv6: hasIpv6() };
  layCable([left, right], options);
  for (const [here, there] of [[left, right], [right, left]] as const) {
    setUpHost({ netns: here.netns, ends: [[here, there]], routes: [], forward: false }, options);
  }
}

/** What the kernel says of the first queueing discipline of a host's `eth0`. */
export interface Qdisc {
  /** Such as `plug` or `noqueue` */
  kind: string;
  /** Packets in its queue */
  qlen: number;
}

/** Reads the queueing discipline of a host's `eth0` from the kernel. */
export function rootQdisc(host: string): Qdisc {
  using connection = Connection.open({ netns: host });
  const ifindex = connection.deviceIndex("eth0");
  const request = { type: RTM_GETQDISC, ifindex: 0, handle: 0, parent: 0 } as const;
  const [first] = connection.dump("list the qdiscs", request)
    .flatMap((message) => message.about === "qdisc" && message.ifindex === ifindex ? [message] : []);
  return { kind: first?.kind ?? "none", qlen: first?.stats?.backlogPackets ?? 0 };
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
    const command = new Deno.Command(deno[0], { args: deno.slice(1), stdin: "piped", stdout: "piped" });
    this.#process = inNamespace(host, () => command.spawn());
    this.#input = this.#process.stdin.getWriter();
    this.#lines = readLines(this.#process.stdout);
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
