/** docs/chaos has documents for other tools: they are not run, but are what those take, as far as their structure goes. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { parseAllDocuments } from "yaml";
import { parseArguments } from "../../cli/arguments.ts";
import { ROOT } from "./sources.ts";

function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}

/** An activity of Chaos Toolkit. */
interface Activity {
  type: string;
  name: string;
  background?: boolean;
  pauses?: { before?: number; after?: number };
  tolerance?: unknown;
  provider: { type: string; path?: string; arguments?: string[]; timeout?: number; url?: string };
}

interface Experiment {
  title: string;
  description: string;
  "steady-state-hypothesis": { title: string; probes: Activity[] };
  method: Activity[];
  rollbacks: Activity[];
}

Deno.test("docs/chaos/experiment.json is an experiment as Chaos Toolkit reads it, of commands that plugctl takes", () => {
  const experiment: Experiment = JSON.parse(read("docs/chaos/experiment.json"));
  const { title, description, method, rollbacks, "steady-state-hypothesis": { title: state, probes } } = experiment;
  assert([title, description, state].every((text) => typeof text === "string" && text !== ""));
  assertMatch(description, /^Untested\. /);
  assert(method.length > 0 && rollbacks.length > 0 && probes.length > 0);
  for (const probe of probes) assertEquals([probe.type, "tolerance" in probe], ["probe", true]);
  const activities = [...probes, ...method, ...rollbacks];
  assertEquals(new Set(activities.map(({ name }) => name)).size, activities.length);
  const commands = activities.flatMap(({ type, provider }) => {
    assert(["action", "probe"].includes(type));
    if (provider.type === "http") return assertMatch(`${provider.url}`, /^\$\{service_url\}$/) ?? [];
    assertEquals([provider.type, provider.path, typeof provider.timeout], ["process", "plugctl", "number"]);
    return [parseArguments(provider.arguments ?? []).command];
  });
  assertEquals(commands, ["gate add", "hold", "show", "gate delete"]);
});

/** The fields of `spec.definition` of a ChaosExperiment, `litmuschaos.io/v1alpha1`. */
const DEFINITION = [
  "args",
  "command",
  "configMaps",
  "env",
  "experimentAnnotations",
  "hostFileVolumes",
  "hostPID",
  "image",
  "imagePullPolicy",
  "labels",
  "permissions",
  "scope",
  "secrets",
  "securityContext",
];
/** Those of `spec` of a ChaosEngine. */
const ENGINE = ["appinfo", "chaosServiceAccount", "engineState", "experiments"];

Deno.test("docs/chaos/litmus.yaml has an experiment of one's own and an engine for it, as LitmusChaos names their fields", () => {
  const text = read("docs/chaos/litmus.yaml");
  assertMatch(text, /^# Untested\. /);
  const documents = parseAllDocuments(text);
  assertEquals(documents.flatMap(({ errors, warnings }) => [...errors, ...warnings]), []);
  const [experiment, engine] = documents.map((document) => document.toJS());
  for (const { apiVersion } of [experiment, engine]) assertEquals(apiVersion, "litmuschaos.io/v1alpha1");
  assertEquals([experiment.kind, engine.kind], ["ChaosExperiment", "ChaosEngine"]);
  const { definition } = experiment.spec;
  assertEquals(Object.keys(definition).filter((key) => !DEFINITION.includes(key)), []);
  for (const { verbs, apiGroups, resources } of definition.permissions) {
    for (const list of [verbs, apiGroups, resources]) assert(Array.isArray(list) && list.length > 0);
  }
  for (const { name, mountPath, nodePath } of definition.hostFileVolumes) assert(name && mountPath && nodePath);
  assertEquals(Object.keys(engine.spec).filter((key) => !ENGINE.includes(key)), []);
  assertEquals(engine.spec.experiments.map(({ name }: { name: string }) => name), [experiment.metadata.name]);
  const env: { name: string; value: string }[] = engine.spec.experiments[0].spec.components.env;
  assertEquals(env.map(({ name }) => name), definition.env.map(({ name }: { name: string }) => name));
  for (const { value } of env) assertEquals(typeof value, "string");
  const [, line = ""] = /^exec plugctl (.*)$/.exec(definition.args[1]) ?? [];
  const words = env.reduce((words, { name, value }) => words.replace(`$${name}`, value), line.replaceAll('"', ""));
  const { command, values } = parseArguments(words.split(" "));
  assertEquals([command, values.get("pod"), values.get("for")], ["hold", ["default/web-1"], ["10s"]]);
});
