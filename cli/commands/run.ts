import template from "../run/new_scenario.yaml" with { type: "text" };
import type { StopBefore } from "../../scenario/run/stops.ts";
import { type Context, isGiven, valueOf } from "../context.ts";
import { EXIT, interruptible, UsageError } from "../exit_status.ts";
import { describeFailure } from "../failure.ts";
import { shellText } from "../near_miss.ts";
import { OutputFile } from "../output_file.ts";
import { runOne } from "../run/one.ts";
import { checkAll, type Checked, scenarioFiles, sourcesOf } from "../run/scenario_files.ts";
import { type Verdict, worstStatus } from "../run/verdict.ts";
import { linesAbove } from "../run/view.ts";
import { annotate, tellOthers, type VerdictText, type Wanted } from "../run/wanted.ts";
import { parseDuration } from "../values.ts";

const JOBS_MAX = 256;

/** `plugctl run` */
export async function run(context: Context): Promise<number | void> {
  if (!isGiven(context, "watch")) return await runOnce(context);
  if (isGiven(context, "dry-run")) throw new UsageError("--watch runs again and again: it is not for --dry-run");
  const { operands } = context.arguments;
  await scenarioFiles(operands);
  const { runAgain } = await import("../run/again.ts");
  return await runAgain(context, () => sourcesOf(operands), async () => await runOnce(context) ?? EXIT.done);
}

async function runOnce(context: Context): Promise<number | void> {
  const wanted = await understand(context);
  const found = await scenarioFiles(context.arguments.operands);
  const texts = wanted.isTap || wanted.isAnnotated || wanted.junit ? await import("../run/verdict_text.ts") : undefined;
  const checked = await checkAll(context, found, (error) => {
    // A line each, as it is, so that an editor finds the places.
    context.trace(`${error.message}\n`);
    if (wanted.isAnnotated) annotate(context, wanted, texts?.githubMistakes(error));
  });
  if (!checked) return EXIT.usage;
  const isOne = found.isOne && checked.length === 1;
  const stops = stopsOf(context, checked);
  if (isGiven(context, "dry-run")) return printPlans(context, checked, { isOne });
  if (isGiven(context, "uml")) return await runThere(context, { wanted, isOne });
  if (found.others.length > 0) context.note(`without steps, and so not run: ${found.others.join(", ")}`);
  // As the report: in the end plugctl may have been replaced by another, or taken away. It is main.ts that needs it.
  await import("../failure.ts");
  return isOne
    ? await runOne(context, checked[0], { wanted: { ...wanted, stops }, texts })
    : await runAll(context, checked, { wanted, texts });
}

/** What the options say, before anything is done. */
async function understand(context: Context): Promise<Wanted> {
  const [isTap, isJson, isQuiet] = (["tap", "json", "quiet"] as const).map((name) => isGiven(context, name));
  if (isTap && isJson) throw new UsageError("--tap and --json both write to standard output: choose one");
  if (isGiven(context, "mem") && !isGiven(context, "uml")) {
    throw new UsageError("--mem is for --uml, which is not given");
  }
  const annotations = valueOf(context, "annotations");
  if (annotations !== undefined && annotations !== "github") {
    throw new UsageError(`unknown annotations ${JSON.stringify(annotations)}: use github`);
  }
  const maxHold = valueOf(context, "max-hold");
  const junit = valueOf(context, "junit");
  return {
    seed: numberOption(context, "seed", { least: 0, most: 0xffffffff }),
    maxHoldMs: maxHold === undefined ? undefined : parseDuration(maxHold),
    jobs: numberOption(context, "jobs", { least: 1, most: JOBS_MAX }) ?? 1,
    report: valueOf(context, "report"),
    capture: valueOf(context, "capture"),
    junit: junit === undefined ? undefined : await OutputFile.prepare(junit, "JUnit's XML"),
    isTap,
    isAnnotated: annotations !== undefined,
    isJson,
    isQuiet,
  };
}

/** What cannot be beside somebody who looks. */
const ALONE = ["watch", "json", "tap", "quiet", "dry-run", "uml"] as const;

/** Before what a person wants to look, by `--step`, or by `break: true` in the file, for which it takes a terminal. */
function stopsOf(context: Context, checked: readonly Checked[]): StopBefore | undefined {
  const isStep = isGiven(context, "step");
  const broken = checked.find(({ scenario }) => scenario.breaks.length > 0);
  if (!isStep && (!broken || isGiven(context, "dry-run"))) return undefined;
  const where = isStep ? "--step" : `${broken?.file}:${broken?.scenario.breaks[0]}: break: true`;
  const far = checked.find(({ scenario }) => scenario.machines.length > 0);
  if (far) {
    throw new UsageError(
      `${where} is not for hosts that are other machines, as ${far.scenario.machines[0]}: nobody can look there`,
    );
  }
  const other = ALONE.find((name) => isGiven(context, name));
  if (other) throw new UsageError(`${where} is not for --${other}: it shows what there is, and asks what to do`);
  if (checked.length > 1) throw new UsageError(`${where} is for one scenario at a time: there are ${checked.length}`);
  if (Deno.stdin.isTerminal() && Deno.stdout.isTerminal()) return isStep ? "step" : "break";
  throw new UsageError(`${where} takes a terminal, on which it shows what there is, and asks what to do`);
}

/** Has all of it done by `plugctl uml`; the files that are asked for land on this machine. */
async function runThere(
  context: Context,
  { wanted, isOne }: { wanted: Wanted; isOne: boolean },
): Promise<number> {
  if (!isOne) await makeFolders(wanted);
  const { report, capture, junit } = wanted;
  const written = [report, capture].flatMap((path) => path === undefined ? [] : [isOne ? folderAbove(path) : path]);
  const { command, operands, values } = context.arguments;
  const options = values.entries().flatMap(([name, given]) =>
    name === "uml" || name === "mem" || name === "watch"
      ? []
      : given.length === 0
      ? [`--${name}`]
      : given.map((text) => `--${name}=${text}`)
  );
  return await context.run({
    command: "uml",
    operands: [],
    program: ["plugctl", command, ...options, "--", ...operands],
    values: new Map([
      ["rw", junit ? [...written, folderAbove(junit.path)] : written],
      ["mem", values.get("mem") ?? []],
    ]),
  });
}

function folderAbove(path: string): string {
  return path.includes("/") ? path.slice(0, path.lastIndexOf("/") + 1) : ".";
}

/** Runs scenarios, each in a process of its own, and shows a line of each. */
async function runAll(
  context: Context,
  checked: readonly Checked[],
  { wanted, texts }: { wanted: Wanted; texts?: VerdictText },
): Promise<number> {
  const { isJson, isTap, isQuiet, report: reports, capture: captures, jobs } = wanted;
  await makeFolders(wanted);
  const { runSeveral, summaryLine, verdictLine } = await import("../run/several.ts");
  const from = performance.now();
  const isShown = !isJson && !isTap && !isQuiet;
  let count = 0;
  if (isTap) context.print(texts?.tapHead(checked.length) ?? "");
  const onVerdict = (verdict: Verdict) => {
    count++;
    if (isTap) context.print(texts?.tapPoint(verdict, count) ?? "");
    if (isShown && isGiven(context, "verbose")) context.print(verdict.shown);
    if (isShown) context.print(verdictLine(verdict));
    if (!isQuiet && !isJson) { for (const line of linesAbove(verdict.said, verdict.last)) context.trace(`${line}\n`); }
    for (const line of verdict.said) context.trace(`plugctl: ${verdict.label}: ${line}\n`);
  };
  const { verdicts, reason } = await interruptible(async (signal) => ({
    verdicts: await runSeveral(context, checked, {
      jobs,
      reports,
      captures,
      signal,
      onEvent: isJson ? (event) => context.print(`${JSON.stringify(event)}\n`) : undefined,
      onVerdict,
    }),
    reason: signal.reason,
  }));
  if (isShown) context.print(summaryLine(verdicts, (performance.now() - from) / 1000));
  if (reports !== undefined && !isJson) context.note(`reports: ${reports}`);
  if (captures !== undefined && !isJson) context.note(`packets: ${captures}`);
  const listed = await tellOthers(context, verdicts, { wanted: { ...wanted, isTap: false }, texts });
  if (reason === undefined) return worstStatus(verdicts.map(({ status }) => status)) || listed;
  const { message, status } = describeFailure(reason);
  context.trace(`plugctl: ${message}\n`);
  return status;
}

/** Makes the folders for what is written of each of several scenarios, where they are not there. */
async function makeFolders({ report, capture }: Wanted): Promise<void> {
  for (const [option, path] of [["--report", report], ["--capture", capture]]) {
    if (path === undefined) continue;
    try {
      await Deno.mkdir(path, { recursive: true });
    } catch (error) {
      const what = error instanceof Deno.errors.AlreadyExists ? "there is a file of that name" : String(error);
      throw new UsageError(`${option} ${path}: of several scenarios it names a folder, and ${what}`);
    }
  }
}

function numberOption(
  context: Context,
  name: "seed" | "jobs",
  { least, most }: { least: number; most: number },
): number | undefined {
  const text = valueOf(context, name);
  if (text === undefined) return undefined;
  const value = /^[0-9]{1,10}$/.test(text) ? Number(text) : NaN;
  if (value >= least && value <= most) return value;
  const what = name === "jobs" ? "number of jobs" : name;
  throw new UsageError(`invalid ${what} ${JSON.stringify(text)}: use a whole number from ${least} to ${most}`);
}

function printPlans(context: Context, checked: readonly Checked[], { isOne }: { isOne: boolean }): void {
  if (isGiven(context, "json")) {
    const plans = isOne ? checked[0].scenario : checked.map(({ file, scenario }) => ({ file, ...scenario.toJSON() }));
    return context.print(`${JSON.stringify(plans, null, 2)}\n`);
  }
  for (const { label, scenario } of checked) {
    if (!isOne) context.print(`${label}\n`);
    context.print(scenario.describe().map((line) => `${isOne ? "" : "  "}${line}\n`).join(""));
  }
}

/** `plugctl new` */
export async function write(context: Context): Promise<void> {
  const [given] = context.arguments.operands;
  const file = /\.ya?ml$/.test(given) ? given : `${given}.yaml`;
  const name = file.slice(file.lastIndexOf("/") + 1).replace(/\.ya?ml$/, "");
  if (name === "") throw new UsageError(`${JSON.stringify(given)} has no name: plugctl new late-answer`);
  // The file says its own name in a line.
  if (/\p{Cc}/u.test(given)) {
    throw new UsageError(`${JSON.stringify(given)} has a line break or another control character`);
  }
  // ${ in a name is no variable
  const called = /^[A-Za-z][\w -]*$/.test(name) ? name : JSON.stringify(name.replaceAll("${", () => "$${"));
  // Functions, as $ has a meaning in a text
  const text = template.replace(/^name: NAME$/m, () => `name: ${called}`).replaceAll("FILE", () => shellText([file]));
  try {
    await Deno.writeTextFile(file, text, { createNew: true });
  } catch (error) {
    throw new Error(`Cannot write ${file}: ${whyNotWritten(error)}`, { cause: error });
  }
  context.print(`${file}\n`);
  const [run, withoutRoot] = [["run"], ["run", "--uml"]].map((words) => shellText(["plugctl", ...words, file]));
  context.note(`run it: ${run}; without root: ${withoutRoot}`);
}

function whyNotWritten(error: unknown): string {
  if (error instanceof Deno.errors.AlreadyExists) return "it is there already; give another name";
  if (error instanceof Deno.errors.NotFound) return "there is no such folder";
  if (error instanceof Deno.errors.PermissionDenied) return "you may not write there";
  return error instanceof Error ? error.message : String(error);
}
