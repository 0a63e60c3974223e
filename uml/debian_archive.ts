/**
 * Debian's archive, for machines whose own sources lack a package that Debian has.
 *
 * @module
 */

import { downloadPackages, unpackPackages } from "./apt.ts";

// What it holds runs with glibc 2.34 or newer, as Ubuntu has since 22.04
const SOURCE = "http://deb.debian.org/debian bookworm main";
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** Tells whether this is Ubuntu or made of it: it has no user-mode-linux. */
export async function isUbuntu(): Promise<boolean> {
  try {
    const release = await Deno.readTextFile("/etc/os-release");
    return /^ID(_LIKE)?=.*\bubuntu\b/m.test(release);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/**
 * Returns the text of a `sources.list` for Debian's archive.
 *
 * The keys that the archive is signed with are this machine's, or else come as a package from its
 * own sources, so that nothing is trusted that it does not trust.
 *
 * @param folder Where the keys are put if they are not here.
 * @throws {Error} If the keys cannot be had.
 */
export async function debianSources(folder: string, signal?: AbortSignal): Promise<string> {
  return `deb [signed-by=${await keyring(folder, signal)}] ${SOURCE}\n`;
}

async function keyring(folder: string, signal?: AbortSignal): Promise<string> {
  try {
    await Deno.stat(KEYRING);
    return KEYRING;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const packages = `${folder}/keys`;
  await Deno.mkdir(packages);
  await downloadPackages(["debian-archive-keyring"], { folder: packages, signal });
  await unpackPackages(packages, packages);
  return `${packages}${KEYRING}`;
}
