/**
 * The files that User-Mode Linux consists of: from this machine, from the cache, or from Debian.
 *
 * @module
 */

import { downloadPackages, unpackPackages } from "./apt.ts";

const PACKAGES = ["user-mode-linux", "busybox-static"];

/** How the files are fetched, if they are not here yet. */
export interface FetchOptions {
  /** Is told the folder that they are downloaded into, before they are */
  onDownload?: (cache: string) => void;
  /** Ends the download */
  signal?: AbortSignal;
}

/** Where the parts of User-Mode Linux are. */
export interface UmlFiles {
  /** The kernel, an ordinary program */
  kernel: string;
  /** The folder of its modules that holds `modules.dep` */
  modules: string;
  /** A busybox to start the system with */
  busybox: string;
}

/**
 * Finds the files of User-Mode Linux and downloads them into the cache the first time.
 *
 * Packages that are installed are used as they are. The cache is `plugctl/uml` in `XDG_CACHE_HOME`,
 * or else in `~/.cache`. Needs no root.
 *
 * @throws {Error} If they are not here and cannot be downloaded; the message says what to install.
 */
export async function umlFiles(
  { onDownload, signal }: FetchOptions = {},
): Promise<UmlFiles> {
  const cache = cacheFolder();
  const present = findIn("") ?? findIn(cache);
  if (present) return present;
  assertPackaged();
  onDownload?.(cache);
  await fetchInto(cache, signal);
  const fetched = findIn(cache);
  if (fetched) return fetched;
  throw new Error(
    `Cannot use ${cache}: linux.uml, its modules or busybox are missing; delete it to fetch them anew`,
  );
}

function cacheFolder(): string {
  const home = Deno.env.get("HOME");
  const base = Deno.env.get("XDG_CACHE_HOME") || (home && `${home}/.cache`);
  if (!base) {
    throw new Error(
      "Cannot choose a cache folder: neither XDG_CACHE_HOME nor HOME is set",
    );
  }
  return `${base}/plugctl/uml`;
}

/** Finds a complete installation under a root folder; the machine's own root is "". */
function findIn(root: string): UmlFiles | undefined {
  const kernel = firstFile([`${root}/usr/bin/linux.uml`]);
  const busybox = firstFile([`${root}/bin/busybox`, `${root}/usr/bin/busybox`]);
  if (!kernel || !busybox) return undefined;
  const modules = `${root}/usr/lib/uml/modules/${versionOf(kernel)}`;
  return firstFile([`${modules}/modules.dep`]) ? { kernel, modules, busybox } : undefined;
}

function firstFile(paths: string[]): string | undefined {
  return paths.find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  });
}

function versionOf(kernel: string): string {
  const { success, stdout, stderr } = new Deno.Command(kernel, { args: ["--version"] }).outputSync();
  if (success) return new TextDecoder().decode(stdout).trim();
  throw new Error(`Cannot run ${kernel}: ${new TextDecoder().decode(stderr).trim()}`);
}

function assertPackaged(): void {
  const { arch, os } = Deno.build;
  if (os === "linux" && arch === "x86_64") return;
  throw new Error(
    `Cannot fetch User-Mode Linux: Debian has it for Linux on x86_64, this is ${os} on ${arch}`,
  );
}

/** Fills the cache in one step, by a rename: an interrupted download leaves nothing half done. */
async function fetchInto(cache: string, signal?: AbortSignal): Promise<void> {
  const parent = cache.slice(0, cache.lastIndexOf("/"));
  await Deno.mkdir(parent, { recursive: true });
  const folder = await Deno.makeTempDir({ dir: parent, prefix: "uml-" });
  try {
    await downloadPackages(PACKAGES, { folder, signal });
    await unpackPackages(folder, `${folder}/root`);
    await Deno.rename(`${folder}/root`, cache);
  } catch (error) {
    if (!isFilled(error)) throw error;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Tells whether a rename failed because another process has filled the cache meanwhile. */
function isFilled(error: unknown): boolean {
  return error instanceof Error && "code" in error &&
    error.code === "ENOTEMPTY";
}
