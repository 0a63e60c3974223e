import { assertEquals, assertMatch } from "@std/assert";
import { gzipSync } from "node:zlib";
import {
  type Check,
  checkCapabilities,
  checkKernelModules,
  checkLibc,
  checkLinux,
  checkNamespaces,
  checkNetlink,
  USES,
} from "../../cli/doctor.ts";
import { hasCapability } from "../../linux/process.ts";
import { plugctl } from "./plugctl.ts";
import { replacedFiles } from "./replaced_files.ts";

/** A process without any capability, on a kernel that tells nothing of its modules. */
const BARE = { "/proc/self/status": "CapEff:\t0000000000000000\n", "/proc/sys/kernel/osrelease": "6.1.0\n" };

/** What was found of a check, by its name, on a machine with these files. */
function findings(check: () => Check[], files: Parameters<typeof replacedFiles>[0]): Record<string, string> {
  using _files = replacedFiles({ ...BARE, ...files });
  return Object.fromEntries(check().map(({ name, ok, found }) => [name, `${ok ? "yes" : "NO"}: ${found}`]));
}

Deno.test("checkKernelModules() finds a module that is loaded", () => {
  const files = { "/proc/modules": "ifb 16384 0 - Live 0x0\nsch_plug 16384 1 - Live 0x0\n" };
  const found = findings(checkKernelModules, files);
  assertEquals([found.sch_plug, found.ifb], ["yes: loaded", "yes: loaded"]);
  assertEquals(found["flower (cls_flower)"], "NO: not in this kernel, 6.1.0");
});

Deno.test("checkKernelModules() finds what is built in, by the kernel's list or its configuration", () => {
  const config = "# CONFIG_IFB is not set\nCONFIG_NET_SCH_PLUG=y\nCONFIG_NET_CLS_FLOWER=m\n";
  const builtIn = "kernel/net/sched/act_mirred.ko\n";
  for (const [path, content] of [["/boot/config-6.1.0", config], ["/proc/config.gz", gzipSync(config)]] as const) {
    assertEquals(findings(checkKernelModules, { [path]: content, "/lib/modules/6.1.0/modules.builtin": builtIn }), {
      "sch_plug": "yes: built in",
      "ifb": "NO: not in this kernel, 6.1.0",
      "clsact (sch_ingress)": "NO: not in this kernel, 6.1.0",
      "flower (cls_flower)": "NO: not in this kernel, 6.1.0",
      "mirred (act_mirred)": "yes: built in",
      "gact (act_gact)": "NO: not in this kernel, 6.1.0",
      "prio (sch_prio)": "NO: not in this kernel, 6.1.0",
      "bpf (cls_bpf)": "NO: not in this kernel, 6.1.0",
      "veth": "NO: not in this kernel, 6.1.0",
    });
  }
});

Deno.test("checkKernelModules() finds a module that the kernel can load, and not what only another depends on", () => {
  const files = {
    "/lib/modules/6.1.0/modules.dep":
      "kernel/net/sched/sch_plug.ko.xz:\nkernel/net/sched/x.ko: kernel/drivers/net/ifb.ko kernel/net/act_mirred.ko\n",
  };
  const found = findings(checkKernelModules, files);
  assertEquals(found.sch_plug, "yes: not loaded yet; the kernel loads it at the first use");
  assertEquals(found.ifb, "NO: not in this kernel, 6.1.0");
});

/** What stands in `/proc/version` and where, and how a module is got there. */
const KERNELS: [release: string, version: string, fix: string, files?: Record<string, string>][] = [
  [
    "6.1.0-18-amd64",
    "(debian-kernel@lists.debian.org) #1 SMP Debian 6.1.76-1",
    "modprobe sch_plug; if that fails: " +
    "apt-get install linux-image-$(dpkg --print-architecture), and reboot",
  ],
  [
    "6.1.0-18-cloud-amd64",
    "#1 SMP Debian 6.1.76-1",
    "apt-get install linux-image-$(dpkg --print-architecture), " +
    "and reboot: the cloud kernel lacks it",
  ],
  ["6.8.0-31-generic", "#31-Ubuntu SMP", "apt-get install linux-modules-extra-6.8.0-31-generic && modprobe sch_plug"],
  [
    "6.8.5-301.fc40.x86_64",
    "(mockbuild@x)",
    "dnf install kernel-modules-extra-6.8.5-301.fc40.x86_64 && modprobe sch_plug",
  ],
  [
    "6.6.31-0-virt",
    "(buildozer@build) (gcc (Alpine 13))",
    "apk add linux-lts, and reboot into it: linux-virt lacks it",
  ],
  [
    "5.15.153.1-microsoft-standard-WSL2",
    "#1 SMP",
    "build the kernel of WSL2 with CONFIG_NET_SCH_PLUG=m, " +
    "as docs/INSTALL.md describes",
  ],
  // Debian around it says nothing of the kernel.
  [
    "6.18.44-fc-v669",
    "(builder@sandboxing)",
    "rebuild this kernel (6.18.44-fc-v669, of no distribution that plugctl " +
    "knows) with CONFIG_NET_SCH_PLUG=m, or use another",
    { "/etc/os-release": "ID=debian\n" },
  ],
  [
    "6.8.0-31-generic",
    "#31-Ubuntu SMP",
    "on the host of this container: " +
    "apt-get install linux-modules-extra-6.8.0-31-generic && modprobe sch_plug",
    { "/.dockerenv": "" },
  ],
];

Deno.test("checkKernelModules() says how to get a module, by who made the kernel", () => {
  for (const [release, version, fix, files = {}] of KERNELS) {
    const kernel = {
      "/proc/sys/kernel/osrelease": `${release}\n`,
      "/proc/version": `Linux version ${release} ${version}\n`,
    };
    using _files = replacedFiles({ ...BARE, ...kernel, ...files });
    assertEquals(checkKernelModules()[0].fix, fix, release);
  }
});

Deno.test("checkKernelModules() takes a configuration that may not be read for one that says nothing", () => {
  const files = { "/proc/config.gz": new Deno.errors.PermissionDenied(), "/proc/modules": "sch_plug 1 0 - Live 0\n" };
  assertEquals(findings(checkKernelModules, files).sch_plug, "yes: loaded");
});

/** Masks of capabilities, and whether they have CAP_NET_ADMIN and CAP_SYS_ADMIN. */
const MASKS = [
  ["1000", true, false],
  ["200000", false, true],
  ["000001ffffffffff", true, true],
  ["dfefff", false, false],
  ["0", false, false],
] as const;

Deno.test("hasCapability() reads bits 12 and 21 of the effective capabilities", () => {
  const both = () => [hasCapability("CAP_NET_ADMIN"), hasCapability("CAP_SYS_ADMIN")];
  for (const [mask, ...has] of MASKS) {
    using _files = replacedFiles({ "/proc/self/status": `CapPrm:\t1ff\nCapEff:\t${mask}\nCapBnd:\t1ff\n` });
    assertEquals(both(), has, mask);
  }
  using _files = replacedFiles({});
  assertEquals(both(), [false, false]);
});

Deno.test("checkCapabilities() says how to get a capability, when this process has it not", () => {
  using _files = replacedFiles(BARE);
  assertEquals(checkCapabilities().map(({ name, ok, fix }) => [name, ok, fix]), [
    ["CAP_NET_ADMIN", false, "run plugctl as root, or once: setcap cap_net_admin+ep $(command -v plugctl)"],
    [
      "CAP_SYS_ADMIN",
      false,
      "run plugctl as root, or once: setcap cap_net_admin,cap_sys_admin+ep $(command -v plugctl)",
    ],
    [
      "CAP_NET_RAW",
      false,
      "run plugctl as root, or once: setcap cap_net_admin,cap_sys_admin,cap_net_raw+ep $(command -v plugctl)",
    ],
  ]);
});

Deno.test("checkLinux() names the kernel's release and the processor", () => {
  using _files = replacedFiles(BARE);
  const { ok, found, fix } = checkLinux();
  assertEquals([ok, found, fix], [true, `6.1.0, ${Deno.build.arch}`, undefined]);
});

const RESTRICTIONS = [
  ["/proc/sys/user/max_user_namespaces", "0", "user.max_user_namespaces is 0"],
  ["/proc/sys/kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone is 0"],
  [
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
    "1",
    "kernel.apparmor_restrict_unprivileged_userns is 1",
  ],
] as const;

Deno.test("checkNamespaces() finds what keeps ordinary users from making namespaces, and how to allow it", () => {
  for (const [path, value, found] of RESTRICTIONS) {
    using _files = replacedFiles({ [path]: `${value}\n`, "/proc/self/ns/net": "net:[4026531840]" });
    const [network, user] = checkNamespaces();
    assertEquals([network.ok, user.ok, user.found], [true, false, found]);
    assertMatch(user.fix ?? "", /^sysctl -w \S+=\d+$/);
  }
});

Deno.test("checkNamespaces() finds nothing in the way, when the kernel knows none of the restrictions or sets none", () => {
  const open = Object.fromEntries(RESTRICTIONS.map(([path, value]) => [path, value === "0" ? "15000\n" : "0\n"]));
  for (const files of [{}, open]) {
    assertEquals(findings(checkNamespaces, { ...files, "/proc/self/ns/net": "net:[4026531840]" }), {
      "network namespaces": "yes: this kernel has them",
      "user namespaces": "yes: ordinary users may make them",
    });
  }
});

Deno.test("checkNamespaces() finds a kernel without network namespaces", () => {
  assertEquals(findings(checkNamespaces, {})["network namespaces"], "NO: this kernel has no /proc/self/ns/net");
});

Deno.test("checkLibc() and checkNetlink() find the C library and a socket of the tests' own process", () => {
  assertMatch(checkLibc().found, /^libc\./);
  assertEquals(checkNetlink().found, "a NETLINK_ROUTE socket opens");
});

/** What `plugctl doctor` found, and how it exited. */
async function doctor(main?: string) {
  const { status, stdout, stderr } = await plugctl(["doctor", "--json"], { main });
  return { status, stderr, checks: JSON.parse(stdout) as Check[] };
}

Deno.test("main() prints the doctor's checks as JSON, and exits as they say", async () => {
  const { status, stderr, checks } = await doctor();
  for (const { name, neededFor, ok, found, fix } of checks) {
    assertEquals([name, found].map((text) => typeof text), ["string", "string"]);
    assertEquals(USES.includes(neededFor), true);
    assertEquals(typeof fix, ok ? "undefined" : "string", name);
  }
  const missing = checks.filter(({ ok, neededFor }) => !ok && neededFor === "holding packets").map(({ name }) => name);
  assertEquals(status, missing.length === 0 ? 0 : 4);
  const note = `plugctl: this machine cannot hold packets: ${missing.join(", ")} missing\n`;
  assertEquals(stderr, missing.length === 0 ? "" : note);
});

Deno.test("main() prints the doctor's checks as a table, then a verdict, then how to fix what is missing", async () => {
  const [plain, { status, checks }] = await Promise.all([plugctl(["doctor"]), doctor()]);
  assertEquals([plain.status, plain.stderr], [status, ""]);
  const [table, verdict, fixes = ""] = plain.stdout.trimEnd().split("\n\n");
  assertEquals(table.split("\n").length, checks.length);
  checks.forEach(({ ok, name }, index) =>
    assertMatch(
      table.split("\n")[index],
      new RegExp(`^${ok ? "ok     " : "MISSING"}  ${name.replaceAll(/[()]/g, "\\$&")} `),
    )
  );
  assertMatch(verdict, status === 0 ? /^Ready/ : /^Not ready: this machine cannot hold packets: .* missing\./);
  const missing = checks.filter(({ ok }) => !ok).map(({ name, fix }) => `To fix ${name}: ${fix}`);
  assertEquals(fixes, missing.join("\n"));
});

Deno.test("main() prints all of the doctor's checks, when there is no C library", async () => {
  const { status, checks } = await doctor("main_without_libc.ts");
  assertEquals(status, 4);
  assertEquals(checks.length, 18);
  assertEquals(checks.filter(({ found }) => found.startsWith("Cannot open the C library")).map(({ name }) => name), [
    "C library",
    "netlink",
  ]);
});
