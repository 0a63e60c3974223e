/** What CI services are given: an action for GitHub, and the files of both that the docs show. */

import { assertEquals, assertMatch } from "@std/assert";
import * as v from "valibot";
import { parse } from "yaml";

const ROOT = new URL("../../", import.meta.url).pathname;
const DOC = await Deno.readTextFile(`${ROOT}docs/CI.md`);

/** What GitHub demands of an action that is made of steps. */
const ACTION = v.strictObject({
  name: v.string(),
  description: v.string(),
  inputs: v.record(
    v.pipe(v.string(), v.regex(/^[a-z]+$/)),
    v.strictObject({ description: v.string(), required: v.optional(v.boolean()), default: v.optional(v.string()) }),
  ),
  runs: v.strictObject({
    using: v.literal("composite"),
    steps: v.array(v.strictObject({
      name: v.string(),
      shell: v.literal("bash"),
      "working-directory": v.optional(v.string()),
      env: v.optional(v.record(v.string(), v.string())),
      run: v.string(),
    })),
  }),
});

async function action(): Promise<v.InferOutput<typeof ACTION>> {
  return v.parse(ACTION, parse(await Deno.readTextFile(`${ROOT}action.yml`)));
}

/** Runs the last step of the action with programs that say how they were called. */
async function calledWith(env: Record<string, string>): Promise<string[]> {
  const { runs: { steps } } = await action();
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/plugctl/bin`, { recursive: true });
    const tell = '#!/bin/sh\nprintf "%s\\n" "${0##*/}" "$@"\n';
    await Deno.writeTextFile(`${folder}/plugctl/bin/plugctl`, tell, { mode: 0o755 });
    await Deno.writeTextFile(`${folder}/sudo`, '#!/bin/sh\necho sudo\nexec "$@"\n', { mode: 0o755 });
    const { code, stdout } = await new Deno.Command("bash", {
      args: ["--noprofile", "--norc", "-eo", "pipefail", "-c", steps[1].run],
      env: { RUNNER_TEMP: folder, PATH: `${folder}:${Deno.env.get("PATH")}`, ...env },
    }).output();
    assertEquals(code, 0);
    return new TextDecoder().decode(stdout).trim().split("\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("the action for GitHub is well formed, and hands its inputs to steps by variables alone", async () => {
  const { inputs, runs: { steps } } = await action();
  for (const { run } of steps) assertEquals(run.match(/\$\{\{/), null);
  const given = Object.values(steps[1].env ?? {});
  assertEquals(given, Object.keys(inputs).map((name) => `\${{ inputs.${name} }}`));
});

Deno.test("the action for GitHub runs what it was given", async () => {
  const plain = { SCENARIOS: "tests/faults\n\n  a file.yaml \n", JOBS: "4", UML: "true", JUNIT: "", REPORTS: "" };
  const common = ["run", "--jobs", "4", "--annotations", "github"];
  const files = ["--", "tests/faults", "a file.yaml", "tests/faults"];
  assertEquals(await calledWith(plain), ["plugctl", ...common, "--uml", ...files]);
  assertEquals(
    await calledWith({ ...plain, UML: "false", JUNIT: "j.xml", REPORTS: "out" }),
    ["sudo", "plugctl", ...common, "--junit", "j.xml", "--report", "out", ...files],
  );
});

Deno.test("what docs/CI.md shows for GitHub and GitLab is YAML with inputs and options that there are", async () => {
  const [github, gitlab] = ["github", "gitlab"].map((name) =>
    parse(DOC.match(new RegExp("```yaml\n# " + name + "\n([^]*?)```"))?.[1] ?? "")
  );
  const { inputs } = await action();
  assertEquals(Object.keys(github.steps[1].with).filter((name) => !Object.hasOwn(inputs, name)), []);
  assertEquals(gitlab.faults.artifacts.reports, { junit: "results.xml" });
  assertMatch(gitlab.faults.script[1], /^plugctl run .* --junit results\.xml /);
});
