import { describeQueue, describeStep, formatDuration } from "./describe.ts";
import type { PlannedHost, PlannedStep, ScenarioPlan } from "./plan.ts";

/** What a scenario would do, a line each, each level of steps two spaces further in. */
export function describePlan(plan: ScenarioPlan): string[] {
  const { name, timeoutMs, maxHoldMs, hosts, queues, steps, cleanup } = plan;
  return [
    `${name}: at most ${formatDuration(timeoutMs)}, holding for at most ${formatDuration(maxHoldMs)} without a release`,
    ...hosts.map(describeHost),
    ...queues.map((queue) => `attach ${describeQueue(queue)}`),
    ...describeSteps(steps, ""),
    ...cleanup.length > 0 ? ["in the end, whatever happens:", ...describeSteps(cleanup, "cleanup.")] : [],
    "release and take away everything that was made",
  ];
}

function describeHost({ name, netns, devices, routes, forward }: PlannedHost): string {
  if (netns !== undefined) return `use network namespace ${netns} as host ${name}`;
  const cables = devices.map(({ name, to, addresses }) =>
    `${name} to ${to.host} ${to.device}${addresses.length > 0 ? ` as ${addresses.join(", ")}` : ""}`
  );
  const ways = routes.map(({ to, via }) => `${to} via ${via}`);
  return [`make host ${name}`, ...cables, ...ways, ...forward ? ["passes on packets"] : []].join("; ");
}

function describeSteps(steps: readonly PlannedStep[], prefix: string): string[] {
  return steps.flatMap((step, index) => {
    const path = `${prefix}${index + 1}`;
    return [describeOne(step, path), ...describeNested(step, path).map((line) => `  ${line}`)];
  });
}

function describeOne(step: PlannedStep, path: string): string {
  const { host, atMs, name } = step;
  const at = atMs === undefined ? "" : ` at ${formatDuration(atMs)}`;
  const where = host === undefined ? "" : ` on ${host}`;
  return `${path}${at}${where}: ${describeStep(step)}${name === undefined ? "" : ` (${name})`}`;
}

function describeNested(step: PlannedStep, path: string): string[] {
  if (step.action === "parallel") {
    return step.branches.flatMap(({ name, steps }) => describeSteps(steps, `${path}.${name}.`));
  }
  if (step.action !== "repeat" || step.rounds.length === 0) return [];
  // Where the variable is not used, every round is the same.
  const isSame = step.rounds.every(({ steps }) => steps === step.rounds[0].steps);
  if (isSame) return describeSteps(step.rounds[0].steps, `${path}[1].`);
  return step.rounds.flatMap(({ steps }, index) => describeSteps(steps, `${path}[${index + 1}].`));
}
