/**
 * What the arm64 machine's file system has in it.
 *
 * @module
 */

import { run } from "../../package/program.ts";
import { bundleProgram } from "../../package/javascript.ts";
import { asBundle, layout, putInPlace } from "../../package/layout.ts";
import type { ArchivedFile } from "./initramfs.ts";
import { filesBelow, type Parts } from "./parts.ts";

const HERE = import.meta.dirname;
/** What Deno is linked with. */
const LIBRARY = /\/lib(c|dl|gcc_s|m|pthread)\.so\.\d+$/;
const LOADER = /\/ld-linux-aarch64\.so\.1$/;
const MODULE = /\/kernel\/(net\/sched\/|drivers\/net\/(dummy|ifb|veth)\.ko)|\/modules\.(builtin|order)$/;

/**
 * Makes what is to be in the machine, with what it is started by, and tells where each file goes: plugctl as it is
 * installed, what runs it, and its tests.
 *
 * @param folder Where to make it.
 */
export async function makeContents(parts: Parts, folder: string): Promise<ArchivedFile[]> {
  await bundleProgram(`${folder}/plugctl`);
  const installed = `${folder}/installed`;
  await putInPlace(await layout(asBundle(`${folder}/plugctl`)), installed);
  const tests = `${folder}/plugctl_test.js`;
  const options = ["--quiet", "--config", `${HERE}/../../deno.json`, "--output", tests];
  await run([Deno.execPath(), "bundle", ...options, `${HERE}/plugctl_test.ts`]);
  const program = (path: string, source: string) => ({ path, source, mode: 0o755 });
  const debian = filesBelow(parts.debian);
  return [
    program("init", `${HERE}/init.sh`),
    program("bin/busybox", oneOf(debian, /\/bin\/busybox$/)),
    program("bin/deno", parts.deno),
    program("lib/ld-linux-aarch64.so.1", oneOf(debian, LOADER)),
    ...debian.filter((path) => LIBRARY.test(path)).map((path) =>
      program(`lib/aarch64-linux-gnu/${nameOf(path)}`, path)
    ),
    ...debian.filter((path) => MODULE.test(path)).map((path) => program(modulePath(path), path)),
    ...filesBelow(installed).map((path) => program(`usr/local/${path.slice(installed.length + 1)}`, path)),
    program("tests/plugctl_test.js", tests),
  ];
}

/** The kernel that the machine is started with. */
export function findKernel({ debian }: Parts): string {
  return oneOf(filesBelow(debian), /\/boot\/vmlinuz-[^/]+$/);
}

function oneOf(paths: readonly string[], pattern: RegExp): string {
  const found = paths.find((path) => pattern.test(path));
  if (found === undefined) throw new Error(`Cannot make an arm64 machine: Debian's packages have no file ${pattern}`);
  return found;
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Where a kernel looks for its modules: Debian 13 has them in `/usr/lib`. */
function modulePath(path: string): string {
  return path.slice(path.indexOf("/lib/modules/") + 1);
}
