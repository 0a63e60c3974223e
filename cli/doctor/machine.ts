import { libc, UnsupportedError } from "../../linux/libc.ts";
import { NetlinkError } from "../../linux/netlink_error.ts";
import { hasCapability } from "../../linux/process.ts";
import { Connection } from "../../netlink/connection.ts";
import { type Check, kernelRelease, readText } from "./kernel_module.ts";

/** Sysctls that keep ordinary users from making namespaces, and the value that does. */
const RESTRICTIONS = [
  ["user.max_user_namespaces", "0", "sysctl -w user.max_user_namespaces=15000"],
  ["kernel.unprivileged_userns_clone", "0", "sysctl -w kernel.unprivileged_userns_clone=1"],
  ["kernel.apparmor_restrict_unprivileged_userns", "1", "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"],
] as const;

/** Network namespaces, for `--netns`; whether this process may make them, and whether an ordinary user may. */
export function checkNamespaces(): Check[] {
  const there = hasNetworkNamespaces();
  const restriction = RESTRICTIONS.find(([name, value]) => readSysctl(name) === value);
  return [{
    name: "network namespaces",
    neededFor: "--netns",
    ok: there,
    found: there ? "this kernel has them" : "this kernel has no /proc/self/ns/net",
    fix: there ? undefined : "use a kernel with CONFIG_NET_NS",
  }, {
    name: "user namespaces",
    neededFor: "the demo without root",
    ok: restriction === undefined,
    found: restriction ? `${restriction[0]} is ${restriction[1]}` : "ordinary users may make them",
    fix: restriction?.[2],
  }];
}

function hasNetworkNamespaces(): boolean {
  try {
    Deno.readLinkSync("/proc/self/ns/net");
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function readSysctl(name: string): string | undefined {
  return readText(`/proc/sys/${name.replaceAll(".", "/")}`)?.trim();
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

/** The capabilities to change queues, to enter and make network namespaces, and to see packets. */
export function checkCapabilities(): Check[] {
  const wanted = [
    ["CAP_NET_ADMIN", "holding packets"],
    ["CAP_SYS_ADMIN", "--netns"],
    ["CAP_NET_RAW", "seeing packets"],
  ] as const;
  // A program's capabilities are set all at once.
  const all = wanted.map(([name]) => name).filter((name) => name === "CAP_NET_ADMIN" || !hasCapability(name));
  const fix = `run plugctl as root, or once: setcap ${all.join().toLowerCase()}+ep $(command -v plugctl)`;
  return wanted.map(([name, neededFor]) =>
    hasCapability(name)
      ? { name, neededFor, ok: true, found: "this process has it" }
      : { name, neededFor, ok: false, found: "this process does not have it", fix }
  );
}
