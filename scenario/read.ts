/**
 * All that reads, describes and runs scenarios, to be loaded when there is one.
 *
 * @module
 */

import { planScenario } from "./document.ts";
import { ScenarioError, sortMistakes } from "./mistake.ts";
import type { Scalar, ScenarioPlan } from "./plan.ts";
import { Files, Includer } from "./source/include.ts";
import { readYaml } from "./source/read_yaml.ts";

export { breaksOf, describePlan, isApart } from "./document.ts";
export { PreciseClock } from "./run/clock.ts";
export { runPlan } from "./run/run_plan.ts";

/**
 * Reads a scenario, and checks all of it.
 *
 * @throws {ScenarioError} with everything that is wrong in it
 */
export function readScenario(
  text: string,
  { file, folder, set = new Map() }: { file: string; folder?: string; set?: ReadonlyMap<string, Scalar> },
): ScenarioPlan & { files: readonly string[] } {
  const { tree, mistakes } = readYaml(text);
  const files = new Files({ name: file, folder, text });
  const includer = new Includer(files, mistakes);
  const whole = tree && includer.resolve(tree);
  const plan = whole && planScenario(whole, { set, folder, files, unused: includer.unused, mistakes });
  if (plan && mistakes.length === 0) return { ...plan, files: files.names };
  throw new ScenarioError(file, sortMistakes(mistakes, (mistake) => files.placed(mistake)), files.names);
}
