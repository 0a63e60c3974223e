/** A server on a host, over its real socket, and what asks it. */

import { assertEquals } from "@std/assert";
import { readLines } from "../../linux/incoming.ts";
import { GatePair, WAIT, witness } from "./gate_pair.ts";
import { arrivedNumbers, sendNumbered } from "./numbered.ts";
import { PLUGCTL } from "./plugctl.ts";
import { UdpSocket } from "./udp_socket.ts";
import { until } from "./until.ts";

/** How many packets are sent at a time. */
const COUNT = 20;

/** An answer of a server. */
export interface Answer {
  status: number;
  body: Body;
}

/** What is looked at in answers. */
export interface Body {
  name: string;
  id: string;
  names: string[];
  until: string;
  ended: string;
  heldMs: number;
  queues: { name: string; packets: number }[];
  code: string;
  detail: string;
  paths: Record<string, Record<string, Described>>;
  /** Of a list */
  at(index: number): Body;
}

/** What the description says of a request. */
export interface Described {
  requestBody?: { content: Record<string, { schema: Schema & { anyOf?: Schema[] } }> };
  responses: Record<string, unknown>;
}

/** What may be sent. */
export interface Schema {
  properties?: Record<string, unknown>;
  required?: string[];
}

/** A server on a host, and what asks it. */
export class Served implements AsyncDisposable {
  readonly pair = new GatePair();
  readonly before = witness(this.pair.left);
  readonly folder = Deno.makeTempDirSync();
  readonly socket = `${this.folder}/plugctl.sock`;
  readonly process: Deno.ChildProcess;
  readonly lines: AsyncIterator<string>;
  readonly client = Deno.createHttpClient({ proxy: { transport: "unix", path: this.socket } });
  readonly #address = this.pair.ends[1].ipv4;
  readonly #sender = new UdpSocket(this.pair.left, { address: "0.0.0.0", port: 0 });
  /** Opened when something is first sent. */
  #receiver?: UdpSocket;
  #sent = 0;

  constructor(...words: string[]) {
    const where = words.includes("--listen") ? [] : ["--socket", this.socket];
    const command = [...PLUGCTL, "serve", ...where, ...words];
    this.process = this.pair.left.spawn(command, { stdin: "null", stdout: "null", stderr: "piped" });
    this.lines = readLines(this.process.stderr)[Symbol.asyncIterator]();
  }

  /** Starts one, and waits until it listens. */
  static async start(...words: string[]): Promise<Served> {
    const served = new Served(...words);
    if (words.length === 0) assertEquals(await served.nextLine(), `plugctl: listening on ${served.socket}`);
    return served;
  }

  async nextLine(): Promise<string> {
    return (await this.lines.next()).value;
  }

  async ask(path: string, body?: unknown, method = body === undefined ? "GET" : "POST"): Promise<Answer> {
    const response = await this.fetch(path, body, { method });
    return { status: response.status, body: JSON.parse(await response.text()) };
  }

  fetch(path: string, body?: unknown, options: RequestInit = {}): Promise<Response> {
    const { client } = this;
    return fetch(`http://localhost${path}`, {
      client,
      ...options,
      headers: { ...body === undefined ? {} : { "content-type": "application/json" }, ...options.headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  }

  /** Sends to the right host. */
  send(): void {
    this.#receiver ??= new UdpSocket(this.pair.right, { address: this.#address, port: 9000 });
    sendNumbered(this.#sender, { address: this.#address, port: 9000 }, {
      count: COUNT,
      payloadBytes: 32,
      from: this.#sent,
    });
    this.#sent += COUNT;
  }

  /** How many have arrived of those not asked for before. */
  arrived(): number[] {
    return this.#receiver ? arrivedNumbers(this.#receiver) : [];
  }

  /** Returns when what was sent has arrived, each once and in order. */
  async allArrived(first = 0): Promise<void> {
    const numbers: number[] = [];
    await until(() => {
      numbers.push(...this.arrived());
      return numbers.length >= this.#sent - first;
    }, { ...WAIT, what: "all to arrive" });
    assertEquals(numbers, Array.from({ length: this.#sent - first }, (_, index) => first + index));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.process.kill("SIGKILL");
    } catch { /* It has ended */ }
    await this.process.status;
    await this.process.stderr.cancel().catch(() => {});
    this.client.close();
    this.#sender[Symbol.dispose]();
    this.#receiver?.[Symbol.dispose]();
    this.pair[Symbol.dispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** The events of an answer, as they come. */
export async function* eventsOf(response: Response): AsyncGenerator<[event: string, data: Record<string, unknown>]> {
  let event = "";
  for await (const line of readLines(response.body!)) {
    if (line.startsWith("event: ")) event = line.slice(7);
    if (line.startsWith("data: ")) yield [event, JSON.parse(line.slice(6))];
  }
}
