import { run } from "./command.ts";
import { type InstalledFile, putInPlace } from "./layout.ts";
import { setTimes } from "./source_date.ts";

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
 */
export async function makeTarball(output: string, { files, date }: Contents): Promise<void> {
  const name = output.slice(output.lastIndexOf("/") + 1).replace(/\.tar\.gz$/, "");
  const folder = await Deno.makeTempDir({ prefix: "plugctl-tar-" });
  try {
    await putInPlace(files, `${folder}/${name}`);
    await setTimes(folder, date);
    const same = [
      "--sort=name",
      "--owner=0",
      "--group=0",
      "--numeric-owner",
      "--format=ustar",
      "--mode=go=rX,u+rw,a-s",
    ];
    await run(["tar", "--create", ...same, "--file", `${folder}/tar`, "--directory", folder, name]);
    await run(["gzip", "--no-name", `${folder}/tar`]);
    await Deno.copyFile(`${folder}/tar.gz`, output);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
