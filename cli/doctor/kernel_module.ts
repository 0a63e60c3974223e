import { gunzipSync } from "node:zlib";
import { TC_H_ROOT } from "../../codec/handle.ts";
import { UnsupportedError } from "../../linux/libc.ts";
import { inNewNamespace } from "../../linux/namespace.ts";
import { NetlinkError } from "../../linux/netlink_error.ts";
import { hasCapability } from "../../linux/process.ts";
import { Connection } from "../../netlink/connection.ts";
import { createRequest } from "../../plug/plug_requests.ts";

/** What can be done with plugctl, the first being what it is there for. */
export const USES = [
  "holding packets",
  "gates",
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
