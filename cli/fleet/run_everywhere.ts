import type { Caller, KnownHost } from "../../fleet/caller.ts";
import type { ReportPart } from "../../fleet/host_runs.ts";
import type { ToldRun } from "../../control/serve/runs.ts";
import { Interrupted } from "../exit_status.ts";

/** What is run on each host. */
export interface RunAsked {
  scenario: string;
  set?: Record<string, string>;
  seed?: number;
}

/** How a run has ended on a host, or why it did not begin there. */
export interface HostRun {
  host: string;
  told?: ToldRun;
  problem?: string;
  report?: Uint8Array<ArrayBuffer>;
}

/** How long a host may take to read a scenario, to begin, and to undo it, in milliseconds. */
const PATIENCE = { timeoutMs: 15_000 };
/** How many of these in a line may not be answered before a host is given up. */
const UNHEARD_MAX = 5;

/** The same scenario on several hosts at once: on all that have read it, or where one cannot, on none. */
export class RunEverywhere {
  readonly #caller: Caller;
  readonly #asked: RunAsked;
  readonly #onEnd: (run: HostRun) => void;
  readonly #going = new Map<string, string>();

  constructor(caller: Caller, asked: RunAsked, onEnd: (run: HostRun) => void) {
    this.#caller = caller;
    this.#asked = asked;
    this.#onEnd = onEnd;
  }

  /** Has each host check it, and tells which cannot run it, and why. */
  async check(hosts: readonly KnownHost[]): Promise<HostRun[]> {
    return await Promise.all(hosts.map(async ({ host, status }): Promise<HostRun> => {
      if (!status) return { host, problem: "no agent answers for it" };
      const answer = await this.#caller.ask(host, "scenario-check", this.#asked, PATIENCE);
      return "error" in answer ? { host, problem: answer.error.message } : { host };
    }));
  }

  /** Runs it on all of them, and returns how each has ended. */
  async run(hosts: readonly string[], signal: AbortSignal): Promise<HostRun[]> {
    const ends = await Promise.all(hosts.map(async (host) => {
      const end = await this.#runOn(host, signal);
      this.#going.delete(host);
      this.#onEnd(end);
      return end;
    }));
    if (signal.aborted && signal.reason instanceof Interrupted) throw signal.reason;
    return ends;
  }

  async #runOn(host: string, signal: AbortSignal): Promise<HostRun> {
    const begun = await this.#caller.ask(host, "scenario-begin", this.#asked, PATIENCE);
    if ("error" in begun) return { host, problem: begun.error.message };
    const { id } = begun.result as ToldRun;
    for (let unheard = 0; unheard < UNHEARD_MAX;) {
      const operation = signal.aborted ? "scenario-end" : "scenario-wait";
      const answer = await this.#caller.ask(host, operation, { run: id }, PATIENCE);
      if ("error" in answer) {
        if (answer.error.code !== "no-answer") return { host, problem: answer.error.message };
        unheard++;
        continue;
      }
      unheard = 0;
      const told = answer.result as ToldRun;
      if (told.until !== undefined) return { host, told, report: await this.#report(host, told) };
    }
    return { host, problem: "it is not heard of: it ends the run, and undoes it, when it hears nothing for 10 s" };
  }

  async #report(host: string, { id, report }: ToldRun): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (report === undefined) return undefined;
    const parts: Uint8Array[] = [];
    for (let from = 0;;) {
      const answer = await this.#caller.ask(host, "scenario-report", { run: id, from }, PATIENCE);
      if ("error" in answer) return undefined;
      const { base64, size } = answer.result as ReportPart;
      const part = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      parts.push(part);
      from += part.length;
      if (from >= size || part.length === 0) break;
    }
    return new Uint8Array(await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer());
  }
}
