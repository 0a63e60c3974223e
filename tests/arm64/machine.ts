/**
 * An arm64 machine that QEMU emulates, instruction by instruction, on any machine and without root.
 *
 * @module
 */

import { startGuarded, terminate, within } from "../../uml/processes.ts";
import { readLines } from "../../linux/incoming.ts";

export const QEMU = "qemu-system-aarch64";

/** What a machine is started with. */
export interface MachineOptions {
  /** The kernel, a file */
  kernel: string;
  /** Its first file system, whose `/init` prints `status N` as the last line of its own */
  initramfs: string;
  /** Receives what it prints, line by line */
  onLine: (line: string) => void;
  /** How long it may run */
  timeoutMs: number;
  /** Ends it */
  signal: AbortSignal;
}

/**
 * Runs a machine without a network or a disk until it powers off, and returns the status that it printed.
 *
 * @throws {Error} If it ends without.
 * @throws {DOMException} A `TimeoutError` if it takes longer than `timeoutMs`.
 */
export async function runMachine(options: MachineOptions): Promise<number> {
  const machine = startGuarded(["/usr/bin/env", QEMU, ...qemuArguments(options)], { PATH: Deno.env.get("PATH") ?? "" });
  let status: number | undefined;
  const complaint = new Response(machine.stderr).text();
  const work = async () => {
    for await (const line of readLines(machine.stdout)) {
      const [, said] = /^status (\d+)$/.exec(line) ?? [];
      if (said !== undefined) status = Number(said);
      // What comes then is the kernel's: that it powers off
      else if (status === undefined) options.onLine(line);
    }
  };
  try {
    await within(work(), { ...options, late: () => tooLong(options) });
  } finally {
    await terminate(machine);
    await machine.stdin.close();
  }
  if (status !== undefined) return status;
  throw new Error(`The arm64 machine ended before its work was done; ${QEMU} said\n${await complaint}`);
}

function qemuArguments({ kernel, initramfs }: MachineOptions): string[] {
  return [
    ...["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-serial", "stdio", "-net", "none"],
    ...["-machine", "virt", "-cpu", "cortex-a72", "-smp", "2", "-accel", "tcg,thread=multi", "-m", "1G"],
    ...["-kernel", kernel, "-initrd", initramfs],
    // Where the kernel panics it restarts, and so ends
    ...["-append", "console=ttyAMA0 quiet panic=-1"],
  ];
}

function tooLong({ timeoutMs }: MachineOptions): DOMException {
  return new DOMException(`The arm64 machine still runs after ${timeoutMs} ms`, "TimeoutError");
}
