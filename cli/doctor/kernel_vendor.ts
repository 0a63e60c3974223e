import { readText } from "./check.ts";

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
