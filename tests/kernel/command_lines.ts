/**
 * A process that runs the command lines that it is told, an array of words in JSON a line, and answers each by how it
 * ended: for tests in which several do something at once.
 *
 * @module
 */

import { runCommandLine } from "../../cli/main.ts";
import { readLines } from "../../linux/incoming.ts";
import { Written } from "../cli/written.ts";

console.log("ready");
for await (const line of readLines(Deno.stdin.readable)) {
  const stdout = new Written();
  const stderr = new Written();
  const status = await runCommandLine(JSON.parse(line), { stdout, stderr });
  console.log(JSON.stringify({ status, stdout: stdout.text, stderr: stderr.text }));
}
