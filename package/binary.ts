import { run } from "./program.ts";
import { bundleProgram, MAIN } from "./javascript.ts";
import { folderOf, putInPlace } from "./layout.ts";

/**
 * What the program may do, and is never asked about. Deno gives the permission to look into `/proc`, which `doctor` and
 * the guardian do, only together with every other, and FFI, by which it speaks to the kernel, is as much as all of them.
 */
const PERMISSIONS = ["--allow-all", "--no-prompt"];

/**
 * Compiles plugctl with all that it loads into one file.
 *
 * It is bundled first, into as many files as are loaded at different times: the sources one by one would bring the
 * whole cache of npm packages with them, and take several times as long to start (`deno task bench:start`).
 *
 * @param output The file to write.
 * @throws {Error} As `compileProgram` does.
 */
export async function compileBinary(output: string, target: Target = findTarget()): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "plugctl-bundle-" });
  try {
    await bundleProgram(folder);
    await compileProgram(`${folder}/${MAIN}`, output, target);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/**
 * Compiles a program of one's own, with the JavaScript beside it, into one file.
 *
 * Deno's own compiled program, `denort`, is taken from `DENORT_BIN`, or else downloaded. It must be of the same version
 * as the Deno that compiles, which is `DENO_FOR_COMPILE`, or else this one.
 *
 * @param main The program.
 * @param output The file to write.
 * @throws {Error} Where `denort` cannot be had, or is not for the target.
 */
export async function compileProgram(main: string, output: string, target: Target = findTarget()): Promise<void> {
  const deno = Deno.env.get("DENO_FOR_COMPILE") ?? Deno.execPath();
  const made = `${main}.out`;
  await run([deno, "compile", ...compileOptions(target), "--output", made, main], { cwd: folderOf(main) });
  await checkMachine(made, target);
  await putInPlace([{ path: output.slice(output.lastIndexOf("/") + 1), source: made, mode: 0o755 }], folderOf(output));
}

function compileOptions({ triple }: Target): string[] {
  return [
    "--quiet",
    "--no-check",
    "--no-config",
    "--no-lock",
    ...PERMISSIONS,
    // It would be a file in /tmp that anybody can put there first, and is machine code of a program run as root.
    "--no-code-cache",
    "--target",
    triple,
  ];
}

/** Refuses a binary for another machine: Deno appends the program to whatever `DENORT_BIN` is. */
async function checkMachine(path: string, { triple, elfMachine }: Target): Promise<void> {
  using file = await Deno.open(path);
  const header = new Uint8Array(20);
  await file.read(header);
  const machine = new DataView(header.buffer).getUint16(18, true);
  if (machine === elfMachine) return;
  throw new Error(`Cannot compile for ${triple}: DENORT_BIN is a program for another machine (e_machine ${machine})`);
}

/** A machine that plugctl is compiled for. */
export interface Target {
  /** What `deno compile --target` calls it. */
  triple: string;
  /** What `uname -m` says there, and archives are named by. */
  machine: string;
  /** What Debian calls it. */
  debian: string;
  /** `e_machine` of its programs, `linux/elf-em.h`. */
  elfMachine: number;
}

/** Every machine that plugctl is compiled for. */
export const TARGETS: readonly Target[] = [
  { triple: "x86_64-unknown-linux-gnu", machine: "x86_64", debian: "amd64", elfMachine: 62 },
  { triple: "aarch64-unknown-linux-gnu", machine: "aarch64", debian: "arm64", elfMachine: 183 },
];

/**
 * The target of this name, or without one this machine's own.
 *
 * @throws {RangeError} Where plugctl is not compiled for it.
 */
export function findTarget(triple: string = Deno.build.target): Target {
  const target = TARGETS.find((one) => one.triple === triple);
  if (target) return target;
  throw new RangeError(`Cannot compile for ${triple}: there are ${TARGETS.map((one) => one.triple).join(" and ")}`);
}
