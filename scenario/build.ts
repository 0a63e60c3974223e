/**
 * Writes the JSON Schemas, or with `--check` says whether they are what the sources make of them: `build.ts [--check]`.
 *
 * @module
 */

import { eventJsonSchema } from "./event_schema.ts";
import { scenarioJsonSchema } from "./json_schema.ts";

const FILES = [
  ["scenario.schema.json", scenarioJsonSchema()],
  ["event.schema.json", eventJsonSchema()],
] as const;

for (const [name, schema] of FILES) {
  const path = new URL(name, import.meta.url);
  const text = `${JSON.stringify(schema, null, 2)}\n`;
  if (!Deno.args.includes("--check")) await Deno.writeTextFile(path, text);
  else if (await Deno.readTextFile(path) !== text) {
    console.error(`scenario/${name} is not what the sources make of it: deno task build`);
    Deno.exit(1);
  }
}
