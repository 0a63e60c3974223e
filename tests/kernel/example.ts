/**
 * The scenarios in `examples/`, as the command line runs them.
 *
 * @module
 */

import { runCommandLine } from "../../cli/main.ts";
import type { ScenarioEnd, ScenarioEvent, StepEnd, StepStart } from "../../scenario/event.ts";
import { Written } from "../cli/written.ts";
import { type LeftPacket, packetsOfFile } from "../scenario/report/ladder_file.ts";

const EXAMPLES = new URL("../../examples/", import.meta.url).pathname;

/** Every scenario in `examples/`, each in a folder of its name. */
export const EXAMPLE_NAMES = [
  "accept_queue",
  "back_pressure",
  "etcd_old_leader",
  "half_close",
  "haproxy_cli",
  "haproxy_redispatch",
  "haproxy_reload",
  "idle_close",
  "late_answer",
  "late_name",
  "lost_syn",
  "mariadb_heartbeat",
  "maxconn_queue",
  "node_keep_alive",
  "output_commit",
  "postgres_sync",
  "postgres_timeouts",
  "redis_failover",
  "redis_lost_job",
  "reordered",
  "rolling_restart",
  "silent_server",
  "tls_flights",
  "vm_failover",
] as const;

/** Those whose hosts are machines with agents. */
export const MACHINE_EXAMPLES = ["etcd_machines"] as const;

export type ExampleName = typeof EXAMPLE_NAMES[number];

/** How a scenario went. */
export interface Course {
  status: number;
  events: readonly ScenarioEvent[];
  end: ScenarioEnd;
  /** The step that was not done, in words, and why; empty where all were. */
  failure: string;
  stderr: string;
  /** The page of `--report`, and what tshark reads of the file of `--capture`, where they were asked for. */
  report?: string;
  packets?: readonly LeftPacket[];
}

/** Changes one of the files of an example. */
export interface Edit {
  /** The file's name; the scenario if not given. */
  file?: string;
  change: (text: string) => string;
}

/** Starts PostgreSQL, which refuses root, in a user namespace where root is another user, and has its files all the same. */
export const POSTGRESQL_OF_ROOT: Edit = {
  file: "server.sh",
  change: (text) => text.replaceAll(/(initdb|postgres) -D/g, "unshare --user --map-user=1 --map-group=1 $&"),
};

/** Where the program of the virtual machine is. */
export const IPXE = `ipxe=${Deno.env.get("PLUGCTL_TOOLS")}/boot/ipxe.lkrn`;

/** How an example is run. */
export interface ExampleOptions {
  options?: readonly string[];
  /** What is changed in the copy of its folder that it runs in. */
  edits?: readonly Edit[];
  /** Whether a report and a capture are made, too. */
  withReport?: boolean;
}

/** Runs an example in a copy of its folder. */
export async function runExample(
  name: ExampleName,
  { options = [], edits = [], withReport }: ExampleOptions = {},
): Promise<Course> {
  const folder = await Deno.makeTempDir({ prefix: `plugctl-${name}-` });
  try {
    for (const { name: file } of Deno.readDirSync(`${EXAMPLES}${name}`)) {
      await Deno.copyFile(`${EXAMPLES}${name}/${file}`, `${folder}/${file}`);
    }
    for (const { file = `${name}.yaml`, change } of edits) await edit(`${folder}/${file}`, change);
    const [report, capture] = [`${folder}/report.html`, `${folder}/packets.pcapng`];
    const files = withReport ? ["--report", report, "--capture", capture] : [];
    const course = await run([...options, ...files, `${folder}/${name}.yaml`]);
    if (!withReport) return course;
    const packets = await packetsOfFile(capture, course.events);
    return { ...course, report: await Deno.readTextFile(report), packets };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function edit(path: string, change: Edit["change"]): Promise<void> {
  const before = await Deno.readTextFile(path);
  const after = change(before);
  if (after === before) throw new Error(`Cannot break ${path}: there is nothing to change`);
  await Deno.writeTextFile(path, after);
}

async function run(words: readonly string[]): Promise<Course> {
  const stdout = new Written();
  const stderr = new Written();
  const status = await runCommandLine(["run", "--json", ...words], { stdout, stderr });
  const events: ScenarioEvent[] = stdout.text.trim().split("\n").filter(Boolean).map((line) => JSON.parse(line));
  const end = events.at(-1);
  if (end?.event !== "scenario-end") throw new Error(`The scenario did not end: ${stderr.text}`);
  return { status, events, end, failure: describeFailure(events, end), stderr: stderr.text };
}

function describeFailure(events: readonly ScenarioEvent[], { step, sentence }: ScenarioEnd): string {
  const of = (event: ScenarioEvent): event is StepStart | StepEnd => "step" in event && event.step === step;
  const start = events.filter(of).find((event) => event.event === "step-start");
  return start ? `${start.text}: ${sentence}` : sentence;
}
