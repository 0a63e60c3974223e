/**
 * `deno task uninstall [--prefix FOLDER]`: takes away what `deno task install` has put under a prefix.
 *
 * @module
 */

import { options, runProgram } from "./program.ts";
import { asBinary, companions, DOCUMENTS, LIBRARY, removeIfThere } from "./layout.ts";

await runProgram("uninstall", async () => {
  const { prefix } = options({ prefix: "/usr/local" });
  const paths = [...asBinary(""), ...companions()].map(({ path }) => path);
  for (const path of [...paths, LIBRARY, DOCUMENTS]) await removeIfThere(`${prefix}/${path}`);
  return 0;
});
