import { run } from "./program.ts";
import { type InstalledFile, putInPlace } from "./layout.ts";

/** What is packed. */
export interface Contents {
  /** The version, `0.1.0`. */
  version: string;
  files: readonly InstalledFile[];
  /** The time that everything in it bears, in seconds since 1970. */
  date: number;
}

/**
 * Makes a `.tar.gz` that unpacks into a folder of its own name, to be copied to a prefix. The same contents make the
 * same bytes.
 *
 * @param output The file to write, `FOLDER/NAME.tar.gz`.
 * @param options.inFolder Whether it has that folder; default true
 */
export async function makeTarball(
  output: string,
  { files, date }: Contents,
  { inFolder = true } = {},
): Promise<void> {
  const name = output.slice(output.lastIndexOf("/") + 1).replace(/\.tar\.gz$/, "");
  const scratch = await Deno.makeTempDir({ prefix: "plugctl-tar-" });
  const folder = `${scratch}/files`;
  try {
    await putInPlace(files, inFolder ? `${folder}/${name}` : folder);
    await setTimes(folder, date);
    const names = Array.from(Deno.readDirSync(folder), (entry) => entry.name).sort();
    const same = [
      "--sort=name",
      "--owner=0",
      "--group=0",
      "--numeric-owner",
      "--format=ustar",
      "--mode=go=rX,u+rw,a-s",
    ];
    await run(["tar", "--create", ...same, "--file", `${scratch}/tar`, "--directory", folder, ...names]);
    await run(["gzip", "--no-name", `${scratch}/tar`]);
    await Deno.copyFile(`${scratch}/tar.gz`, output);
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

/** The first time that every archive can hold, where nothing else is known: 1980. */
const LONG_AGO = 315_532_800;

/**
 * The time that everything made here bears, in seconds since 1970, so that the same sources make the same bytes:
 * `SOURCE_DATE_EPOCH` where it is set, or else that of the last commit; without git, 1980.
 *
 * @throws {Error} Where it is set to something else.
 */
export async function sourceDate(): Promise<number> {
  const given = Deno.env.get("SOURCE_DATE_EPOCH");
  if (given === undefined) return await commitDate() ?? LONG_AGO;
  if (/^[0-9]+$/.test(given)) return Number(given);
  throw new Error(`Cannot use SOURCE_DATE_EPOCH: it is ${JSON.stringify(given)}, must be seconds since 1970`);
}

async function commitDate(): Promise<number | undefined> {
  const git = run(["git", "log", "-1", "--format=%ct"], { cwd: import.meta.dirname });
  return await git.then(Number, () => undefined);
}

/** Gives a folder and everything in it a time, in seconds since 1970, and folders the mode that they have in a package. */
export async function setTimes(folder: string, date: number): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) await setTimes(`${folder}/${name}`, date);
    else await Deno.utime(`${folder}/${name}`, date, date);
  }
  await Deno.chmod(folder, 0o755);
  await Deno.utime(folder, date, date);
}

/**
 * Writes `SHA256SUMS` of the packages in a folder, as `sha256sum --check` reads it, and returns what it says.
 */
export async function writeSums(folder: string): Promise<string> {
  const names = Array.from(Deno.readDirSync(folder), ({ name }) => name).filter((name) =>
    /\.(deb|tar\.gz)$/.test(name)
  );
  const lines = await Promise.all(
    names.sort().map(async (name) => {
      const sum = await crypto.subtle.digest("SHA-256", await Deno.readFile(`${folder}/${name}`));
      return `${new Uint8Array(sum).toHex()}  ${name}\n`;
    }),
  );
  await Deno.writeTextFile(`${folder}/SHA256SUMS`, lines.join(""));
  return lines.join("").trimEnd();
}
