/**
 * The command line, as a user runs it.
 *
 * @module
 */

import { runCommandLine } from "../../cli/main.ts";
import { Written } from "../cli/written.ts";
import type { Host } from "./host.ts";

const MAIN = new URL("../../cli/main.ts", import.meta.url).pathname;

/** How a command line ended. */
export interface Outcome {
  status: number;
  stdout: string;
  /** What it has written to standard error, but for gaps. */
  stderr: string;
  /** What it has told of times in which a device sent nothing: on a busy machine there are some. No part of a comparison. */
  readonly gaps?: string[];
}

/** Takes what is told of gaps out of a text. */
export function withoutGaps(text: string): { text: string; gaps: string[] } {
  const GAP = /^plugctl: .* sent nothing for up to .*\n|; the devices of it sent nothing for up to [^;\n]*/gm;
  return { text: text.replaceAll(GAP, ""), gaps: text.match(GAP) ?? [] };
}

/** The words that start plugctl from its source. */
export const PLUGCTL: readonly string[] = [Deno.execPath(), "run", "-A", "--no-check", MAIN];

/**
 * Runs plugctl with these words on a host, and tells how it ended.
 *
 * It runs in this process, as starting one takes seconds in User-Mode Linux, and is sent to the host by `--netns`, of
 * which its messages here say nothing.
 */
export async function plugctl(host: Host, ...words: string[]): Promise<Outcome> {
  const saysWhere = words.includes("--netns") || words.includes("--all");
  const there = saysWhere ? [] : ["--netns", host.name];
  const end = words.includes("--") ? words.indexOf("--") : words.length;
  const stdout = new Written();
  const stderr = new Written();
  const status = await runCommandLine([...words.slice(0, end), ...there, ...words.slice(end)], { stdout, stderr });
  const { text, gaps } = withoutGaps(stderr.text);
  const outcome = {
    status,
    stdout: withoutGaps(stdout.text).text,
    stderr: text.replaceAll(new RegExp(` --?netns ${host.name}`, "g"), ""),
  };
  return Object.defineProperty(outcome, "gaps", { value: gaps, enumerable: false });
}

/**
 * Runs plugctl and returns what it printed.
 *
 * @throws {Error} If its exit status is not 0; the message holds its standard error.
 */
export async function plugctlDone(host: Host, ...words: string[]): Promise<string> {
  const { status, stdout, stderr } = await plugctl(host, ...words);
  if (status === 0) return stdout;
  throw new Error(`plugctl ${words.join(" ")} ended with ${status}: ${stderr}`);
}
