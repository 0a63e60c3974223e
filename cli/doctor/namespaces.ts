import { type Check, readText } from "./check.ts";

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
