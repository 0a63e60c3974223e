import { numberOf } from "../../plug/quantity.ts";
import type { ScenarioEvent } from "../../scenario/event.ts";
import type { Row } from "../../scenario/plan.ts";
import { readLines } from "../../linux/incoming.ts";
import { type Context, isGiven, ownProgram } from "../context.ts";
import { EXIT, Interrupted } from "../exit_status.ts";
import type { Checked } from "./scenario_files.ts";
import { skipped, type Verdict, Witness } from "./verdict.ts";

const CLEAR_LINE = "\r\x1b[K";

/** How several scenarios are run. */
export interface Several {
  /** How many at once. */
  jobs: number;
  /** The folder for a report of each. */
  reports?: string;
  /** The folder for the packets of each. */
  captures?: string;
  /** Is given every event, with the file that it is of, and the row of its matrix where it has one. */
  onEvent?: (event: ScenarioEvent & { file: string; row?: Row }) => void;
  /** Is given each verdict as it comes. */
  onVerdict: (verdict: Verdict) => void;
  /** Ends those that run, and keeps the others from being run. */
  signal: AbortSignal;
}

/**
 * Runs scenarios, each in a process of its own, so that none disturbs the times of another. One that holds packets of
 * this machine, or of a namespace that it found, runs alone.
 *
 * @returns the verdicts, in the order of the scenarios
 */
export async function runSeveral(context: Context, scenarios: readonly Checked[], how: Several): Promise<Verdict[]> {
  const verdicts: Promise<Verdict>[] = [];
  const running = new Map<string, Promise<void>>();
  const progress = new Progress(context, scenarios.length);
  for (const checked of scenarios) {
    const { file, label, scenario: { name, isApart } } = checked;
    const most = isApart ? how.jobs : 1;
    while (running.size >= most) await Promise.race(running.values());
    const verdict = how.signal.aborted
      ? Promise.resolve(skipped({ file, label, name }))
      : runOne(context, checked, how);
    verdicts.push(verdict);
    const done = verdict.then((known) => {
      running.delete(label);
      progress.clear();
      how.onVerdict(known);
      progress.show(running.keys());
    });
    running.set(label, done);
    progress.show(running.keys());
    if (!isApart) await done;
  }
  await Promise.all(running.values());
  progress.clear();
  return await Promise.all(verdicts);
}

/** The line that says which scenarios run at the moment, on a terminal. */
class Progress {
  readonly #context: Context;
  readonly #isShown: boolean;
  readonly #all: number;
  #begun = 0;

  constructor(context: Context, all: number) {
    this.#context = context;
    this.#all = all;
    const isOther = (["json", "tap", "quiet"] as const).some((name) => isGiven(context, name));
    this.#isShown = !isOther && Deno.stdout.isTerminal();
  }

  show(running: Iterable<string>): void {
    const names = [...running];
    if (!this.#isShown || names.length === 0) return;
    this.#context.print(`${CLEAR_LINE}${names.length} of ${this.#all} running: ${names.join(", ")}`.slice(0, 79));
  }

  clear(): void {
    if (this.#isShown) this.#context.print(CLEAR_LINE);
  }
}

async function runOne(context: Context, checked: Checked, how: Several): Promise<Verdict> {
  const { file, label, scenario } = checked;
  using witness = new Witness(context, { file, label, name: scenario.name });
  const [program, ...words] = ownProgram();
  const child = new Deno.Command(program, {
    args: [...words, ...wordsFor(context, checked, how)],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const end = () => {
    const { reason } = how.signal;
    child.kill(reason instanceof Interrupted ? reason.signal : "SIGTERM");
  };
  how.signal.addEventListener("abort", end);
  try {
    const follow = async () => {
      for await (const line of readLines(child.stdout)) {
        const event: ScenarioEvent = JSON.parse(line);
        witness.see(event);
        how.onEvent?.({ ...event, file, ...Object.keys(scenario.row).length > 0 ? { row: scenario.row } : {} });
      }
    };
    const said = Array.fromAsync(readLines(child.stderr), (line) => line.replace(/^plugctl: /, ""));
    await follow();
    const { code, signal } = await child.status;
    const killed = signal === null || code <= EXIT.signal ? [] : [`plugctl was ended by ${signal}`];
    return witness.verdict({ status: code, said: [...await said, ...killed] });
  } finally {
    how.signal.removeEventListener("abort", end);
  }
}

/** The command line that runs one of them. */
function wordsFor(
  context: Context,
  { file, outputName, set }: Pick<Checked, "file" | "outputName" | "set">,
  { reports, captures }: Several,
): string[] {
  const passedOn = (["seed", "max-hold", "nats", "creds", "ca", "cert", "key", "group"] as const).flatMap((name) =>
    (context.arguments.values.get(name) ?? []).map((value) => `--${name}=${value}`)
  );
  const settings = Object.entries(set).map(([key, value]) => `--set=${key}=${value}`);
  const report = reports === undefined ? [] : [`--report=${reports}/${outputName}.html`];
  const capture = captures === undefined ? [] : [`--capture=${captures}/${outputName}.pcapng`];
  return ["run", "--json", ...passedOn, ...settings, ...report, ...capture, "--", file];
}

/** What a terminal shows of a verdict in a line. */
export function verdictLine({ label, outcome, seconds }: Verdict): string {
  const sign = { done: "✓", failed: "✗", unmet: "✗", aborted: "–", skipped: "–" }[outcome];
  const what = outcome === "done" ? "" : `  ${outcome}`;
  return outcome === "skipped" ? `${sign} ${label}${what}\n` : `${sign} ${label}${what}  ${seconds.toFixed(3)} s\n`;
}

/** How many ended in which way. */
export function summaryLine(verdicts: readonly Verdict[], seconds: number): string {
  const counts = (["done", "unmet", "failed", "aborted", "skipped"] as const).flatMap((outcome) => {
    const count = verdicts.filter((verdict) => verdict.outcome === outcome).length;
    return count === 0 ? [] : [`${count} ${outcome}`];
  });
  return `${numberOf(verdicts.length, "scenario")}: ${counts.join(", ")} in ${seconds.toFixed(3)} s\n`;
}
