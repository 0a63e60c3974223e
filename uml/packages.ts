/**
 * The files that User-Mode Linux consists of: from this machine, from the cache, or from Debian.
 *
 * @module
 */

import { cacheFolder, downloadPackages, fillCache, unpackPackages } from "./apt.ts";

const PACKAGES = ["user-mode-linux", "busybox-static"];
const ADVICE = `install what is missing with: apt-get install ${PACKAGES.join(" ")}\n` +
  "on Ubuntu, which has no user-mode-linux, let its own kernel do it: " +
  "apt-get install linux-modules-extra-$(uname -r) && modprobe sch_plug";

/** How the files are fetched, if they are not here yet. */
export interface FetchOptions {
  /** Is told what is downloaded, and how much, before it is */
  onDownload?: (what: string) => void;
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
  const cache = cacheFolder("uml");
  const present = findIn("") ?? findIn(cache);
  if (present) return present;
  assertPackaged();
  await fillCache(cache, async (folder) => {
    await downloadPackages(PACKAGES, { folder, signal, onDownload, what: "User-Mode Linux", advice: ADVICE });
    await unpackPackages(folder, `${folder}/root`);
  });
  const fetched = findIn(cache);
  if (fetched) return fetched;
  throw new Error(
    `Cannot use ${cache}: linux.uml, its modules or busybox are missing; delete it to fetch them anew`,
  );
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
