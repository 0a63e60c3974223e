import type { ScenarioEvent } from "../../scenario/event.ts";
import type { OutputLine } from "../../scenario/run/processes.ts";
import type { ScenarioResult } from "../../scenario/run/run_plan.ts";
import { sentenceOf } from "../../scenario/run/step_error.ts";
import { type Context, isGiven } from "../context.ts";
import { EXIT, Interrupted, interruptible } from "../exit_status.ts";
import { describeFailure } from "../failure.ts";
import { brokerOptions, groupOf } from "../fleet/options.ts";
import { OutputFile } from "../output_file.ts";
import type { Checked } from "./scenario_files.ts";
import { type Verdict, Witness } from "./verdict.ts";
import { tellOthers, type VerdictText, type Wanted, writing } from "./wanted.ts";
import { linesAbove, RunView } from "./view.ts";

/** How often the backlog is looked at for the line that is shown while a step waits, in milliseconds. */
const LOOK_MS = 100;
/** How often for the report. */
const REPORT_LOOK_MS = 20;

/** What stands behind the name of a report of more packets than that. */
const FIRST_ONLY = ", which shows the first 20,000 packets; --capture FILE writes all";

/** How many lines of processes are kept for it: more than it shows. */
const OUTPUT_MOST = 5000;

/** Runs the one scenario that was named, and shows its steps as they go. */
export async function runOne(
  context: Context,
  { file, label, scenario }: Checked,
  { wanted, texts }: { wanted: Wanted; texts?: VerdictText },
): Promise<number> {
  const { isJson, isTap, isQuiet } = wanted;
  const output: OutputLine[] = [];
  const report = await Made.prepare(
    wanted.report,
    "the report",
    async () => {
      const { formatReport } = await import("../../scenario/report/report.ts");
      return (events: readonly ScenarioEvent[]) => formatReport(events, { source: scenario.source, output });
    },
  );
  const packets = await Made.prepare(
    wanted.capture,
    "the packets to",
    async () => (await import("../../scenario/report/packet_file.ts")).formatPacketFile,
  );
  const quit = new AbortController();
  using view = new RunView(context, { isTerminal: !isJson && !isTap && Deno.stdout.isTerminal() });
  using stepper = wanted.stops && new (await import("./stepper.ts")).Stepper(context, {
    view,
    quit: () => quit.abort(new Interrupted("SIGINT")),
  });
  using witness = texts && new Witness(context, { file, label, name: scenario.name });
  const print = (event: ScenarioEvent) => {
    view.follow(event);
    context.print(`${JSON.stringify(event)}\n`);
  };
  const isShown = !isJson && !isTap && isGiven(context, "verbose");
  const show = isJson ? print : isTap ? view.follow : view.show;
  if (isTap) context.print(texts?.tapHead(1) ?? "");
  await using fleet = scenario.machines.length === 0 ? undefined : await fleetOf(context, label);
  const result = await interruptible((signal) =>
    scenario.run({
      linkTo: fleet?.linkTo,
      signal: AbortSignal.any([signal, quit.signal]),
      onStop: stepper?.onStop,
      stopBefore: wanted.stops,
      seed: wanted.seed,
      maxHoldMs: wanted.maxHoldMs,
      onEvent: (event) => {
        report?.add(event);
        packets?.add(event);
        witness?.see(event);
        show(event);
      },
      onOutput: isShown || report
        ? (line) => {
          if (report && output.length < OUTPUT_MOST) output.push(line);
          if (isShown) view.showOutput(line);
        }
        : undefined,
      onMorePackets: packets?.add,
      order: isJson ? "file" : "time",
      capture: packets ? "asked" : report !== undefined || stepper !== undefined,
      sampleMs: report ? REPORT_LOOK_MS : view.isTerminal ? LOOK_MS : undefined,
    })
  );
  const written = await writing(context, async () => {
    await report?.write();
    if (report && !isJson) context.note(`report: ${report.path}${view.hasMorePackets ? FIRST_ONLY : ""}`);
  }) || await writing(context, async () => {
    await packets?.write();
    if (packets && !isJson) context.note(`packets: ${packets.path}`);
  });
  const { status, said } = endingOf(context, result, { view, isShown: !isJson && !isQuiet });
  const verdicts = witness ? [witness.verdict({ status, said })] : [];
  const listed = await tellOthers(context, verdicts, { wanted, texts });
  return status || written || listed;
}

/** The agents of hosts that are other machines. */
async function fleetOf(context: Context, label: string) {
  const broker = brokerOptions(context, `plugctl run ${label}`);
  // Loaded where a scenario takes other machines.
  const { RunFleet } = await import("../../fleet/run_link.ts");
  return await RunFleet.connect(broker, groupOf(context));
}

/** Says how it has ended, and returns the exit status for it and what failed. */
function endingOf(
  context: Context,
  { outcome, error, step, undone }: ScenarioResult,
  { view, isShown }: { view: RunView; isShown: boolean },
): Pick<Verdict, "status" | "said"> {
  if (!undone) context.note("not everything could be undone: plugctl recover takes away what is left of it");
  if (outcome === "done") return { status: EXIT.done, said: [] };
  const { message, status } = describeFailure(error);
  const where = step === undefined ? "" : `${view.nameOf(step)}: `;
  // Advice on what to type helps where the machine lacks something, and not where a step went wrong.
  const what = status === EXIT.failed ? sentenceOf(error) : message;
  // What failed comes last, where a person looks first, and right above it what the process in question wrote.
  const said = `${where}${what}`.split("\n");
  if (isShown) { for (const line of linesAbove(said, view.lastLines(step))) context.trace(`${line}\n`); }
  for (const line of said) context.trace(`plugctl: ${line}\n`);
  const ended = view.endedBy(step);
  if (isShown && ended !== undefined) context.trace(`plugctl: that ended ${ended}\n`);
  return { status: outcome === "unmet" ? EXIT.expectation : status, said };
}

/** What is made of a run's events, and where it is written. */
class Made {
  readonly #file: OutputFile;
  readonly #format: Format;
  readonly #events: ScenarioEvent[] = [];

  private constructor(file: OutputFile, format: Format) {
    this.#file = file;
    this.#format = format;
  }

  /** Sees to it, before anything is done, that there can be the file; `load` gets what makes it. */
  static async prepare(path: string | undefined, what: string, load: () => Promise<Format>): Promise<Made | undefined> {
    if (path === undefined) return undefined;
    const file = await OutputFile.prepare(path, what);
    // Loaded here, since few runs want it, and in the end it may be there no more.
    return new Made(file, await load());
  }

  get path(): string {
    return this.#file.path;
  }

  readonly add = (event: ScenarioEvent): void => void this.#events.push(event);

  async write(): Promise<void> {
    await this.#file.write(await this.#format(this.#events));
  }
}

type Format = (events: readonly ScenarioEvent[]) => string | Uint8Array | Promise<string>;
