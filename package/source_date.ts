import { run } from "./command.ts";

/**
 * The time that everything made here bears, in seconds since 1970: `SOURCE_DATE_EPOCH` where it is set, or else that of
 * the last commit, so that the same sources make the same bytes.
 *
 * @throws {Error} Where it is not set and this is no git checkout.
 */
export async function sourceDate(): Promise<number> {
  const given = Deno.env.get("SOURCE_DATE_EPOCH");
  const text = given ?? await run(["git", "log", "-1", "--format=%ct"], { cwd: import.meta.dirname });
  if (/^[0-9]+\s*$/.test(text)) return Number(text);
  throw new Error(`Cannot use SOURCE_DATE_EPOCH: it is ${JSON.stringify(text)}, must be seconds since 1970`);
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
