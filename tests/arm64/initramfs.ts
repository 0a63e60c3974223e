import { folderOf } from "../../package/layout.ts";

const FOLDER = 0o040755;
const FILE = 0o100000;
const NAME_OF_THE_LAST = "TRAILER!!!";

/** A file that goes into the archive. */
export interface ArchivedFile {
  /** Where it goes. */
  path: string;
  /** The file that is put there. */
  source: string;
  mode: number;
}

/**
 * Writes a Linux kernel's first file system: a cpio archive of the kind `newc` (the kernel's
 * `Documentation/driver-api/early-userspace/buffer-format.rst`), uncompressed. All of it belongs to root.
 *
 * @param output The file to write.
 * @param files Where they go from the root on, `bin/busybox`. The folders that they are in are made.
 */
export async function writeInitramfs(output: string, files: readonly ArchivedFile[]): Promise<void> {
  using archive = await Deno.open(output, { write: true, create: true, truncate: true });
  const writer = archive.writable.getWriter();
  let number = 0;
  const add = async (name: string, mode: number, content = new Uint8Array()) => {
    const text = new TextEncoder().encode(`${name}\0`);
    await writer.write(padded(header({ number: ++number, mode, bytes: content.length, nameBytes: text.length }), text));
    await writer.write(content);
    await writer.write(new Uint8Array(-content.length & 3));
  };
  for (const folder of folders(files)) await add(folder, FOLDER);
  for (const { path, source, mode } of files) await add(path, FILE | mode, await Deno.readFile(source));
  await add(NAME_OF_THE_LAST, 0);
  await writer.close();
}

/** Every folder that a file is in, each after the one that it is in. */
function folders(files: readonly ArchivedFile[]): string[] {
  const found = new Set<string>();
  for (const { path } of files) {
    for (let folder = folderOf(path); folder !== "."; folder = folderOf(folder)) found.add(folder);
  }
  return [...found].sort();
}

/** What is said of an entry before its name. */
interface Header {
  number: number;
  mode: number;
  bytes: number;
  /** With the zero at its end. */
  nameBytes: number;
}

function header({ number, mode, bytes, nameBytes }: Header): Uint8Array {
  const [owner, group, links, time, device, checksum] = [0, 0, 1, 0, [0, 0, 0, 0], 0];
  const fields = [number, mode, owner, group, links, time, bytes, ...device, nameBytes, checksum];
  const text = fields.map((field) => field.toString(16).padStart(8, "0")).join("");
  return new TextEncoder().encode(`070701${text}`);
}

/** A header and a name, with zeros up to a multiple of four bytes. */
function padded(head: Uint8Array, name: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array((head.length + name.length + 3) & ~3);
  bytes.set(head);
  bytes.set(name, head.length);
  return bytes;
}
