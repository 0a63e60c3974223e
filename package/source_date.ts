import { run } from "./command.ts";

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
