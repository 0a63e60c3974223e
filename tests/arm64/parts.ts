/**
 * What an arm64 machine is made of, fetched once: Debian's kernel, its C library and busybox, and Deno.
 *
 * @module
 */

import { run } from "../../package/program.ts";
import { cacheFolder, downloadPackages, fillCache, unpackPackages } from "../../uml/apt.ts";

/** Deno as npm has it, in a version that plugctl runs on. */
const DENO = { name: "@deno/linux-arm64-glibc", version: "2.9.5" };
const PACKAGES = ["libc6", "libgcc-s1", "busybox-static"];
/** It depends on the kernel of the day. The one for clouds is a third of `linux-image-arm64`. */
const KERNEL = "linux-image-cloud-arm64";
const ADVICE = "They are fetched from where this machine has its own packages from, which must be Debian's and have " +
  "those for arm64: no [arch=amd64], no Architectures: amd64 in the sources of apt";

/** Folders of files for arm64. */
export interface Parts {
  /** Debian's packages, unpacked. */
  debian: string;
  /** Deno, the program. */
  deno: string;
}

/** How parts are fetched that are not here yet. */
export interface FetchOptions {
  /** Is told what is downloaded, and how much, before it is. */
  onDownload: (what: string) => void;
  /** Ends the download. */
  signal: AbortSignal;
}

/**
 * Finds the parts, and downloads them into the cache the first time, and after an update of Debian's.
 *
 * @throws {Error} Where they cannot be had; the message says what to do.
 */
export async function fetchParts(options: FetchOptions): Promise<Parts> {
  const debian = cacheFolder(`arm64-debian-${debianVersion()}`);
  const deno = cacheFolder(`arm64-deno-${DENO.version}`);
  const { onDownload, signal } = options;
  if (!isThere(debian)) {
    await fillCache(debian, async (folder) => {
      const what = "Debian's kernel for arm64";
      const kind = { architecture: "arm64", dependenciesOf: KERNEL, what, advice: ADVICE };
      await downloadPackages(PACKAGES, { folder, signal, onDownload, ...kind });
      await unpackPackages(folder, `${folder}/root`);
    });
  }
  if (!isThere(deno)) {
    onDownload("Deno for arm64: npm's package, 41 MB");
    await fillCache(deno, (folder) => fetchDeno(folder, signal));
  }
  return { debian, deno: `${deno}/deno` };
}

/** The version of this machine's Debian, such as `12.11`, as part of a file's name. */
function debianVersion(): string {
  try {
    return Deno.readTextFileSync("/etc/debian_version").trim().replaceAll("/", "-");
  } catch (error) {
    throw new Error("Cannot fetch a kernel for arm64: it is one of Debian's, and this is not Debian", { cause: error });
  }
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Has Deno fetch and verify the package, as it does those that are imported, into a cache of its own. */
async function fetchDeno(folder: string, signal: AbortSignal): Promise<void> {
  const args = ["cache", "--quiet", "--no-config", "--no-lock", `npm:${DENO.name}@${DENO.version}`];
  await run([Deno.execPath(), ...args], { cwd: folder, env: { DENO_DIR: `${folder}/cache` } });
  signal.throwIfAborted();
  const [program] = filesBelow(folder).filter((path) => path.endsWith(`${DENO.name}/${DENO.version}/deno`));
  if (!program) throw new Error(`Cannot use ${DENO.name} ${DENO.version}: there is no deno in it`);
  await Deno.mkdir(`${folder}/root`);
  await Deno.rename(program, `${folder}/root/deno`);
}

/** The paths of the files in a folder and in those below. */
export function filesBelow(folder: string): string[] {
  return Array.from(Deno.readDirSync(folder)).flatMap(({ name, isDirectory }) =>
    isDirectory ? filesBelow(`${folder}/${name}`) : [`${folder}/${name}`]
  );
}
