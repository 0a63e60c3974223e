/**
 * Where User-Mode Linux can keep the file that is its memory.
 *
 * @module
 */

import { statfsSync } from "node:fs";

/**
 * Finds a folder for the kernel's memory: writable, not mounted noexec, with room for `bytes`.
 *
 * The kernel maps its memory from a file with execute permission. Where the file system is too
 * small, as `/dev/shm` is in many containers, it would be killed by SIGBUS on the way.
 *
 * @throws {Error} If no folder will do; the message says why for each.
 */
export async function memoryFolder(bytes: number): Promise<string> {
  const reasons: string[] = [];
  for (const folder of candidates()) {
    const reason = await unfitness(folder, bytes);
    if (reason === undefined) return folder;
    reasons.push(`${folder} ${reason}`);
  }
  throw new Error(
    `Cannot place the memory of User-Mode Linux: ${reasons.join(", ")}; ` +
      `set TMPDIR to a folder with ${mebibytes(bytes)} free`,
  );
}

function candidates(): Set<string> {
  const chosen = Deno.env.get("TMPDIR");
  return new Set(["/dev/shm", ...chosen ? [chosen] : [], "/tmp", "/var/tmp"]);
}

async function unfitness(
  folder: string,
  bytes: number,
): Promise<string | undefined> {
  try {
    const { bavail, bsize } = statfsSync(folder);
    if (bavail * bsize < bytes) {
      return `has ${mebibytes(bavail * bsize)} free`;
    }
    await runProbe(folder);
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) {
      return "may not be written to or is mounted noexec";
    }
    return `cannot be used (${error instanceof Error ? error.message : error})`;
  }
}

/** Runs an empty script from a folder, which fails where it is read-only or mounted noexec. */
async function runProbe(folder: string): Promise<void> {
  const probe = await Deno.makeTempFile({
    dir: folder,
    prefix: "plugctl-probe-",
  });
  try {
    await Deno.writeTextFile(probe, "#!/bin/sh\n");
    await Deno.chmod(probe, 0o700);
    await new Deno.Command(probe).output();
  } finally {
    await Deno.remove(probe);
  }
}

function mebibytes(bytes: number): string {
  return `${Math.floor(bytes / (1 << 20))} MiB`;
}
