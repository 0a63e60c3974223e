/**
 * `deno task install [--prefix FOLDER] [--program PATH]`: puts plugctl, its completions and its manual page under a
 * prefix, `/usr/local` by default. The program is a binary, `dist/plugctl` by default, or the folder of a bundle.
 *
 * @module
 */

import { options, runProgram } from "./program.ts";
import { BUNDLE, MAIN } from "./javascript.ts";
import { asBinary, asBundle, layout, LIBRARY, putInPlace, removeIfThere } from "./layout.ts";

await runProgram("install", async () => {
  const { prefix, program } = options({ prefix: "/usr/local", program: "dist/plugctl" });
  const files = await layout(await isBundle(program) ? asBundle(program) : asBinary(program));
  await putInPlace(files, prefix);
  await removeOthers(`${prefix}/${LIBRARY}`, files.map(({ path }) => `${prefix}/${path}`));
  for (const { path } of files) console.log(`${prefix}/${path}`);
  return 0;
});

/**
 * Whether the program at `path` is a bundle, or else a binary.
 *
 * @throws {Error} Where it is neither.
 */
async function isBundle(path: string): Promise<boolean> {
  const { isDirectory, mode } = await Deno.stat(path).catch((cause) => {
    const tasks = `deno task compile, or for ${BUNDLE} with: deno task bundle`;
    throw new Error(`Cannot install ${path}: it is not there; make it with: ${tasks}`, { cause });
  });
  if (!isDirectory) {
    if ((mode! & 0o111) !== 0) return false;
    throw new Error(`Cannot install ${path}: it is not a program; one is made with: deno task compile`);
  }
  const inside = Array.from(Deno.readDirSync(path));
  if (inside.some(({ name }) => name === MAIN) && inside.every(({ isFile }) => isFile)) return true;
  throw new Error(`Cannot install ${path}: it is not a bundle of plugctl; one is made with: deno task bundle`);
}

/** Removes what a bundle before this one has left in its folder, and the folder where nothing else is in it. */
async function removeOthers(folder: string, paths: readonly string[]): Promise<void> {
  if (!paths.some((path) => path.startsWith(`${folder}/`))) return await removeIfThere(folder);
  for await (const { name } of Deno.readDir(folder)) {
    if (!paths.includes(`${folder}/${name}`)) await Deno.remove(`${folder}/${name}`);
  }
}
