/**
 * `deno task install [--prefix FOLDER] [--binary FILE]`: puts plugctl, its completions and its manual page under a
 * prefix, `/usr/local` by default.
 *
 * @module
 */

import { runProgram } from "../uml/program.ts";
import { layout, putInPlace } from "./layout.ts";
import { options } from "./options.ts";

await runProgram("install", async () => {
  const { prefix, binary } = options({ prefix: "/usr/local", binary: "dist/plugctl" });
  await Deno.stat(binary).catch((cause) => {
    throw new Error(`Cannot install ${binary}: it is not there; make it with: deno task compile`, { cause });
  });
  const files = layout(binary);
  await putInPlace(files, prefix);
  for (const { path } of files) console.log(`${prefix}/${path}`);
  return 0;
});
