import { Connection } from "../../netlink/connection.ts";
import { hasCapability } from "../../linux/capability.ts";
import { libc, UnsupportedError } from "../../linux/libc.ts";
import { NetlinkError } from "../../linux/netlink_error.ts";
import { type Check, everywhere, readText } from "./check.ts";

/** The release of the running kernel: `6.1.0-18-amd64`. */
export function kernelRelease(): string {
  return readText("/proc/sys/kernel/osrelease")?.trim() ?? "unknown";
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
    mend: ok ? undefined : everywhere("run plugctl on Linux, on x86-64 or arm64"),
  };
}

/** The C library, through which everything goes. */
export function checkLibc(): Check {
  const check = { name: "C library", neededFor: "holding packets" } as const;
  try {
    return { ...check, ok: true, found: libc().name };
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error;
    const mend = { debian: "apt-get install libc6", fedora: "dnf install glibc", alpine: "apk add musl" };
    return { ...check, ok: false, found: error.message, mend };
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
      mend: everywhere("allow AF_NETLINK in the sandbox or seccomp profile"),
    };
  }
}

/** The capability to change queues. */
export function checkNetAdmin(): Check {
  const ok = hasCapability("CAP_NET_ADMIN");
  return {
    name: "CAP_NET_ADMIN",
    neededFor: "holding packets",
    ok,
    found: ok ? "this process has it" : "this process does not have it",
    mend: ok ? undefined : {
      debian: "sudo plugctl …, or once: sudo setcap cap_net_admin+ep $(command -v plugctl)",
      fedora: "sudo plugctl …, or once: sudo setcap cap_net_admin+ep $(command -v plugctl)",
      alpine: "doas plugctl …, or once: doas setcap cap_net_admin+ep $(command -v plugctl)",
    },
  };
}
