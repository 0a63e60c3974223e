import { assert, assertEquals } from "@std/assert";
import { CONDITIONS } from "../../scenario/conditions/list.ts";
import { TOP_KEYS } from "../../scenario/document.ts";
import { STEP_WORDS } from "../../scenario/steps/list.ts";
import { mistakesIn } from "./marked.ts";

const format = Deno.readTextFileSync(new URL("../../scenario/FORMAT.md", import.meta.url));

Deno.test("scenario/FORMAT.md shows scenarios that are right", () => {
  const examples = format.matchAll(/^```yaml\n(.*?)^```$/gms).map(([, text]) => text).toArray();
  assert(examples.length >= 2);
  for (const text of examples) assertEquals(mistakesIn(text), [], text);
});

Deno.test("scenario/FORMAT.md names every step, condition and key at the top", () => {
  for (const name of STEP_WORDS.keys()) assert(format.includes(`\`${name}: `), name);
  for (const { about } of CONDITIONS) assert(format.includes(`\`${about}: `), about);
  for (const key of TOP_KEYS) assert(format.includes(`${key}:`), key);
});
