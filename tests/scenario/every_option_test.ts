/** Every step and condition, and each of their options, is done, fails, is wrong at its place, and leaves nothing behind. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { isMap, isPair, parseDocument, visit } from "yaml";
import { CONDITIONS } from "../../scenario/conditions/list.ts";
import { scenarioJsonSchema } from "../../scenario/json_schema.ts";
import { readScenario } from "../../scenario/read.ts";
import { runPlan } from "../../scenario/run/run_plan.ts";
import { PreciseClock } from "../../scenario/run/clock.ts";
import { STEP_ENTRIES } from "../../scenario/step_list.ts";
import { STEPS } from "../../scenario/steps/list.ts";
import { FakeKernel } from "../plug/fake_kernel.ts";
import { COMMON_ROW, CONDITION_ROWS, type Row, STEP_ROWS } from "./every_option.ts";
import { mistakesIn } from "./marked.ts";

const KERNEL_TESTS = new URL("../kernel/", import.meta.url);

/** A scenario with a plug `up` on eth0, a gate `web` on eth1, and these steps, whose processes can be told by a variable. */
function scenario(steps: string, mark = "none"): string {
  return `name: x
vars: { url: "http://127.0.0.1:1/" }
plugs: { up: { dev: eth0 } }
gates: { web: { dev: eth1, direction: out, match: tcp dst port 80 } }
defaults: { timeout: 60s, env: { PLUGCTL_CASE: ${mark} } }
steps:
${steps.replaceAll(/^/gm, "  ")}
`;
}

interface Course {
  outcome: string;
  message: string;
}

/** Runs steps, and sees to it that nothing of them is left. */
async function run(steps: string, url: string): Promise<Course> {
  const mark = crypto.randomUUID();
  const kernel = new FakeKernel();
  for (const name of ["eth0", "eth1", "eth2"]) kernel.addDevice(name);
  const plan = readScenario(scenario(steps, mark), { file: "a.yaml", set: new Map([["url", url]]) });
  const { outcome, error, undone } = await runPlan(plan, {
    onEvent(event) {
      if (event.event !== "step-start" || event.action !== "log" || event.text !== "traffic") return;
      for (let packet = 0; packet < 3; packet++) kernel.transmit("packet", kernel.devices[0]);
    },
    world: { clock: new PreciseClock(), connect: () => kernel.connection },
    origin: { file: "a.yaml", folder: Deno.cwd() },
  });
  assertEquals(undone, true, steps);
  assertEquals(kernel.qdiscs.filter(({ kind }) => kind === "plug"), [], steps);
  assertEquals(kernel.devices.map(({ name }) => name), ["eth0", "eth1", "eth2"], steps);
  assertEquals(kernel.accidents, [], steps);
  assertEquals(marked(mark), [], `${steps}: processes are left`);
  return { outcome, message: error instanceof Error ? error.message : String(error ?? "") };
}

/** The processes that have a variable. */
function marked(mark: string): string[] {
  return Array.from(Deno.readDirSync("/proc"), ({ name }) => name).filter((pid) => {
    try {
      return /^\d+$/.test(pid) && Deno.readTextFileSync(`/proc/${pid}/environ`).includes(mark);
    } catch {
      return false; // It has ended, or is another's.
    }
  });
}

interface Schema {
  $ref?: string;
  properties?: Record<string, Schema>;
  anyOf?: readonly Schema[];
}

const { $defs } = scenarioJsonSchema() as { $defs: Record<string, Schema> };

/** The keys that a value may have, in any of its forms. */
function keysOf({ $ref, properties = {}, anyOf = [] }: Schema = {}): string[] {
  if ($ref !== undefined) return keysOf($defs[$ref.slice($ref.lastIndexOf("/") + 1)]);
  return [...new Set([...Object.keys(properties), ...anyOf.flatMap(keysOf)])];
}

/** What is tried of each, with its options; those of conditions are tried with these, not with each step that has them. */
function* everything(): Generator<{ name: string; row: Row | undefined; options: readonly string[]; word: string }> {
  const steps = $defs.step.properties ?? {};
  for (const { action, words = [action] } of STEPS) {
    const [word = action] = words;
    const isAboutConditions = action === "wait" || action === "expect";
    const options = words.length === 0 ? [] : isAboutConditions ? ["timeout"] : keysOf(steps[word]);
    yield { name: action, row: STEP_ROWS[action], options, word };
  }
  for (const { about, entries } of CONDITIONS) {
    yield { name: `condition ${about}`, row: CONDITION_ROWS[about], options: Object.keys(entries), word: "" };
  }
  yield { name: "every step", row: COMMON_ROW, options: Object.keys(STEP_ENTRIES), word: "" };
}

/** Whether an option stands in steps. */
function has(steps: string, option: string): boolean {
  return new RegExp(`(^|[\\s{,])${option}: `, "m").test(steps);
}

function isInKernelTest({ kernel = {} }: Row, option: string): boolean {
  const found = kernel[""] ?? kernel[option];
  return found !== undefined && found.has.test(Deno.readTextFileSync(new URL(found.file, KERNEL_TESTS)));
}

Deno.test("every step and condition has a row, and each option a case of success and one of failure", () => {
  const missing: string[] = [];
  for (const { name, row, options } of everything()) {
    if (!row) {
      missing.push(name);
      continue;
    }
    const all = isInKernelTest(row, "");
    if (row.done.length === 0 && !all) missing.push(`${name}: success`);
    if (row.fails.length === 0 && !all) missing.push(`${name}: failure`);
    for (const option of options.filter((option) => !all && !isInKernelTest(row, option))) {
      if (!row.done.some((steps) => has(steps, option))) missing.push(`${name}: success of ${option}`);
      const fails = option in (row.harmless ?? {}) || row.fails.some(([steps]) => has(steps, option));
      if (!fails) missing.push(`${name}: failure by ${option}`);
    }
  }
  assertEquals(missing, []);
});

for (const { name, row } of everything()) {
  Deno.test(`what is said of ${name} holds: it is done, it fails, and nothing is left of either`, async () => {
    await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, () => new Response("hello"));
    const url = `http://127.0.0.1:${server.addr.port}/`;
    for (const steps of row?.done ?? []) {
      assertEquals(await run(steps, url), { outcome: "done", message: "" }, steps);
    }
    for (const [steps, message] of row?.fails ?? []) {
      const course = await run(steps, url);
      assert(["failed", "unmet"].includes(course.outcome), `${steps}: ${course.outcome}`);
      assertMatch(course.message, message, steps);
    }
  });
}

/** What is right for no option. */
const WRONG = "[[]]";

Deno.test("every option is refused with its line and column where its value is wrong", () => {
  let tried = 0;
  for (const { name, row, options } of everything()) {
    for (const steps of row?.done ?? []) {
      for (const { text, from, to, option } of withWrong(scenario(steps), options)) {
        tried++;
        const places = mistakesIn(text).map(({ line, column }) => offsetOf(text, { line, column }));
        assert(places.some((place) => place >= from && place < to), `${name}: ${option} in\n${text}`);
      }
    }
  }
  assert(tried > 100, `${tried} were tried`);
});

/** A scenario with the value of an option replaced, of each option in its steps. */
function withWrong(
  text: string,
  options: readonly string[],
): { text: string; from: number; to: number; option: string }[] {
  const ways: { text: string; from: number; to: number; option: string }[] = [];
  const steps = parseDocument(text).get("steps");
  visit(steps as Parameters<typeof visit>[0], {
    Map(_, map) {
      for (const pair of map.items) {
        if (!isPair(pair)) continue;
        const option = String(pair.key);
        const value = pair.value as { range?: [number, number, number] } | null;
        if (!options.includes(option) || !value?.range) continue;
        const [from, to] = value.range;
        const end = isMap(value) || !text.slice(from, to).endsWith("\n") ? to : to - 1;
        ways.push({ text: `${text.slice(0, from)}${WRONG}${text.slice(end)}`, from, to: from + WRONG.length, option });
      }
    },
  });
  return ways;
}

function offsetOf(text: string, { line, column }: { line: number; column: number }): number {
  return text.split("\n").slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0) + column - 1;
}
