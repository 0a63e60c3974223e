import { Connection } from "../../netlink/connection.ts";
import { libc, UnsupportedError } from "../../linux/libc.ts";
import { NetlinkError } from "../../linux/netlink_error.ts";
import { type Check, readText } from "./check.ts";
import { kernelRelease } from "./kernel_vendor.ts";

/** Bits of `CapEff` in /proc/self/status, `linux/capability.h`. */
const CAP_NET_ADMIN = 12n;
const CAP_SYS_ADMIN = 21n;

/** Whether this process has a capability, by its bit. */
function hasCapability(bit: bigint): boolean {
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(readText("/proc/self/status") ?? "")?.[1] ?? "0";
  return (BigInt(`0x${mask}`) >> bit & 1n) === 1n;
}

/** Whether this process has CAP_NET_ADMIN. */
export function hasNetAdmin(): boolean {
  return hasCapability(CAP_NET_ADMIN);
}

/** Linux, on a processor whose layouts the codec knows. */
export function checkLinux(): Check {
  const { os, arch } = Deno.build;
  const ok = os === "linux" && (arch === "x86_64" || arch === "aarch64");
  const found = os === "linux" ? `${kernelRelease()}, ${arch}` : `${os}, ${arch}`;
  return {
    name: "Linux",
    neededFor: "holding packets",
    ok,
    found,
    fix: ok ? undefined : "run plugctl on Linux, on x86-64 or arm64",
  };
}

/** The C library, through which everything goes. */
export function checkLibc(): Check {
  const check = { name: "C library", neededFor: "holding packets" } as const;
  try {
    return { ...check, ok: true, found: libc().name };
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error;
    return { ...check, ok: false, found: error.message, fix: "install glibc (libc6 on Debian) or musl" };
  }
}

/** A socket of the kind that carries the requests. */
export function checkNetlink(): Check {
  const check = { name: "netlink", neededFor: "holding packets" } as const;
  try {
    Connection.open()[Symbol.dispose]();
    return { ...check, ok: true, found: "a NETLINK_ROUTE socket opens" };
  } catch (error) {
    if (!(error instanceof NetlinkError || error instanceof UnsupportedError)) throw error;
    return {
      ...check,
      ok: false,
      found: error.message,
      fix: "allow AF_NETLINK in the sandbox or seccomp profile",
    };
  }
}

/** The capabilities to change queues, and to enter and make network namespaces. */
export function checkCapabilities(): Check[] {
  return [
    capability("CAP_NET_ADMIN", { bit: CAP_NET_ADMIN, neededFor: "holding packets" }),
    capability("CAP_SYS_ADMIN", { bit: CAP_SYS_ADMIN, neededFor: "--netns" }),
  ];
}

function capability(name: string, { bit, neededFor }: { bit: bigint; neededFor: Check["neededFor"] }): Check {
  const ok = hasCapability(bit);
  return {
    name,
    neededFor,
    ok,
    found: ok ? "this process has it" : "this process does not have it",
    fix: ok ? undefined : `run plugctl as root, or once: setcap ${name.toLowerCase()}+ep $(command -v plugctl)`,
  };
}
