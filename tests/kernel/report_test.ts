/** The report of a run: it has the numbers of the event log, and a full disk takes away nothing but the report. */

import { assertEquals, assertMatch } from "@std/assert";
import { runCommandLine } from "../../cli/main.ts";
import type { ScenarioEvent } from "../../scenario/event.ts";
import { Written } from "../cli/written.ts";
import { fullDisk } from "./full_disk.ts";
import { assertNumbers } from "./report_numbers.ts";

const SCENARIO = `
name: A held ping
hosts: { one: {} }
gates: { ping: { host: one, dev: lo, direction: egress, match: icmp } }
vars: { drops: 0 }
defaults: { host: one, timeout: 60s }
steps:
  - buffer: ping
  - start: { name: pinging, command: busybox ping -c 3 -W 60 127.0.0.1 }
  - wait: { gate: ping, backlog: 1 }
  - release-indefinite: ping
  - join: pinging
  - expect: { gate: ping, drops: "\${drops}" }
`;

/** Runs the scenario with a report in this file. */
async function run(file: string, ...options: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const scenario = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(scenario, SCENARIO);
    const stdout = new Written();
    const stderr = new Written();
    const status = await runCommandLine(["run", "--report", file, ...options, scenario], { stdout, stderr });
    return { status, stdout: stdout.text, stderr: stderr.text };
  } finally {
    await Deno.remove(scenario);
  }
}

/** Does something in a folder of its own. */
async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "plugctl-report-" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("run --report writes a page with the numbers of the event log", async () => {
  await inFolder(async (folder) => {
    const file = `${folder}/report.html`;
    const { status, stdout, stderr } = await run(file, "--json");
    assertEquals({ status, stderr }, { status: 0, stderr: "" });
    const events: ScenarioEvent[] = stdout.trim().split("\n").map((line) => JSON.parse(line));
    assertNumbers(await Deno.readTextFile(file), events);
  });
});

Deno.test("run --report says so where the disk is full, tells how the run has ended, and leaves nothing", async () => {
  using disk = fullDisk();
  const file = `${disk.folder}/report.html`;
  const complaint = `plugctl: cannot write the report ${file}: No space left on device (os error 28)\n`;
  const { status, stdout, stderr } = await run(file);
  assertMatch(stdout, /^✓ done: \d+ steps in /m);
  assertEquals([status, stderr], [1, complaint]);
  assertEquals([...Deno.readDirSync(disk.folder)], []);

  const unmet = await run(file, "--set", "drops=1");
  assertMatch(unmet.stderr, /\nplugctl: step 6 \(line \d+\): Expected that drops of ping = 1: drops of ping is 0\n$/);
  assertEquals([unmet.status, unmet.stderr.startsWith(complaint)], [3, true]);
  assertEquals([...Deno.readDirSync(disk.folder)], []);
});

Deno.test("run --report does nothing where there can be no such file", async () => {
  await inFolder(async (folder) => {
    const { status, stdout, stderr } = await run(`${folder}/nosuch/report.html`);
    assertEquals([status, stdout], [1, ""]);
    assertMatch(stderr, /^plugctl: cannot write the report \S+: there is no folder /);
  });
});
