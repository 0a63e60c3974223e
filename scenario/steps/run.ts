import * as v from "valibot";
import { COMMAND, commandOf, describeCommand, describeEnd, endOf, RUN_ENTRIES, saysEnd, wrongEnd } from "../command.ts";
import type { RanProcess } from "../event.ts";
import type { PlannedCommand, ProcessTest, Step, TextTest } from "../plan.ts";
import { pause, TooLate } from "../run/clock.ts";
import { commandEnded, runCommand } from "../run/run_command.ts";
import { StepError } from "../run/step_error.ts";
import { byKind, byName, check, mapping } from "../source/check.ts";
import { capture, hostOf, namesIn } from "../source/context.ts";
import { TEXT_TEST, VARIABLE, wholeNumber } from "../source/scalar.ts";
import { follow, plainValue } from "../source/tree.ts";
import type { Scene, StepKind } from "../step.ts";

/** Runs a command to its end. */
export interface RunStep extends Step, PlannedCommand, ProcessTest {
  action: "run";
  timeoutMs?: number;
  capture?: Capture;
  /** How often it is run again where it does not end as it should. */
  retry?: number;
}

/** Which variables get what of the output: all of it, or what a regular expression finds, its first group. */
type Capture = Readonly<Record<string, TextTest | null>>;

const CAPTURE_EXPECTED = "a variable, or variables with what to find: { port: /port ([0-9]+)/ }";
const CAPTURE = byKind<Capture>({
  scalar: v.pipe(VARIABLE, v.transform((name): Capture => ({ [name]: null }))),
  mapping: byName(VARIABLE, TEXT_TEST, CAPTURE_EXPECTED),
}, CAPTURE_EXPECTED);

const EXPECTED = "a command, or { command: ..., exit: 0 }";
const FULL = mapping(
  { ...RUN_ENTRIES, capture: v.optional(CAPTURE), retry: v.optional(wholeNumber(1, 1000)) },
  EXPECTED,
);
type Fields = v.InferOutput<typeof FULL>;
/** What a command is with nothing beside it. */
const BARE = v.pipe(COMMAND, v.transform((command): Fields => ({ command, env: {} })));
const SCHEMA = byKind<Fields>({ scalar: BARE, list: BARE, mapping: FULL }, EXPECTED);

/** How long after its end a command is run again, in milliseconds. */
const RETRY_PAUSE_MS = 100;

/** `run: COMMAND`, `run: { command: COMMAND, … }` */
export const RUN: StepKind<RunStep> = {
  action: "run",
  schema: SCHEMA,
  plan({ tree, label, given, context }) {
    const fields = check(SCHEMA, { tree, label }, context);
    // Also where something else is wrong: who uses them is not blamed as well.
    for (const name of namesIn(tree, "capture")) capture(name, { place: follow(tree, ["capture"]), context });
    if (!fields) return undefined;
    const host = hostOf(given, context);
    const { capture: captured, retry, timeout } = fields;
    const own = { ...captured ? { capture: captured } : {}, ...retry === undefined ? {} : { retry } };
    return { host, ...commandOf(fields, { host, context }), ...endOf(fields), timeoutMs: timeout, ...own };
  },
  describe: (step) => `run ${describeCommand(step)}`,
  async run(step, scene) {
    for (let left = step.retry ?? 0; left > 0; left--) {
      const ran = await runInTime(step, scene);
      if (ran && isRight(step, ran)) return keep(step, ran, scene);
      await pause(RETRY_PAUSE_MS, scene.signal);
    }
    const ran = await runCommand(step, { ...scene, host: step.host });
    const wrong = wrongEnd(ran, step);
    if (wrong === undefined) return keep(step, ran, scene);
    const tries = step.retry ? `, in the last of ${step.retry + 1} runs` : "";
    if (!saysEnd(step)) throw new StepError(commandEnded(step, ran, tries));
    throw new StepError(`Expected that ${describeCommand(step)} ends${describeEnd(step)}: ${wrong}${tries}`, {
      unmet: true,
    });
  },
  isOnHost: () => true,
};

/** Runs the command; nothing where it has been killed because it took too long. */
async function runInTime(step: RunStep, scene: Scene): Promise<RanProcess | undefined> {
  try {
    return await runCommand(step, { ...scene, host: step.host });
  } catch (error) {
    if (error instanceof StepError && error.cause instanceof TooLate) return undefined;
    throw error;
  }
}

/** Whether it has ended as it should, and all is there that is to be captured. */
function isRight(step: RunStep, ran: RanProcess): boolean {
  return wrongEnd(ran, step) === undefined &&
    Object.values(step.capture ?? {}).every((test) => capturedBy(test, ran) !== undefined);
}

/** Gives variables what was captured of the output. */
function keep(step: RunStep, ran: RanProcess, { stage }: Scene): void {
  for (const [name, test] of Object.entries(step.capture ?? {})) {
    const found = capturedBy(test, ran);
    if (found === undefined) {
      const what = `Expected that ${describeCommand(step)} ends with ${test?.source} in stdout, for ${name}`;
      throw new StepError(`${what}: stdout was ${JSON.stringify(ran.stdout?.slice(-200) ?? "")}`, { unmet: true });
    }
    stage.values.set(name, plainValue(found) ?? "");
  }
}

function capturedBy(test: TextTest | null, { stdout = "" }: RanProcess): string | undefined {
  return test ? foundIn(stdout.trim(), test) : stdout.trim();
}

/** What a regular expression finds in a text, its first group where it has one; or the text that is in it. */
function foundIn(text: string, { source, pattern }: TextTest): string | undefined {
  if (!pattern) return text.includes(source) ? source : undefined;
  const match = new RegExp(pattern.source, pattern.flags.replace("g", "")).exec(text);
  return match?.[1] ?? match?.[0];
}
