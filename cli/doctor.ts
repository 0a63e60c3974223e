import { gunzipSync } from "node:zlib";
import { TC_H_ROOT } from "../codec/handle.ts";
import { libc, UnsupportedError } from "../linux/libc.ts";
import { libpcapName, NoLibpcapError } from "../linux/libpcap.ts";
import { inNewNamespace, ownsNamespace } from "../linux/namespace.ts";
import { NetlinkError } from "../linux/netlink_error.ts";
import { type Capability, hasCapability } from "../linux/process.ts";
import { Connection } from "../netlink/connection.ts";
import { GET_LIBPCAP } from "./failure.ts";
import { createRequest } from "../plug/plug_requests.ts";

/** What can be done with plugctl, the first being what it is there for. */
export const USES = [
  "holding packets",
  "gates",
  "--except",
  "--first",
  "matches beyond flower",
  "--netns",
  "seeing packets",
  "scenarios with hosts",
  "the demo without root",
] as const;

/** One thing that was looked at. */
export interface Check {
  /** What was looked for: `CAP_NET_ADMIN`, `sch_plug`. */
  name: string;
  /** What needs it. */
  neededFor: typeof USES[number];
  ok: boolean;
  /** What was found, in a few words. */
  found: string;
  /** If it is missing: how to fix that. */
  fix?: string;
}

/** The text of a file of /proc, /sys, /etc or /lib, or `undefined` where it is not there or not readable. */
export function readText(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return undefined;
    throw error;
  }
}

/** The release of the running kernel: `6.1.0-18-amd64`. */
export function kernelRelease(): string {
  return readText("/proc/sys/kernel/osrelease")?.trim() ?? "unknown";
}

/** How to get a module that this kernel lacks, by who made the kernel: not by what is installed around it. */
export function fixModule({ module, config }: { module: string; config: string }): string {
  const release = kernelRelease();
  const version = readText("/proc/version") ?? "";
  if (/microsoft/i.test(release)) {
    return `build the kernel of WSL2 with ${config}=m, as docs/INSTALL.md describes`;
  }
  const fix = fixOfVendor(module, { release, version });
  if (fix === undefined) {
    return `rebuild this kernel (${release}, of no distribution that plugctl knows) with ${config}=m, or use another`;
  }
  return isContainer() ? `on the host of this container: ${fix}` : fix;
}

function fixOfVendor(
  module: string,
  { release, version }: { release: string; version: string },
): string | undefined {
  if (/Ubuntu/.test(version)) return `apt-get install linux-modules-extra-${release} && modprobe ${module}`;
  if (/Debian/.test(version)) {
    const full = "apt-get install linux-image-$(dpkg --print-architecture), and reboot";
    return /-cloud-/.test(release)
      ? `${full}: the cloud kernel lacks it`
      : `modprobe ${module}; if that fails: ${full}`;
  }
  if (/\.(fc|el)\d+/.test(release)) return `dnf install kernel-modules-extra-${release} && modprobe ${module}`;
  if (/-virt$/.test(release)) return "apk add linux-lts, and reboot into it: linux-virt lacks it";
  if (/-lts$/.test(release) && /alpine/i.test(version)) return `modprobe ${module}`;
  if (/arch\d|-arch|-default$|-MANJARO/.test(release)) return `modprobe ${module}`;
}

/** Whether this process is in a container, whose kernel belongs to its host. */
function isContainer(): boolean {
  const marks = ["/.dockerenv", "/run/.containerenv"];
  return marks.some((path) => readText(path) !== undefined) || /container=/.test(readText("/proc/1/environ") ?? "");
}

/** A part of the kernel, and what needs it. */
interface Part {
  /** The module's name. */
  module: string;
  /** What the kernel's configuration calls it. */
  config: string;
  name: string;
  neededFor: Check["neededFor"];
}

const PARTS: readonly Part[] = [
  { module: "sch_plug", config: "CONFIG_NET_SCH_PLUG", name: "sch_plug", neededFor: "holding packets" },
  { module: "ifb", config: "CONFIG_IFB", name: "ifb", neededFor: "gates" },
  { module: "sch_ingress", config: "CONFIG_NET_SCH_INGRESS", name: "clsact (sch_ingress)", neededFor: "gates" },
  { module: "cls_flower", config: "CONFIG_NET_CLS_FLOWER", name: "flower (cls_flower)", neededFor: "gates" },
  { module: "act_mirred", config: "CONFIG_NET_ACT_MIRRED", name: "mirred (act_mirred)", neededFor: "gates" },
  { module: "act_gact", config: "CONFIG_NET_ACT_GACT", name: "gact (act_gact)", neededFor: "--except" },
  { module: "sch_prio", config: "CONFIG_NET_SCH_PRIO", name: "prio (sch_prio)", neededFor: "--first" },
  { module: "cls_bpf", config: "CONFIG_NET_CLS_BPF", name: "bpf (cls_bpf)", neededFor: "matches beyond flower" },
  { module: "veth", config: "CONFIG_VETH", name: "veth", neededFor: "scenarios with hosts" },
];

/** Loopback, the first device of every network namespace. */
const LOOPBACK_INDEX = 1;

/** Whether the kernel has the parts that plugctl needs: loaded, built in, or loadable. */
export function checkKernelModules(): Check[] {
  const config = kernelConfig();
  return PARTS.map((part) => {
    const { name, neededFor, module } = part;
    const found = find(part, config) ?? (module === "sch_plug" ? tryPlug() : undefined);
    return found === undefined
      ? { name, neededFor, ok: false, found: `not in this kernel, ${kernelRelease()}`, fix: fixModule(part) }
      : { name, neededFor, ok: true, found };
  });
}

/** How the kernel has it, by what `/proc` and the files of the kernel's package say, or `undefined`. */
function find({ module, config: option }: Part, config: string): string | undefined {
  if (new RegExp(`^${module} `, "m").test(readText("/proc/modules") ?? "")) return "loaded";
  const folder = `/lib/modules/${kernelRelease()}`;
  const builtIn = readText(`${folder}/modules.builtin`) ?? "";
  if (builtIn.includes(`/${module}.ko`) || config.includes(`${option}=y\n`)) return "built in";
  const loadable = new RegExp(`^[^:\\n]*/${module}\\.ko[^:\\n]*:`, "m").test(readText(`${folder}/modules.dep`) ?? "");
  return loadable ? "not loaded yet; the kernel loads it at the first use" : undefined;
}

/** The configuration that the kernel was built with, as far as it tells. */
function kernelConfig(): string {
  const packaged = readText(`/boot/config-${kernelRelease()}`);
  if (packaged !== undefined) return packaged;
  try {
    return gunzipSync(Deno.readFileSync("/proc/config.gz")).toString();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return "";
    throw error;
  }
}

/**
 * Creates a plug on the loopback device of a network namespace made for it, where this process may: the
 * surest answer where the kernel's package says nothing, as in a container.
 */
function tryPlug(): string | undefined {
  if (!hasCapability("CAP_NET_ADMIN")) return undefined;
  try {
    using connection = inNewNamespace(() => Connection.open());
    const place = { ifindex: LOOPBACK_INDEX, parent: TC_H_ROOT, handle: 0 };
    const [{ errno }] = connection.transact([createRequest(place)]);
    return errno === 0 ? "works, tried in a namespace of its own" : undefined;
  } catch (error) {
    if (error instanceof NetlinkError || error instanceof UnsupportedError) return undefined;
    throw error;
  }
}

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

/** libpcap, which compiles what flower filters cannot express. */
export function checkLibpcap(): Check {
  const check = { name: "libpcap", neededFor: "matches beyond flower" } as const;
  try {
    return { ...check, ok: true, found: libpcapName() };
  } catch (error) {
    if (!(error instanceof NoLibpcapError)) throw error;
    return { ...check, ok: false, found: "not on this machine", fix: GET_LIBPCAP };
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
  return [
    capability("CAP_NET_ADMIN", { neededFor: "holding packets", all: "cap_net_admin" }),
    // setcap takes away what it does not name.
    capability("CAP_SYS_ADMIN", { neededFor: "--netns", all: "cap_net_admin,cap_sys_admin" }),
    capability("CAP_NET_RAW", { neededFor: "seeing packets", all: "cap_net_admin,cap_sys_admin,cap_net_raw" }),
  ];
}

/** Whether capabilities of this process count in its network namespace. */
function countsHere(): boolean {
  try {
    return ownsNamespace("net");
  } catch (error) {
    // Which another check says.
    if (error instanceof UnsupportedError) return true;
    throw error;
  }
}

function capability(
  name: Capability,
  { neededFor, all }: Pick<Check, "neededFor"> & { all: string },
): Check {
  if (!hasCapability(name)) {
    const fix = `run plugctl as root, or once: setcap ${all}+ep $(command -v plugctl)`;
    return { name, neededFor, ok: false, found: "this process does not have it", fix };
  }
  if (countsHere()) return { name, neededFor, ok: true, found: "this process has it" };
  return {
    name,
    neededFor,
    ok: false,
    found: "this process has it in its user namespace, to which this network namespace does not belong",
    fix: "run plugctl as root outside of that user namespace, or in a network namespace of its own: unshare --net",
  };
}
