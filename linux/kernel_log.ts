/** `KERN_WARNING` of `linux/kern_levels.h`, as it is written to `/dev/kmsg`. */
const WARNING = "<4>";

/** Writes a line to the kernel's log, which `dmesg` shows, where this process may: for one that has no other output. */
export function logToKernel(line: string): void {
  try {
    Deno.writeTextFileSync("/dev/kmsg", `${WARNING}plugctl: ${line}\n`, { append: true, create: false });
  } catch (error) {
    const { NotCapable, NotFound, PermissionDenied } = Deno.errors;
    if (![NotCapable, NotFound, PermissionDenied].some((kind) => error instanceof kind)) throw error;
  }
}
