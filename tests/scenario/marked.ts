import { type Mistake, ScenarioError } from "../../scenario/mistake.ts";
import { readScenario } from "../../scenario/read.ts";

/** Marks in a text where a mistake is expected. */
const MARK = "‸";

/** Texts with a mark where the mistake is, and what is said of it; where nothing is said, there is none. */
export type Cases = readonly (readonly [marked: string, what: string, expected: string])[];

/** A text without its marks, and where they stood, line and column from 1 on. */
export function unmark(marked: string): { text: string; places: { line: number; column: number }[] } {
  const parts = marked.split(MARK);
  const places = parts.slice(0, -1).map((_, index) => {
    const before = parts.slice(0, index + 1).join("").split("\n");
    return { line: before.length, column: (before.at(-1) ?? "").length + 1 };
  });
  return { text: parts.join(""), places };
}

/** What is wrong in a scenario; nothing where it is right. */
export function mistakesIn(text: string): readonly Mistake[] {
  try {
    readScenario(text, { file: "a.yaml" });
    return [];
  } catch (error) {
    if (error instanceof ScenarioError) return error.mistakes;
    throw error;
  }
}

/** A scenario with a gate `web`, a plug `up` and a process `load`, and these steps. */
export function withSteps(steps: string): string {
  return `name: x
gates: { web: { dev: lo, direction: egress } }
plugs: { up: { dev: eth0 } }
cleanup: [start: { name: load, command: "true" }]
steps:
${steps}`;
}

/** A scenario of one step that does nothing, and this beside. */
export function withTop(top: string): string {
  return `name: x\nsteps: [log: x]\n${top}`;
}
