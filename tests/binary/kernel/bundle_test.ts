/** The bundle as it is installed, in a system that has nothing but Deno and the C library, does all that plugctl does. */

import { HoldCase } from "../../kernel/hold_case.ts";
import { BareRoot } from "./bare_root.ts";
import { doesItsWork } from "./bare_steps.ts";

Deno.test("the bundle and Deno in a bare system", async (t) => {
  using hold = new HoldCase();
  using bare = await BareRoot.ofBundle();
  await doesItsWork(t, bare, hold);
});
