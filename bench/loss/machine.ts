// A machine of several processors with Debian's kernel, which QEMU emulates instruction by instruction: what is in its
// file system, and how it is started.
import { run } from "../../package/program.ts";
import { writeInitramfs } from "../../tests/arm64/initramfs.ts";
import { filesBelow } from "../../tests/arm64/parts.ts";
import { cacheFolder, downloadPackages, fillCache, unpackPackages } from "../../uml/apt.ts";
import { printed } from "../processes.ts";

const HERE = import.meta.dirname;
const QEMU = "qemu-system-x86_64";
/** It depends on the kernel of the day; the one for clouds is the smallest. */
const KERNEL = "linux-image-cloud-amd64";
const MODULES = ["sch_plug", "sch_ingress", "cls_flower", "act_mirred", "veth", "ifb"];
/** What this machine has itself, and the machine gets with its libraries. */
const PROGRAMS = { ip: "/usr/sbin/ip", tc: "/usr/sbin/tc", busybox: "/usr/bin/busybox", deno: Deno.execPath() };

/** How long it may take: each instruction is emulated. */
const TIMEOUT_S = "3600";

/** How many processors it has. */
export const PROCESSORS = 2;

/** Runs the cycles in such a machine, and returns what they printed as far as they came. */
export async function runInMachine(
  traffic: string,
  { cycles, pattern = ".", folder }: { cycles: number; pattern?: string; folder: string },
): Promise<string> {
  const debian = await fetchKernel();
  const bundle = `${folder}/cycles.js`;
  const options = ["--quiet", "--config", `${HERE}/../../deno.json`, "--output", bundle];
  await run([Deno.execPath(), "bundle", ...options, `${HERE}/cycles.ts`]);
  await Deno.writeTextFile(`${folder}/cycles`, `${cycles}\n${pattern}\n`);
  const program = (path: string, source: string) => ({ path, source, mode: 0o755 });
  const modules = debian.filter((path) => MODULES.some((name) => path.endsWith(`/${name}.ko`)));
  await writeInitramfs(`${folder}/initramfs`, [
    program("init", `${HERE}/init.sh`),
    program("traffic", traffic),
    program("cycles.js", bundle),
    program("cycles", `${folder}/cycles`),
    ...Object.entries(PROGRAMS).map(([name, path]) => program(`bin/${name}`, path)),
    ...(await libraries()).map((path) => program(path.slice(1), path)),
    ...modules.map((path) => program(`modules/${path.slice(path.lastIndexOf("/") + 1)}`, path)),
  ]);
  const kernel = debian.find((path) => path.includes("/boot/vmlinuz-"));
  if (kernel === undefined) throw new Error("Cannot start a machine: Debian's package has no kernel");
  // Where it is stuck, what it had measured before counts.
  const args = [TIMEOUT_S, QEMU, ...qemuArguments(kernel, `${folder}/initramfs`)];
  const { stdout } = await new Deno.Command("timeout", { args, stdin: "null", stderr: "inherit" }).output();
  return new TextDecoder().decode(stdout).replaceAll("\r", "");
}

/** Downloads Debian's kernel into the cache the first time, and returns its files. */
async function fetchKernel(): Promise<string[]> {
  const cache = cacheFolder("bench-loss-kernel");
  if (await printed("test", "-d", cache) === undefined) {
    const signal = new AbortController().signal;
    const advice = "it is fetched from where this machine has its own packages from, which must be Debian's";
    await fillCache(cache, async (folder) => {
      await downloadPackages([], { folder, signal, dependenciesOf: KERNEL, what: "a kernel", advice });
      await unpackPackages(folder, `${folder}/root`);
    });
  }
  return filesBelow(cache);
}

/** The libraries of the programs, by the paths at which they are looked for. */
async function libraries(): Promise<string[]> {
  const lists = await Promise.all(Object.values(PROGRAMS).map((path) => printed("ldd", path)));
  return [...new Set(lists.flatMap((list) => list?.match(/\/lib\S+(?= \()/g) ?? []))];
}

function qemuArguments(kernel: string, initramfs: string): string[] {
  return [
    ...["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-serial", "stdio", "-net", "none"],
    ...["-machine", "q35", "-cpu", "max", "-smp", `${PROCESSORS}`, "-accel", "tcg,thread=multi", "-m", "2G"],
    ...["-kernel", kernel, "-initrd", initramfs],
    // Where the kernel panics, also because a processor is stuck, it restarts, and so ends
    ...["-append", "console=ttyS0 quiet panic=-1 softlockup_panic=1"],
  ];
}
