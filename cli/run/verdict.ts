import type { Outcome, ScenarioEnd, ScenarioEvent, ScenarioStart } from "../../scenario/event.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit_status.ts";
import { RunView } from "./view.ts";

/** How a scenario has ended, for all that lists scenarios: a summary, JUnit's XML, TAP, annotations. */
export interface Verdict {
  /** The file, as it was named. */
  readonly file: string;
  /** The file with the row of its matrix. */
  readonly label: string;
  /** What the scenario calls itself. */
  readonly name: string;
  /** `skipped` where it was not run, since a signal came first. */
  readonly outcome: Outcome | "skipped";
  /** The exit status that says so. */
  readonly status: number;
  /** What failed and why, a line each; empty where nothing did. */
  readonly said: readonly string[];
  /** The last lines that its processes have written, where it failed. */
  readonly last: readonly string[];
  /** The line of the file that it is about. */
  readonly line?: number;
  /** What a terminal shows of it: a line for each step. */
  readonly shown: string;
  /** When it began, in ISO 8601. */
  readonly time: string;
  /** How long it took, in seconds. */
  readonly seconds: number;
  /** Where it ran. */
  readonly hostname: string;
}

/** Follows the events of a scenario, for its verdict. */
export class Witness implements Disposable {
  /** What a terminal would show of them. */
  readonly view: RunView;
  readonly #scenario: Pick<Verdict, "file" | "label" | "name">;
  readonly #shown: Kept;
  #start?: ScenarioStart;
  #end?: ScenarioEnd;

  constructor(context: Context, scenario: Pick<Verdict, "file" | "label" | "name">) {
    this.#scenario = scenario;
    this.#shown = new Kept(context);
    this.view = new RunView(this.#shown, { isTerminal: false });
  }

  /** Takes note of an event. */
  readonly see = (event: ScenarioEvent): void => {
    if (event.event === "scenario-start") this.#start = event;
    if (event.event === "scenario-end") this.#end = event;
    this.view.show(event);
  };

  /** How it has ended, as far as that can be told: a process that was killed has not said it. */
  verdict({ status, said: why }: Pick<Verdict, "status" | "said">): Verdict {
    const { file, label, name } = this.#scenario;
    const { outcome = status === EXIT.done ? "done" : "failed", step, t = 0 } = this.#end ?? {};
    const ended = this.view.endedBy(step);
    const said = ended === undefined ? why : [...why, `that ended ${ended}`];
    return {
      file,
      label,
      name,
      outcome,
      status,
      said: outcome === "done" ? why : said,
      last: outcome === "done" ? [] : this.view.lastLines(step),
      line: this.view.lineOf(step),
      shown: this.#shown.text,
      time: this.#start?.time ?? new Date().toISOString(),
      seconds: t / 1e6,
      hostname: this.#start?.environment.hostname ?? Deno.hostname(),
    };
  }

  [Symbol.dispose](): void {
    this.view[Symbol.dispose]();
  }
}

/** Keeps what is written. */
class Kept implements Context {
  readonly arguments: Context["arguments"];
  text = "";

  constructor({ arguments: given }: Context) {
    // Whether it is shown, and how much of it, is for whoever gets it to say.
    const values = new Map(given.values);
    for (const name of ["quiet", "verbose"] as const) values.delete(name);
    this.arguments = { ...given, values };
  }

  run(): Promise<number> {
    throw new TypeError("what is kept runs no command");
  }

  print(text: string | Uint8Array): void {
    this.text += typeof text === "string" ? text : new TextDecoder().decode(text);
  }

  note(text: string): void {
    this.trace(`plugctl: ${text}\n`);
  }

  trace(text: string): void {
    this.text += text;
  }
}

/** The verdict on a scenario that was not run. */
export function skipped({ file, label, name }: Pick<Verdict, "file" | "label" | "name">): Verdict {
  return {
    file,
    label,
    name,
    outcome: "skipped",
    status: EXIT.done,
    said: [],
    last: [],
    shown: "",
    time: new Date().toISOString(),
    seconds: 0,
    hostname: Deno.hostname(),
  };
}

/** From the worst on; a signal is worse than these. */
const BY_WEIGHT: readonly number[] = [EXIT.failed, EXIT.incapable, EXIT.expectation, EXIT.usage];

/** The exit status for all of them: the worst. */
export function worstStatus(statuses: readonly number[]): number {
  const bySignal = statuses.find((status) => status > EXIT.signal);
  return bySignal ?? BY_WEIGHT.find((status) => statuses.includes(status)) ??
    statuses.find((status) => status !== EXIT.done) ?? EXIT.done;
}
