import type { ScenarioResult } from "../../scenario/run/run_plan.ts";
import { Scenario } from "../../scenario/scenario.ts";
import { ScenarioError } from "../../scenario/mistake.ts";
import type { ScenarioEvent } from "../../scenario/event.ts";
import type { Scalar } from "../../scenario/plan.ts";
import type { ReportFile } from "../../scenario/report/report_file.ts";
import { sentenceOf } from "../../scenario/run/step_error.ts";
import { plainValue } from "../../scenario/source/tree.ts";
import { type Context, isGiven, valueOf } from "../context.ts";
import { parseDuration } from "../values.ts";
import { EXIT, interruptible, UsageError } from "../exit_status.ts";
import { describeFailure } from "../failure.ts";
import { RunView } from "../run_view.ts";

/** How often the backlog is looked at for the line that is shown while a step waits, in milliseconds. */
const LOOK_MS = 100;
/** How often for the report. */
const REPORT_LOOK_MS = 20;

/** `plugctl run` */
export async function run(context: Context): Promise<number | void> {
  const seed = seedOf(context);
  const maxHold = valueOf(context, "max-hold");
  const maxHoldMs = maxHold === undefined ? undefined : parseDuration(maxHold);
  const scenario = await load(context);
  if (!scenario) return EXIT.usage;
  if (isGiven(context, "dry-run")) return printPlan(context, scenario);
  const reportFile = await prepareReport(context);
  // As the report: in the end plugctl may have been replaced by another, or taken away. It is main.ts that needs it.
  await import("../failure.ts");
  const json = isGiven(context, "json");
  using view = new RunView(context, { isTerminal: !json && Deno.stdout.isTerminal() });
  const print = (event: ScenarioEvent) => {
    view.follow(event);
    context.print(`${JSON.stringify(event)}\n`);
  };
  const show = json ? print : view.show;
  const onEvent = (event: ScenarioEvent) => {
    reportFile?.add(event);
    show(event);
  };
  const result = await interruptible((signal) =>
    scenario.run({
      signal,
      seed,
      maxHoldMs,
      onEvent,
      onOutput: !json && isGiven(context, "verbose") ? view.showOutput : undefined,
      order: json ? "file" : "time",
      sampleMs: reportFile ? REPORT_LOOK_MS : view.isTerminal ? LOOK_MS : undefined,
    })
  );
  const written = await writeReport(context, reportFile, { isShown: !json });
  const status = report(context, result, { view, isShown: !json && !isGiven(context, "quiet") });
  return status || written;
}

/** Sees to it, before anything is done, that there can be the file of `--report`. */
async function prepareReport(context: Context): Promise<ReportFile | undefined> {
  const file = valueOf(context, "report");
  if (file === undefined) return undefined;
  const { ReportFile } = await import("../../scenario/report/report_file.ts");
  return await ReportFile.prepare(file);
}

async function load(context: Context): Promise<Scenario | undefined> {
  const { operands: [file] } = context.arguments;
  try {
    return await Scenario.load(file, { set: settings(context) });
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`--set: ${error.message}`);
    if (!(error instanceof ScenarioError)) throw error;
    // A line each, as it is, so that an editor finds the places.
    context.trace(`${error.message}\n`);
    return undefined;
  }
}

/** Writes the file of `--report`. That it cannot be written takes nothing away from how the run has ended. */
async function writeReport(
  context: Context,
  file: ReportFile | undefined,
  { isShown }: { isShown: boolean },
): Promise<number> {
  try {
    await file?.write();
    if (file && isShown) context.note(`report: ${file.path}`);
    return EXIT.done;
  } catch (error) {
    const { message, status } = describeFailure(error);
    context.trace(`plugctl: ${message}\n`);
    return status;
  }
}

/** What `--set` gives, each value as YAML would read it. */
function settings(context: Context): Record<string, Scalar> {
  const given = context.arguments.values.get("set") ?? [];
  return Object.fromEntries(given.map((text) => {
    const at = text.indexOf("=");
    if (at < 1) throw new UsageError(`${JSON.stringify(text)} sets nothing: --set KEY=VALUE`);
    return [text.slice(0, at), plainValue(text.slice(at + 1)) ?? ""];
  }));
}

function seedOf(context: Context): number | undefined {
  const text = valueOf(context, "seed");
  if (text === undefined) return undefined;
  const seed = /^[0-9]{1,10}$/.test(text) ? Number(text) : NaN;
  if (seed <= 0xffffffff) return seed;
  throw new UsageError(`invalid seed ${JSON.stringify(text)}: use a whole number from 0 to 4294967295`);
}

function printPlan(context: Context, scenario: Scenario): void {
  if (isGiven(context, "json")) return context.print(`${JSON.stringify(scenario, null, 2)}\n`);
  context.print(scenario.describe().map((line) => `${line}\n`).join(""));
}

/** Says how it has ended, and returns the exit status for it. */
function report(
  context: Context,
  { outcome, error, step, undone }: ScenarioResult,
  { view, isShown }: { view: RunView; isShown: boolean },
): number {
  if (!undone) context.note("not everything could be undone: plugctl recover takes away what is left of it");
  if (outcome === "done") return EXIT.done;
  const { message, status } = describeFailure(error);
  const where = step === undefined ? "" : `step ${step}${view.lineOf(step)}: `;
  // Advice on what to type helps where the machine lacks something, and not where a step went wrong.
  const what = status === EXIT.failed ? sentenceOf(error) : message;
  // What failed comes last, where a person looks first, and right above it what the process in question wrote.
  if (isShown) { for (const line of view.lastLines(step)) context.trace(`${line}\n`); }
  for (const line of `${where}${what}`.split("\n")) context.trace(`plugctl: ${line}\n`);
  const { endedEarly } = view;
  if (isShown && endedEarly && endedEarly.step !== step) context.trace(`plugctl: that ended ${endedEarly.words}\n`);
  return outcome === "unmet" ? EXIT.expectation : status;
}
