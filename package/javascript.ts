import { nameByContent } from "./chunk_names.ts";
import { run } from "./command.ts";
import { removeIfThere } from "./layout.ts";
import { setTimes, sourceDate } from "./source_date.ts";

const PROJECT = `${import.meta.dirname}/..`;

/** Where `deno task bundle` writes. */
export const BUNDLE = "dist/bundle";

/** By this name a guardian that is to be started knows that the program is plugctl. */
export const MAIN = "plugctl.js";

/**
 * Bundles plugctl into a folder, minified: `plugctl.js` and beside it what is loaded only when it is needed. The same
 * sources make the same files; all bear one time, since a binary made of them records when they were changed.
 *
 * @param folder Where to write. What is there is deleted.
 * @throws {Error} Where a module cannot be had.
 */
export async function bundleProgram(folder: string): Promise<void> {
  await removeIfThere(folder);
  const options = ["--quiet", "--config", `${PROJECT}/deno.json`, "--code-splitting", "--minify", "--outdir", folder];
  // For Deno's own platform each file would ask Node's compatibility layer for `require`, which takes 30 ms to start and
  // which nothing here calls (`deno task bench:start`).
  await run([Deno.execPath(), "bundle", ...options, "--platform", "browser", `${PROJECT}/cli/main.ts`]);
  await Deno.rename(`${folder}/main.js`, `${folder}/${MAIN}`);
  await nameByContent(folder);
  await setTimes(folder, await sourceDate());
}
