/**
 * `deno task uninstall [--prefix FOLDER]`: takes away what `deno task install` has put under a prefix.
 *
 * @module
 */

import { runProgram } from "../uml/program.ts";
import { layout } from "./layout.ts";
import { options } from "./options.ts";

await runProgram("uninstall", async () => {
  const { prefix } = options({ prefix: "/usr/local" });
  for (const { path } of layout("")) {
    await Deno.remove(`${prefix}/${path}`).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
  return 0;
});
