import { Connection } from "../netlink/connection.ts";
import { Guardian } from "../guardian/guardian.ts";
import type { Scalar, ScenarioPlan } from "./plan.ts";
import type { Origin, RunOptions, ScenarioResult } from "./run/run_plan.ts";

/** All that knows what a scenario may say. */
type Reader = typeof import("./read.ts");

/** How a scenario is read. */
export interface LoadOptions {
  /** Values for variables of its `vars:`, in place of those that the file has. */
  set?: Readonly<Record<string, Scalar>>;
}

/**
 * A scripted fault: what is held and released, what runs meanwhile, and what is expected of it, from a YAML file.
 *
 * ```ts ignore
 * import { Scenario } from "@plugctl/plugctl";
 *
 * const scenario = await Scenario.load("reload.yaml", { set: { port: 8000 } });
 * const { outcome, error } = await scenario.run({ onEvent: (event) => console.log(event) });
 * ```
 *
 * Loading touches nothing but the file. Running leaves the machine as it was, however it ends: also when this process is
 * killed, by a guardian.
 */
export class Scenario {
  /** What the file calls it. */
  readonly name: string;
  /** The file, or the text, that it was read from. */
  readonly source: string;
  /** The files that it was read from: its own, and those that it includes. */
  readonly files: readonly string[];
  readonly #plan: ScenarioPlan;
  readonly #origin: Origin;
  readonly #reader: Reader;

  private constructor(
    { files, ...plan }: ReturnType<Reader["readScenario"]>,
    { origin, reader, source }: { origin: Origin; reader: Reader; source: string },
  ) {
    this.name = plan.name;
    this.source = source;
    this.files = origin.file === undefined ? files.slice(1) : files;
    this.#plan = plan;
    this.#reader = reader;
    this.#origin = origin;
  }

  /**
   * Reads a file, and checks all of it.
   *
   * @throws {ScenarioError} with everything that is wrong in it
   * @throws {RangeError} where a variable is set that it does not have, or its matrix has several rows
   * @throws {Deno.errors.NotFound} where there is no such file
   * @throws {Deno.errors.IsADirectory} where it is a folder
   * @throws {TypeError} where it is not UTF-8
   */
  static async load(file: string, options: LoadOptions = {}): Promise<Scenario> {
    return onlyOne(await Scenario.loadAll(file, options));
  }

  /**
   * As `load`, one for each row of the file's matrix, in their order. Of a variable of it that is set, the rows with that value
   * are read; where none has it, all of them, with it.
   *
   * @throws as `load`
   */
  static async loadAll(file: string, options: LoadOptions = {}): Promise<Scenario[]> {
    const text = await readFile(file);
    const path = file.startsWith("/") ? file : `${Deno.cwd()}/${file}`;
    return await Scenario.#read(text, { file, folder: path.slice(0, path.lastIndexOf("/") + 1) }, options);
  }

  /**
   * Reads a text as `load` does a file. Its commands run in the folder that this process is in.
   *
   * @throws {ScenarioError} with everything that is wrong in it
   * @throws {RangeError} where a variable is set that it does not have, or its matrix has several rows
   */
  static async parse(text: string, options: LoadOptions = {}): Promise<Scenario> {
    return onlyOne(await Scenario.#read(text, { folder: Deno.cwd() }, options));
  }

  static async #read(text: string, origin: Origin, { set = {} }: LoadOptions): Promise<Scenario[]> {
    // Loaded where it is needed: with the library, that is in few of the programs that import it.
    const reader = await import("./read.ts");
    const read = (set: Readonly<Record<string, Scalar>>) =>
      reader.readScenario(text, {
        file: origin.file ?? "scenario",
        folder: origin.folder.replace(/(?<=.)\/$/, ""),
        set: new Map(Object.entries(set)),
      });
    const first = read(set);
    const unknown = Object.keys(set).find((name) => !Object.hasOwn(first.vars, name));
    if (unknown !== undefined) {
      const names = Object.keys(first.vars).join(", ") || "none";
      throw new RangeError(`there is no variable ${unknown} to set; those of the scenario are: ${names}`);
    }
    const plans = [first, ...first.rows.slice(1).map((row) => read({ ...set, ...row }))];
    return plans.map((plan) => new Scenario(plan, { origin, reader, source: text }));
  }

  /**
   * Runs it, and undoes all that it did. What does not go as it should is in the result; only what `onEvent` throws is
   * thrown, in the end.
   */
  async run(options: RunOptions = {}): Promise<ScenarioResult> {
    const world = {
      clock: new this.#reader.PreciseClock(),
      connect: (netns: string | undefined) => Connection.open({ netns }),
      startGuardian: () => Guardian.start(),
    };
    return await this.#reader.runPlan(this.#plan, { ...options, world, origin: this.#origin });
  }

  /** Its variables, with their values. */
  get vars(): Readonly<Record<string, Scalar>> {
    return this.#plan.vars;
  }

  /** What the row of its matrix says, with which it is run; nothing where it has none. */
  get row(): Readonly<Record<string, Scalar>> {
    return this.#plan.rows[0];
  }

  /** The lines of the steps that say `break: true`. */
  get breaks(): number[] {
    return this.#reader.breaksOf(this.#plan);
  }

  /** What those of its hosts are called in the fleet that are other machines; whoever runs it gives a way to each. */
  get machines(): string[] {
    return this.#plan.hosts.flatMap(({ on }) => on ?? []);
  }

  /** Whether all that it holds is on hosts of its own, so that it can run beside others of which that is true. */
  get isApart(): boolean {
    return this.#reader.isApart(this.#plan);
  }

  /** What it would do, a line each. */
  describe(): string[] {
    return this.#reader.describePlan(this.#plan);
  }

  /** What it means, with every value understood: durations in milliseconds, sizes in bytes. For people to read. */
  toJSON(): Record<string, unknown> {
    const plain = (_key: string, value: unknown) => value instanceof RegExp ? String(value) : value;
    return JSON.parse(JSON.stringify(this.#plan, plain));
  }
}

/** The only row of a matrix. */
function onlyOne(scenarios: readonly Scenario[]): Scenario {
  const [first, second] = scenarios;
  if (!second) return first;
  const names = Object.keys(first.row).join(", ");
  throw new RangeError(`the scenario has a matrix of ${scenarios.length} rows: loadAll() gives all; or set ${names}`);
}

async function readFile(file: string): Promise<string> {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await Deno.readFile(file));
  } catch (error) {
    if (error instanceof TypeError) throw new TypeError(`Cannot read ${file}: it is not UTF-8`, { cause: error });
    if (error instanceof Deno.errors.NotFound) {
      throw new Deno.errors.NotFound(`Cannot read ${file}: there is no such file`, { cause: error });
    }
    if (!(error instanceof Deno.errors.IsADirectory)) throw error;
    throw new Deno.errors.IsADirectory(`Cannot read ${file}: it is a folder`, { cause: error });
  }
}
