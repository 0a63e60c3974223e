import { runCommandLine } from "../../cli/main.ts";
import type { Outcome } from "./plugctl.ts";
import { Written } from "./written.ts";

/** Runs a command line in this process, which takes no time to start. */
export async function runHere(...words: string[]): Promise<Outcome> {
  const [stdout, stderr] = [new Written(), new Written()];
  const status = await runCommandLine(words, { stdout, stderr });
  return { status, stdout: stdout.text, stderr: stderr.text };
}
