// How late the steps of a scenario are: prints a line of work and microseconds for each.
import type { ScenarioEvent, StepEnd } from "../../scenario/event.ts";
import { Scenario } from "../../scenario/scenario.ts";
import { durations } from "./timer.ts";

/** Sleeps in a row, then steps at set times, as far from one another. */
function text(device: string | undefined): string {
  const sleeps = durations().map((micros) => `  - sleep: ${micros}us`);
  let micros = 0;
  const times = durations().map((duration) => micros += duration);
  const step = device === undefined ? "log: x" : "release-indefinite: up";
  const steps = times.map((time) => `        - { ${step}, at: ${time}us }`);
  const plugs = device === undefined ? "" : `plugs: { up: { dev: ${device} } }\n`;
  return `name: timing\n${plugs}steps:\n${sleeps.join("\n")}\n  - parallel:\n      times:\n${steps.join("\n")}\n`;
}

const [device] = Deno.args;
const scenario = await Scenario.parse(text(device));
const due = new Map<string, number>();
const { error } = await scenario.run({
  onEvent: (event: ScenarioEvent) => {
    if (event.event === "step-start" && event.due !== undefined) due.set(event.step, event.due);
    if (event.event === "step-end") report(event);
  },
});
if (error) throw error;

function report({ step, action, t, duration, chosen, asked }: StepEnd): void {
  if (action === "sleep" && chosen !== undefined) console.log(`sleep|${duration - chosen}`);
  const time = due.get(step);
  if (time !== undefined) console.log(`set time|${(asked ?? t) - time}`);
}
