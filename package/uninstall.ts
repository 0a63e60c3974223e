/**
 * `deno task uninstall [--prefix FOLDER]`: takes away what `deno task install` has put under a prefix.
 *
 * @module
 */

import { runProgram } from "../uml/program.ts";
import { asBinary, layout, LIBRARY, removeIfThere } from "./layout.ts";
import { options } from "./options.ts";

await runProgram("uninstall", async () => {
  const { prefix } = options({ prefix: "/usr/local" });
  const paths = layout(asBinary("")).map(({ path }) => path);
  for (const path of [...paths, LIBRARY]) await removeIfThere(`${prefix}/${path}`);
  return 0;
});
