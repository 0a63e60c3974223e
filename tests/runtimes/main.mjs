// @ts-check
// Runs the vectors that stand beside it, in a runtime with files, and prints the outcome.
import { readFileSync } from "node:fs";
import { run } from "./runner.mjs";

console.log(JSON.stringify(run(JSON.parse(readFileSync(new URL("vectors.json", import.meta.url), "utf8")))));
