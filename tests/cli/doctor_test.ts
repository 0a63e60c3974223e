import { assertEquals, assertMatch } from "@std/assert";
import { gzipSync } from "node:zlib";
import type { Check } from "../../cli/doctor/check.ts";
import { checkKernelModules } from "../../cli/doctor/kernel_module.ts";
import { checkLibc, checkLinux, checkNetAdmin, checkNetlink } from "../../cli/doctor/machine.ts";
import { checkNamespaces } from "../../cli/doctor/namespaces.ts";
import { hasCapability } from "../../linux/capability.ts";
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
  assertEquals(found["flower (cls_flower)"], "NO: not in kernel 6.1.0");
});

Deno.test("checkKernelModules() finds what is built in, by the kernel's list or its configuration", () => {
  const config = "# CONFIG_IFB is not set\nCONFIG_NET_SCH_PLUG=y\nCONFIG_NET_CLS_FLOWER=m\n";
  const builtIn = "kernel/net/sched/act_mirred.ko\n";
  for (const [path, content] of [["/boot/config-6.1.0", config], ["/proc/config.gz", gzipSync(config)]] as const) {
    assertEquals(findings(checkKernelModules, { [path]: content, "/lib/modules/6.1.0/modules.builtin": builtIn }), {
      "sch_plug": "yes: built in",
      "ifb": "NO: not in kernel 6.1.0",
      "clsact (sch_ingress)": "NO: not in kernel 6.1.0",
      "flower (cls_flower)": "NO: not in kernel 6.1.0",
      "mirred (act_mirred)": "yes: built in",
      "veth": "NO: not in kernel 6.1.0",
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
  assertEquals(found.ifb, "NO: not in kernel 6.1.0");
});

Deno.test("checkKernelModules() says how to get a module, by distribution", () => {
  using _files = replacedFiles(BARE);
  for (const { name, ok, mend } of checkKernelModules()) {
    const module = /\((.*)\)/.exec(name)?.[1] ?? name;
    const texts = [mend?.debian, mend?.fedora, mend?.alpine];
    assertEquals([ok, texts.map((text) => text?.includes(`modprobe ${module}`))], [false, [true, true, true]]);
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

Deno.test("checkNetAdmin() says how to get the capability, when this process has it not", () => {
  using _files = replacedFiles(BARE);
  const { ok, mend } = checkNetAdmin();
  assertEquals(ok, false);
  assertMatch(mend?.debian ?? "", /^sudo plugctl/);
});

Deno.test("checkLinux() names the kernel's release and the processor", () => {
  using _files = replacedFiles(BARE);
  const { ok, found, mend } = checkLinux();
  assertEquals([ok, found, mend], [true, `6.1.0, ${Deno.build.arch}`, undefined]);
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
    const [network, , user] = checkNamespaces();
    assertEquals([network.ok, user.ok, user.found], [true, false, found]);
    assertMatch(user.mend?.alpine ?? "", /^sysctl -w \S+=\d+$/);
  }
});

Deno.test("checkNamespaces() finds nothing in the way, when the kernel knows none of the restrictions or sets none", () => {
  const open = Object.fromEntries(RESTRICTIONS.map(([path, value]) => [path, value === "0" ? "15000\n" : "0\n"]));
  for (const files of [{}, open]) {
    assertEquals(findings(checkNamespaces, { ...files, "/proc/self/ns/net": "net:[4026531840]" }), {
      "network namespaces": "yes: this kernel has them",
      "CAP_SYS_ADMIN": "NO: this process does not have it",
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
  for (const { name, neededFor, ok, found, mend } of checks) {
    assertEquals([name, found].map((text) => typeof text), ["string", "string"]);
    assertEquals(["holding packets", "gates", "namespaces", "hosts"].includes(neededFor), true);
    assertEquals(Object.keys(mend ?? {}), ok ? [] : ["debian", "fedora", "alpine"], name);
  }
  const missing = checks.filter(({ ok, neededFor }) => !ok && neededFor === "holding packets").map(({ name }) => name);
  assertEquals(status, missing.length === 0 ? 0 : 4);
  const note = `plugctl: this machine cannot hold packets: ${missing.join(", ")} missing\n`;
  assertEquals(stderr, missing.length === 0 ? "" : note);
});

Deno.test("main() prints the doctor's checks as a table, and how to mend what is missing", async () => {
  const [plain, { checks }] = await Promise.all([plugctl(["doctor", "--quiet"]), doctor()]);
  const lines = plain.stdout.split("\n");
  checks.forEach(({ ok, name }, index) =>
    assertEquals(lines[index].startsWith(`${ok ? "yes" : "NO "}  ${name} `), true)
  );
  const mends = checks.filter(({ ok }) => !ok).map(({ name }) => `${name}:`);
  assertEquals(lines.filter((line) => line.endsWith(":")), mends);
  assertEquals(plain.stderr, "");
});

Deno.test("main() prints all of the doctor's checks, when there is no C library", async () => {
  const { status, checks } = await doctor("main_without_libc.ts");
  assertEquals(status, 4);
  assertEquals(checks.length, 13);
  assertEquals(checks.filter(({ found }) => found.startsWith("Cannot open the C library")).map(({ name }) => name), [
    "C library",
    "netlink",
  ]);
});
