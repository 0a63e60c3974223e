/**
 * A session, as another program has it.
 *
 * @module
 */

import { readLines } from "../../linux/incoming.ts";
import type { Host } from "./host.ts";
import { PLUGCTL } from "./plugctl.ts";
import { until } from "./until.ts";

const WAIT = { timeoutMs: 60_000 };

/** A line that a session says. */
export interface Said {
  id?: number | null;
  event?: string;
  result?: unknown;
  error?: { code: string; message: string };
  [word: string]: unknown;
}

/** A session on a host, as another program has it. */
export class Conversation implements AsyncDisposable {
  readonly child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #said: Said[] = [];
  #last = 0;

  /** With words for `plugctl session`, or by another command that starts one. */
  constructor(host: Host, ...words: string[] | [{ command: readonly string[] }]) {
    const command = words.flatMap((word) => typeof word === "object" ? word.command : []);
    const options = words.filter((word) => typeof word === "string");
    const start = command.length > 0 ? command : [...PLUGCTL, "session", ...options];
    this.child = host.spawn(start, { stdin: "piped", stdout: "piped", stderr: "piped" });
    this.#input = this.child.stdin.getWriter();
    this.#read();
  }

  /** Asks, and returns the result; `op` first, then what it takes. */
  async ask(request: Record<string, unknown>): Promise<unknown> {
    const { result, error } = await this.answer(await this.send(request));
    if (error) throw new Error(`${error.code}: ${error.message}`);
    return result;
  }

  /** Asks, and returns the number of the request. */
  async send(request: Record<string, unknown>): Promise<number> {
    const id = ++this.#last;
    await this.write({ id, ...request });
    return id;
  }

  async write(line: unknown): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
  }

  /** What answers a request, once it does. */
  answer(id: number): Promise<Said> {
    return this.hear((said) => said.id === id && said.event === undefined, `the answer to ${id}`);
  }

  /** What was said that is meant, once it was. */
  hear(isMeant: (said: Said) => boolean, what: string): Promise<Said> {
    return until(() => this.#said.find(isMeant), { ...WAIT, what });
  }

  /** The events of a kind that there were till now. */
  events(kind: string): Said[] {
    return this.#said.filter(({ event }) => event === kind);
  }

  /** Ends its input, and returns its exit status and what it has written to standard error. */
  async end(): Promise<[status: number, stderr: string]> {
    await this.#input.close();
    const { code } = await this.child.status;
    return [code, await new Response(this.child.stderr).text()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.child.status;
    if (!this.child.stderr.locked) await this.child.stderr.cancel();
    await this.#input.close().catch(() => {});
  }

  async #read(): Promise<void> {
    for await (const line of readLines(this.child.stdout)) this.#said.push(JSON.parse(line));
  }
}
