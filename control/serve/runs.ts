import * as v from "valibot";
import { TAG_VARIABLE } from "../../guardian/charge.ts";
import { Guardian } from "../../guardian/guardian.ts";
import { readLines } from "../../linux/incoming.ts";
import type { ScenarioEvent } from "../../scenario/event.ts";
import type { Scenario } from "../../scenario/scenario.ts";
import { RequestError } from "../problem.ts";
import { QUIET_MS } from "./event_stream.ts";
import { isSame } from "./visitor.ts";

/** What begins a run: a scenario's text, what its variables are set to, and whether its packets are kept in a file. */
export const NEW_RUN = v.strictObject({
  scenario: v.pipe(v.string("the text of a scenario"), v.nonEmpty("the text of a scenario")),
  set: v.optional(
    v.record(v.string(), v.union([v.string(), v.number(), v.boolean()], "a text, a number or a boolean")),
  ),
  seed: v.optional(v.pipe(
    v.number("a whole number"),
    v.integer("a whole number"),
    v.minValue(0, "at least 0"),
    v.maxValue(0xffffffff, "at most 4294967295"),
  )),
  capture: v.optional(v.boolean()),
});

/** What opens the report of a run, which a browser asks for without the token. */
export const REPORT_KEY = v.strictObject({ key: v.string() });

/** How many run at a time, and of how many that have ended it can still be asked how. */
const GOING_MAX = 8;
const ENDED_MAX = 20;
/** How many of the last lines are kept that a run says beside its events. */
const SAID_MAX = 100;

/** A run as it is told. */
export interface ToldRun {
  id: string;
  /** What the scenario calls itself. */
  name: string;
  from: string;
  /** When it has ended; absent while it goes on, as is all that follows. */
  until?: string;
  /** `done`, `unmet`, `failed` or `aborted`, as in the last of its events. */
  outcome?: string;
  /** Why, where it is not done. */
  sentence?: string;
  /** What `plugctl run` ended with, and the last lines that it said. */
  status?: number;
  said?: string[];
  /** Where its report is, to be opened in a browser, and its packets. */
  report?: string;
  packets?: string;
}

/** Whoever runs scenarios. */
export interface RunsOptions {
  /** The words that start plugctl; absent where no scenario may be run. */
  program?: readonly string[];
  /** @throws where no scenario may be run */
  check: () => void;
  onChange: (event: "run-began" | "run-ended", run: ToldRun) => void;
}

/** Scenarios that were asked for, each run by a process of its own, which ends with the server. */
export class Runs {
  readonly #options: RunsOptions;
  readonly #runs = new Map<string, Run>();
  /** Ends those that go on when this process is killed. */
  #guardian?: Guardian;

  constructor(options: RunsOptions) {
    this.#options = options;
  }

  /** Whether any may be run, and all that are known, the oldest first. */
  get told(): { allowed: boolean; runs: ToldRun[] } {
    return { allowed: this.#options.program !== undefined, runs: [...this.#runs.values()].map(({ told }) => told) };
  }

  /** How many go on. */
  get size(): number {
    return this.#runs.values().filter(({ isOver }) => !isOver).toArray().length;
  }

  /**
   * Checks a scenario, and begins to run it.
   *
   * @throws {RequestError} `forbidden`, `policy`, `busy`; `invalid` with all that is wrong in the scenario, and where
   */
  async begin({ scenario: text, ...options }: v.InferOutput<typeof NEW_RUN>): Promise<ToldRun> {
    const { onChange } = this.#options;
    const program = this.#mayRun();
    const folder = await folderFor(text);
    try {
      // Commands of other users are run there, who may not see what else is in it.
      await Deno.chmod(folder, 0o711);
      const { name, row } = await readScenario(folder, options.set);
      const { tag, drop } = this.#guard();
      const run = new Run({ ...options, set: { ...options.set, ...row }, name, folder, program, tag });
      this.#runs.set(run.id, run);
      onChange("run-began", run.told);
      run.ended.then(() => {
        drop();
        onChange("run-ended", run.told);
        this.#forget();
      });
      return run.told;
    } catch (error) {
      await Deno.remove(folder, { recursive: true });
      throw error;
    }
  }

  /** Checks a scenario as `begin` does, and runs nothing. Returns what it calls itself. */
  async check({ scenario: text, set }: Pick<v.InferOutput<typeof NEW_RUN>, "scenario" | "set">): Promise<string> {
    this.#mayRun();
    const folder = await folderFor(text);
    try {
      return (await readScenario(folder, set)).name;
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }

  #mayRun(): readonly string[] {
    const { program, check } = this.#options;
    if (!program) throw new RequestError("forbidden", "no scenarios are run here: start it with --allow-run");
    check();
    if (this.size >= GOING_MAX) throw new RequestError("busy", `${GOING_MAX} scenarios run already`);
    return program;
  }

  /** @throws {RequestError} `no-run` */
  get(id: string): Run {
    const run = this.#runs.get(id);
    if (!run) throw new RequestError("no-run", `there is no run ${JSON.stringify(id)}`);
    return run;
  }

  /** Ends those that go on, waits until all is undone, and removes what was written. */
  async close(): Promise<void> {
    const runs = [...this.#runs.values()];
    await Promise.all(runs.map((run) => run.end()));
    for (const run of runs) run.remove();
    this.#guardian?.[Symbol.dispose]();
  }

  /** The tag of processes that are ended with this one, until `drop` is called. */
  #guard(): { tag: string; drop: () => void } {
    const tag = crypto.randomUUID();
    const guardian = this.#guardian ??= Guardian.start();
    try {
      // What it has started is left to its own guardian.
      const charge = guardian.take({ kind: "processes", tag, sparesDaemons: true });
      return { tag, drop: () => guardian.drop(charge) };
    } catch (error) {
      // The next run has another.
      this.#guardian = undefined;
      throw error;
    }
  }

  #forget(): void {
    const over = [...this.#runs.values()].filter(({ isOver }) => isOver);
    for (const run of over.slice(0, -ENDED_MAX)) {
      this.#runs.delete(run.id);
      run.remove();
    }
  }
}

/** A folder of its own for a run, with the scenario in it. */
async function folderFor(text: string): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "plugctl-run-" });
  await Deno.writeTextFile(`${folder}/scenario.yaml`, text);
  return folder;
}

/** Reads a scenario as `plugctl run` will. */
async function readScenario(folder: string, set: Record<string, string | number | boolean> = {}): Promise<Scenario> {
  // Loaded where scenarios may be run.
  const { Scenario } = await import("../../scenario/scenario.ts");
  let rows: Scenario[];
  try {
    rows = await Scenario.loadAll(`${folder}/scenario.yaml`, { set });
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
    throw new RequestError("invalid", error.message.replaceAll(`${folder}/`, ""), { field: "scenario", cause: error });
  }
  const [first, second] = rows;
  if (!second) return first;
  const names = Object.keys(first.row).join(", ");
  throw new RequestError(
    "invalid",
    `the scenario has a matrix of ${rows.length} rows, of which one is run: set ${names}`,
    {
      field: "set",
    },
  );
}

interface NewRun extends Omit<v.InferOutput<typeof NEW_RUN>, "scenario"> {
  name: string;
  folder: string;
  program: readonly string[];
  /** What tells its processes from others. */
  tag: string;
}

/** A scenario that is run, or was. */
export class Run {
  readonly id = crypto.randomUUID();
  /** When it is over, and all of it is undone. */
  readonly ended: Promise<void>;
  readonly #new: NewRun;
  readonly #child: Deno.ChildProcess;
  readonly #key: string = crypto.randomUUID();
  readonly #from = new Date().toISOString();
  readonly #events: string[] = [];
  readonly #said: string[] = [];
  #last?: ScenarioEvent;
  #over?: { until: string; status: number };
  #change = Promise.withResolvers<void>();

  constructor(run: NewRun) {
    const [program, ...words] = run.program;
    const { folder, seed, set = {}, capture, tag } = this.#new = run;
    this.#child = new Deno.Command(program, {
      args: [
        ...words,
        ...["run", "--json", `--report=${folder}/report.html`],
        ...seed === undefined ? [] : [`--seed=${seed}`],
        ...capture ? [`--capture=${folder}/packets.pcapng`] : [],
        ...Object.entries(set).map(([key, value]) => `--set=${key}=${value}`),
        ...["--", `${folder}/scenario.yaml`],
      ],
      cwd: folder,
      env: { [TAG_VARIABLE]: tag },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.ended = this.#follow();
  }

  get isOver(): boolean {
    return this.#over !== undefined;
  }

  get told(): ToldRun {
    const { name, capture } = this.#new;
    const { id } = this;
    const begun = { id, name, from: this.#from };
    if (!this.#over) return begun;
    const end = this.#last?.event === "scenario-end" ? this.#last : undefined;
    const at = `/v1/runs/${id}`;
    return {
      ...begun,
      ...this.#over,
      outcome: end?.outcome ?? "failed",
      sentence: end?.sentence || undefined,
      said: this.#said,
      ...end ? { report: `${at}/report?key=${this.#key}` } : {},
      ...end && capture ? { packets: `${at}/packets` } : {},
    };
  }

  /** Ends it as a person does by Ctrl-C, and returns when all of it is undone. */
  async end(): Promise<ToldRun> {
    if (!this.isOver) this.#child.kill("SIGTERM");
    await this.ended;
    return this.told;
  }

  /**
   * What it has written.
   *
   * @throws {RequestError} `no-run` where it has not, or the key is not its own
   */
  async file(name: "report.html" | "packets.pcapng", key = this.#key): Promise<Uint8Array<ArrayBuffer>> {
    if (!isSame(key, this.#key)) throw new RequestError("no-run", "there is no report with this key");
    try {
      return await Deno.readFile(`${this.#new.folder}/${name}`);
    } catch (error) {
      throw new RequestError("no-run", `the run ${this.id} has written no ${name}`, { cause: error });
    }
  }

  /** Removes what it has written. */
  remove(): void {
    Deno.removeSync(this.#new.folder, { recursive: true });
  }

  /** Its events from the first on, as a reader gets them, until it is over. */
  async *events(): AsyncGenerator<string> {
    for (let index = 0;;) {
      if (index < this.#events.length) yield `data: ${this.#events[index++]}\n\n`;
      else if (this.isOver) return yield `event: ended\ndata: ${JSON.stringify(this.told)}\n\n`;
      else if (!await this.#changesWithin(QUIET_MS)) yield ":\n\n";
    }
  }

  async #changesWithin(ms: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), ms);
    this.#change.promise.then(() => resolve(true));
    const isChanged = await promise;
    clearTimeout(timer);
    return isChanged;
  }

  async #follow(): Promise<void> {
    const { stdout, stderr, status } = this.#child;
    const follow = async () => {
      for await (const line of readLines(stdout)) {
        this.#events.push(line);
        this.#last = JSON.parse(line);
        this.#changed();
      }
    };
    const listen = async () => {
      for await (const line of readLines(stderr)) {
        this.#said.push(line.replace(/^plugctl: /, "").replaceAll(`${this.#new.folder}/`, ""));
        if (this.#said.length > SAID_MAX) this.#said.shift();
      }
    };
    await Promise.all([follow(), listen()]);
    const { code, signal } = await status;
    if (signal !== null && this.#last?.event !== "scenario-end") this.#said.push(`plugctl was ended by ${signal}`);
    this.#over = { until: new Date().toISOString(), status: code };
    this.#changed();
  }

  #changed(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }
}
