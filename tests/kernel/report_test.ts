/** The report of a run: it has the numbers of the event log, and a full disk takes away nothing but the report. */

import { assertEquals, assertMatch } from "@std/assert";
import { runCommandLine } from "../../cli/main.ts";
import type { QueueTotal, ScenarioEvent } from "../../scenario/event.ts";
import { figuresOf, tableOf } from "../scenario/report/tables.ts";
import { Written } from "../cli/written.ts";
import { fullDisk } from "./full_disk.ts";

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

function count(text: string): number {
  return Number(text.replaceAll(",", ""));
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

function assertNumbers(page: string, events: readonly ScenarioEvent[]): void {
  const end = events.findLast((event) => event.event === "scenario-end");
  const buffered = events.find((event) => event.event === "step-end" && event.action === "buffer");
  const released = events.find((event) => event.event === "step-end" && event.action === "release-indefinite");
  if (!end || buffered?.event !== "step-end" || released?.event !== "step-end") throw new Error("The log is not whole");
  const { before: { ping: held }, asked = 0 } = released;

  assertEquals(tableOf(page, "totals").map(totalOf), [["ping", columnsOf(end.queues.ping)]]);
  const [hold, ...others] = tableOf(page, "holds");
  assertEquals(others, []);
  assertEquals(
    [hold.Queue, hold.Packets, hold.Bytes, hold.Drops].map((text) => /^\d/.test(text) ? count(text) : text),
    [
      "ping",
      held.packets - buffered.after.ping.packets + held.backlogPackets,
      held.bytes - buffered.after.ping.bytes + held.backlogBytes,
      0,
    ],
  );
  assertEquals(parseFloat(hold.From), Math.round((buffered.asked ?? 0) / 1000) / 1000);
  assertEquals(microseconds(hold["Held for"]), roughly(asked - (buffered.asked ?? 0)));
  const figures = figuresOf(page);
  assertEquals(count(figures["steps done"]), end.steps);
  assertEquals(microseconds(figures.took), roughly(end.t));
}

function totalOf(row: Record<string, string>): [string, number[]] {
  return [row.Queue, ["Packets let through", "Bytes", "Holds", "Most at once", "Drops"].map((key) => count(row[key]))];
}

function columnsOf({ packets, bytes, holds, mostHeld, drops }: QueueTotal): number[] {
  return [packets, bytes, holds, mostHeld, drops];
}

/** A time as the page writes it, in microseconds, to three digits. */
function microseconds(text: string): number {
  const [, number, unit] = /^([\d.]+) (µs|ms|s)$/.exec(text) ?? [];
  return roughly(Number(number) * { "µs": 1, ms: 1e3, s: 1e6 }[unit as "ms"]);
}

function roughly(time: number): number {
  return Number(time.toPrecision(3));
}

Deno.test("run --report says so where the disk is full, tells how the run has ended, and leaves nothing", async () => {
  using disk = fullDisk();
  const file = `${disk.folder}/report.html`;
  const complaint = `plugctl: cannot write the report ${file}: No space left on device (os error 28)\n`;
  const { status, stdout, stderr } = await run(file);
  assertMatch(stdout, /^done: \d+ steps in /m);
  assertEquals([status, stderr], [1, complaint]);
  assertEquals([...Deno.readDirSync(disk.folder)], []);

  const unmet = await run(file, "--set", "drops=1");
  assertMatch(unmet.stderr, /^plugctl: step 6 \(line \d+\): /);
  assertEquals([unmet.status, unmet.stderr.endsWith(complaint)], [3, true]);
  assertEquals([...Deno.readDirSync(disk.folder)], []);
});

Deno.test("run --report does nothing where there can be no such file", async () => {
  await inFolder(async (folder) => {
    const { status, stdout, stderr } = await run(`${folder}/nosuch/report.html`);
    assertEquals([status, stdout], [1, ""]);
    assertMatch(stderr, /^plugctl: cannot write the report \S+: there is no folder /);
  });
});
