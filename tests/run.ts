/**
 * `deno task test`: runs every level of the tests, the cheap ones first, or those that are chosen, and sums up.
 *
 * What a level needs beside plugctl it fetches by itself, into the cache. Where that cannot be had the level is named
 * with the reason, which is a failure if `CI` is `true`.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { terminate } from "../uml/processes.ts";
import { readLines } from "../linux/incoming.ts";
import { runProgram } from "../package/program.ts";
import { type Level, LEVELS } from "./levels.ts";
import { provideTools } from "./tools.ts";

const PROJECT = `${import.meta.dirname}/..`;

/** What a level came to. */
interface Result {
  name: string;
  passed: number;
  failed: number;
  seconds: number;
  /** What could not be run, and why. */
  notRun: string[];
}

await runProgram("tests", async (signal) => {
  const { level, help, _: rest } = parseArgs(Deno.args, { string: ["level"], collect: ["level"], boolean: ["help"] });
  if (help) return printHelp();
  const names = [...level, ...rest].flatMap((each) => String(each).split(","));
  const unknown = names.find((name) => !LEVELS.some((each) => each.name === name));
  if (unknown !== undefined) {
    console.error(`tests: there is no level ${unknown}: the levels are ${LEVELS.map(({ name }) => name).join(", ")}`);
    return 2;
  }
  const results: Result[] = [];
  for (const each of LEVELS.filter(({ name }) => names.length === 0 || names.includes(name))) {
    console.log(`\n=== ${each.name}: ${each.what}\n`);
    results.push(await runLevel(each, signal));
  }
  return sumUp(results);
});

/** Runs a level, shows what it says, and counts. */
async function runLevel({ name, commands, tools = [] }: Level, signal: AbortSignal): Promise<Result> {
  const result: Result = { name, passed: 0, failed: 0, seconds: 0, notRun: [] };
  const from = performance.now();
  try {
    await provideTools(tools, { signal, onDownload: (what) => console.log(`Downloading ${what}`) });
    for (const command of commands) {
      const code = await runDeno(command, { signal, onLine: (line) => count(line, result) });
      if (code !== 0 && result.failed === 0) result.failed = 1;
    }
  } catch (error) {
    signal.throwIfAborted();
    result.notRun.push(`${name} NOT RUN: ${error instanceof Error ? error.message : error}`);
    console.error(result.notRun[0]);
    if (Deno.env.get("CI") === "true") result.failed = 1;
  }
  result.seconds = Math.round((performance.now() - from) / 1000);
  return result;
}

/** Runs Deno, passes on what it says as it comes, and returns its exit status. */
async function runDeno(
  args: readonly string[],
  { signal, onLine }: { signal: AbortSignal; onLine: (line: string) => void },
): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: PROJECT,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const end = () => terminate(child);
  signal.addEventListener("abort", end);
  const pass = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>, show: (line: string) => void) => {
    for await (const line of readLines(stream)) {
      show(line);
      onLine(line);
    }
  };
  await Promise.all([pass(child.stdout, console.log), pass(child.stderr, console.error)]);
  const { code } = await child.status;
  signal.removeEventListener("abort", end);
  signal.throwIfAborted();
  return code;
}

/** Counts what `deno test` says in the end, and keeps in mind what could not be run. */
function count(line: string, result: Result): void {
  const [, passed, failed] = /^(?:ok|FAILED) \| (\d+) passed.*? \| (\d+) failed/.exec(line) ?? [];
  result.passed += Number(passed ?? 0);
  result.failed += Number(failed ?? 0);
  if (line.includes("NOT RUN")) result.notRun.push(line);
}

/** Says what each level came to and, last, what all of them did; returns the exit status. */
function sumUp(results: readonly Result[]): number {
  console.log();
  for (const { name, passed, failed, seconds, notRun } of results) {
    console.log(`${name.padEnd(9)}${`${passed} passed, ${failed} failed`.padEnd(25)}${seconds} s`);
    for (const line of new Set(notRun)) console.log(`  ${line}`);
  }
  const [passed, failed] = (["passed", "failed"] as const)
    .map((what) => results.reduce((sum, result) => sum + result[what], 0));
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

function printHelp(): number {
  console.log("deno task test [--level LEVEL]...   runs the tests, all levels or those that are named:\n");
  for (const { name, takes, what } of LEVELS) console.log(`  ${name.padEnd(10)}${takes.padEnd(8)}${what}`);
  console.log("\nThe times are those of two processors, once what a level needs is in ~/.cache/plugctl.");
  return 0;
}
