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
