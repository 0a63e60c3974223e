/**
 * `deno task install [--prefix FOLDER] [--program PATH]`: puts plugctl, its completions and its manual page under a
 * prefix, `/usr/local` by default. The program is a binary, `dist/plugctl` by default, or the folder of a bundle.
 *
 * @module
 */

import { runProgram } from "../uml/program.ts";
import { BUNDLE } from "./javascript.ts";
import { asBinary, asBundle, layout, LIBRARY, putInPlace, removeIfThere } from "./layout.ts";
import { options } from "./options.ts";

await runProgram("install", async () => {
  const { prefix, program } = options({ prefix: "/usr/local", program: "dist/plugctl" });
  const { isDirectory } = await Deno.stat(program).catch((cause) => {
    const tasks = `deno task compile, or for ${BUNDLE} with: deno task bundle`;
    throw new Error(`Cannot install ${program}: it is not there; make it with: ${tasks}`, { cause });
  });
  const files = layout(isDirectory ? asBundle(program) : asBinary(program));
  await putInPlace(files, prefix);
  await removeOthers(`${prefix}/${LIBRARY}`, files.map(({ path }) => `${prefix}/${path}`));
  for (const { path } of files) console.log(`${prefix}/${path}`);
  return 0;
});

/** Removes what a bundle before this one has left in its folder, and the folder where nothing else is in it. */
async function removeOthers(folder: string, paths: readonly string[]): Promise<void> {
  if (!paths.some((path) => path.startsWith(`${folder}/`))) return await removeIfThere(folder);
  for await (const { name } of Deno.readDir(folder)) {
    if (!paths.includes(`${folder}/${name}`)) await Deno.remove(`${folder}/${name}`);
  }
}
