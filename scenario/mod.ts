/** Scripted fault injection: scenarios, read, checked, run. */
export type * from "./event.ts";
export { EVENT_VERSION } from "./event.ts";
export { type Mistake, ScenarioError } from "./mistake.ts";
export type { Scalar } from "./plan.ts";
export type { OutputLine } from "./run/processes.ts";
export type { RunOptions, ScenarioResult } from "./run/run_plan.ts";
export { type LoadOptions, Scenario } from "./scenario.ts";
