import { type Contents, setTimes } from "./archive.ts";
import { putInPlace } from "./layout.ts";
import { run } from "./program.ts";

const DESCRIPTION = `hold packets in the Linux kernel and release them on command
 plugctl drives the kernel's plug queueing discipline over a netlink socket:
 what leaves a device, or only the packets that a gate matches, is held until
 it is released, all at once or epoch by epoch, in order and without loss.
 .
 It is for finding network bugs that take a packet at the wrong moment, for
 restarting servers without losing a connection, and for test suites.`;

/**
 * Makes a Debian package. The same contents make the same bytes.
 *
 * @param output The file to write.
 * @param architecture What Debian calls the machine, `amd64`.
 */
export async function makeDebianPackage(
  output: string,
  { architecture, version, files, date }: Contents & { architecture: string },
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "plugctl-deb-" });
  try {
    await putInPlace(files, `${folder}/usr`);
    await run(["gzip", "--best", "--no-name", `${folder}/usr/share/man/man1/plugctl.1`]);
    await Deno.mkdir(`${folder}/DEBIAN`);
    await Deno.writeTextFile(`${folder}/DEBIAN/md5sums`, await md5sums(folder));
    const sizeKiB = await sizeOf(`${folder}/usr`);
    await Deno.writeTextFile(`${folder}/DEBIAN/control`, control({ version, architecture, sizeKiB }));
    await setTimes(folder, date);
    const env = { SOURCE_DATE_EPOCH: String(date) };
    await run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-z6", "--build", folder, output], { env });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What dpkg reads. Deno's own program needs glibc 2.27. */
function control(
  { version, architecture, sizeKiB }: { version: string; architecture: string; sizeKiB: number },
): string {
  const fields = [
    "Package: plugctl",
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    "Maintainer: The plugctl authors <plugctl@localhost>",
    "Section: net",
    "Priority: optional",
    "Depends: libc6 (>= 2.27), libgcc-s1",
    `Installed-Size: ${sizeKiB}`,
    `Description: ${DESCRIPTION}`,
  ];
  return `${fields.join("\n")}\n`;
}

/** The sum of every file, by which `dpkg --verify` knows it. */
async function md5sums(folder: string): Promise<string> {
  const paths = (await run(["find", "usr", "-type", "f"], { cwd: folder })).trim().split("\n").sort();
  return await run(["md5sum", ...paths], { cwd: folder });
}

/** How much is in a folder, in KiB, as dpkg counts it: a file by its size, a folder as one. */
async function sizeOf(folder: string): Promise<number> {
  let sizeKiB = 1;
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    sizeKiB += isDirectory ? await sizeOf(path) : Math.ceil((await Deno.stat(path)).size / 1024);
  }
  return sizeKiB;
}
