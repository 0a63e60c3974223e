/** Bits of `CapEff` in `/proc/self/status`, `linux/capability.h`. */
const BITS = { CAP_NET_ADMIN: 12n, CAP_SYS_ADMIN: 21n } as const;

/** Whether this process has a capability; false where `/proc` does not say. */
export function hasCapability(name: keyof typeof BITS): boolean {
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(readStatus())?.[1] ?? "0";
  return (BigInt(`0x${mask}`) >> BITS[name] & 1n) === 1n;
}

function readStatus(): string {
  try {
    return Deno.readTextFileSync("/proc/self/status");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
