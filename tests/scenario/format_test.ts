import { assert, assertEquals } from "@std/assert";
import { ACTION_NAMES } from "../../scenario/schema/step.ts";
import { TOP_KEYS } from "../../scenario/compile/scenario.ts";
import { mistakesIn } from "./marked.ts";

const format = Deno.readTextFileSync(new URL("../../scenario/FORMAT.md", import.meta.url));

Deno.test("scenario/FORMAT.md shows scenarios that are right", () => {
  const examples = format.matchAll(/^```yaml\n(.*?)^```$/gms).map(([, text]) => text).toArray();
  assert(examples.length >= 2);
  for (const text of examples) assertEquals(mistakesIn(text), [], text);
});

Deno.test("scenario/FORMAT.md names every step and every key at the top", () => {
  for (const name of ACTION_NAMES) assert(format.includes(`\`${name}: `), name);
  for (const key of TOP_KEYS) assert(format.includes(`${key}:`), key);
});
