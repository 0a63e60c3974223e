import * as v from "valibot";
import { NEW_RUN, Runs, type RunsOptions, type ToldRun } from "../control/serve/runs.ts";
import { checked } from "../control/operation.ts";
import { RequestError } from "../control/problem.ts";

const RUN = { run: v.string("what scenario-begin has called it") };
const ENDED_OR_NOT = v.strictObject(RUN);
const FROM = v.strictObject({ ...RUN, from: v.pipe(v.number(), v.integer("a whole number"), v.minValue(0)) });

/** How long `scenario-wait` waits for an end, and how long a run goes on after which nobody asks, in milliseconds. */
const WAIT_MS = 1000;
const LEASE_MS = 10_000;
/** How much of a report an answer has, in bytes: a message of the broker has 1 MiB at the most. */
const PART_BYTES = 256 << 10;

/** A part of a report. */
export interface ReportPart {
  base64: string;
  /** How long all of it is. */
  size: number;
}

/** What can be asked: what it takes, and what it does. */
interface HostOperation {
  schema: v.GenericSchema;
  run: (asked: unknown) => unknown;
}

function doing<S extends v.GenericSchema>(schema: S, run: (asked: v.InferOutput<S>) => unknown): HostOperation {
  return { schema, run: run as (asked: unknown) => unknown };
}

/** Whole scenarios that a host runs for those that ask its agent, each for as long as somebody asks how it goes. */
export class HostRuns {
  readonly #runs: Runs;
  readonly #operations = new Map<string, HostOperation>([
    ["scenario-check", doing(NEW_RUN, async (asked) => ({ name: await this.#runs.check(asked) }))],
    ["scenario-begin", doing(NEW_RUN, (asked) => this.#begin(asked))],
    ["scenario-wait", doing(ENDED_OR_NOT, ({ run }) => this.#wait(run))],
    ["scenario-end", doing(ENDED_OR_NOT, ({ run }) => this.#runs.get(run).end())],
    ["scenario-report", doing(FROM, ({ run, from }) => this.#report(run, from))],
  ]);
  readonly #leases = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(options: RunsOptions) {
    this.#runs = new Runs(options);
  }

  /** Whether it is one of those that it does. */
  does(name: string): boolean {
    return this.#operations.has(name);
  }

  /** Does one of them. */
  async perform(name: string, input: unknown): Promise<unknown> {
    const operation = this.#operations.get(name);
    if (!operation) throw new RequestError("unknown-operation", `there is no operation ${JSON.stringify(name)}`);
    return await operation.run(checked({ name, schema: operation.schema }, input));
  }

  /** Ends those that go on, and waits until all is undone. */
  async close(): Promise<void> {
    for (const lease of this.#leases.values()) clearTimeout(lease);
    await this.#runs.close();
  }

  async #begin(asked: v.InferOutput<typeof NEW_RUN>): Promise<ToldRun> {
    const told = await this.#runs.begin(asked);
    this.#renew(told.id);
    return told;
  }

  async #wait(id: string): Promise<ToldRun> {
    const run = this.#runs.get(id);
    this.#renew(id);
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, WAIT_MS);
    await Promise.race([run.ended, promise]);
    clearTimeout(timer);
    return run.told;
  }

  async #report(id: string, from: number): Promise<ReportPart> {
    const bytes = await this.#runs.get(id).file("report.html");
    const part = bytes.subarray(from, from + PART_BYTES);
    return { base64: btoa(Array.from(part, (byte) => String.fromCharCode(byte)).join("")), size: bytes.length };
  }

  /** Nobody who asks is nobody who waits for it. */
  #renew(id: string): void {
    clearTimeout(this.#leases.get(id));
    const run = this.#runs.get(id);
    if (run.isOver) return void this.#leases.delete(id);
    this.#leases.set(id, setTimeout(() => void run.end().catch(() => {}), LEASE_MS));
    run.ended.then(() => {
      clearTimeout(this.#leases.get(id));
      this.#leases.delete(id);
    });
  }
}
