import { run } from "./program.ts";
import { removeIfThere } from "./layout.ts";
import { setTimes, sourceDate } from "./archive.ts";

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

/** What the bundler puts behind the name of a file: a sum of what is in it, and of where that has been. */
const SUM = /-[0-9A-Z]{8}(?=\.js\b)/;
const REFERENCE = new RegExp(String.raw`[\w.-]+${SUM.source}\.js\b`, "g");

/**
 * Names the files of a bundle anew, by what is in them alone. The bundler counts in where the npm packages were cached,
 * so that the same sources would make other bytes in another's home.
 *
 * @param folder The bundle. Files whose names bear no sum keep them.
 * @throws {Error} Where two files are the same but for the names in them.
 */
export async function nameByContent(folder: string): Promise<void> {
  const texts = new Map(
    Array.from(Deno.readDirSync(folder), ({ name }) => [name, Deno.readTextFileSync(`${folder}/${name}`)]),
  );
  const names = await newNames(texts);
  for (const [name, text] of texts) {
    await Deno.remove(`${folder}/${name}`);
    await Deno.writeTextFile(`${folder}/${names.get(name)}`, renamed(text, names));
  }
}

/** What each file is to be called; a reference to another counts as what that is called without its sum. */
async function newNames(texts: ReadonlyMap<string, string>): Promise<Map<string, string>> {
  const plain = new Map(Array.from(texts.keys(), (name) => [name, name.replace(SUM, "")]));
  const names = new Map<string, string>();
  for (const [name, text] of texts) names.set(name, name.replace(SUM, `-${await sum(renamed(text, plain))}`));
  if (new Set(names.values()).size === texts.size) return names;
  throw new Error("Cannot name the files of the bundle: two are the same but for the names in them");
}

function renamed(text: string, names: ReadonlyMap<string, string>): string {
  return text.replace(REFERENCE, (name) => names.get(name) ?? name);
}

/** Eight characters that stand for a text. */
async function sum(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex().slice(0, 8).toUpperCase();
}
