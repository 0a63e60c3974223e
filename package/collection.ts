/**
 * The Ansible collection as a file that `ansible-galaxy collection install` takes: its files, `FILES.json` with the sum of
 * each, and `MANIFEST.json` with what `galaxy.yml` says.
 *
 * @module
 */

import { parse } from "yaml";
import { makeTarball } from "./archive.ts";
import type { InstalledFile } from "./layout.ts";

const PROJECT = `${import.meta.dirname}/..`;
const COLLECTION = `${PROJECT}/clients/ansible/ansible_collections/plugctl/fault`;
/** What is written into the manifest, and not packed. */
const GALAXY = "galaxy.yml";
const FORMAT = 1;

/** What `galaxy.yml` says. */
interface Galaxy {
  namespace: string;
  name: string;
  version: string;
  [key: string]: unknown;
}

/** What the manifest has, with nothing in it, where `galaxy.yml` does not say it. */
const UNSAID = {
  repository: null,
  documentation: null,
  homepage: null,
  issues: null,
  license_file: null,
};

/**
 * Writes the collection into a folder, and returns the path of the file.
 *
 * @throws {Error} Where it has another version than plugctl.
 */
export async function makeCollection(
  folder: string,
  { version, date }: { version: string; date: number },
): Promise<string> {
  const galaxy: Galaxy = parse(await Deno.readTextFile(`${COLLECTION}/${GALAXY}`));
  if (galaxy.version !== version) {
    throw new Error(`Cannot pack the collection: ${GALAXY} has version ${galaxy.version}, plugctl has ${version}`);
  }
  const paths = pathsIn("").filter((path) => path !== GALAXY);
  const contents = await Promise.all(paths.map(describe));
  const files = json({ files: [{ ...NO_SUM, name: ".", ftype: "dir", format: FORMAT }, ...contents], format: FORMAT });
  const manifest = json({
    collection_info: { ...UNSAID, ...galaxy },
    file_manifest_file: { name: "FILES.json", ftype: "file", ...sumOf(await digest(encode(files))), format: FORMAT },
    format: FORMAT,
  });
  const output = `${folder}/${galaxy.namespace}-${galaxy.name}-${version}.tar.gz`;
  const packed = contents.filter(({ ftype }) => ftype === "file").map(({ name }): InstalledFile => ({
    path: name,
    source: `${COLLECTION}/${name}`,
    mode: 0o644,
  }));
  const made = Object.entries({ "FILES.json": files, "MANIFEST.json": manifest }).map((
    [path, text],
  ): InstalledFile => ({
    path,
    source: { text },
    mode: 0o644,
  }));
  await makeTarball(output, { version, files: [...packed, ...made], date }, { inFolder: false });
  return output;
}

const NO_SUM = { chksum_type: null, chksum_sha256: null };

function sumOf(sum: string) {
  return { chksum_type: "sha256", chksum_sha256: sum };
}

/** Every folder and file of the collection, in order; what Python has compiled is none of it. */
function pathsIn(folder: string): string[] {
  const entries = Array.from(Deno.readDirSync(`${COLLECTION}/${folder}`)).sort((one, other) =>
    one.name < other.name ? -1 : 1
  );
  return entries.filter(({ name }) => name !== "__pycache__").flatMap(({ name, isDirectory }) =>
    isDirectory ? [`${folder}${name}/`, ...pathsIn(`${folder}${name}/`)] : [`${folder}${name}`]
  );
}

/** A folder or a file, as `FILES.json` has it. */
async function describe(path: string) {
  if (path.endsWith("/")) return { name: path.slice(0, -1), ftype: "dir", ...NO_SUM, format: FORMAT };
  const sum = await digest(await Deno.readFile(`${COLLECTION}/${path}`));
  return { name: path, ftype: "file", ...sumOf(sum), format: FORMAT };
}

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 1)}\n`;
}
