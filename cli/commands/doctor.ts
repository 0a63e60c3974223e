import { type Context, isGiven, textTable } from "../context.ts";
import {
  type Check,
  checkCapabilities,
  checkKernelModules,
  checkLibc,
  checkLibpcap,
  checkLinux,
  checkNamespaces,
  checkNetlink,
  USES,
} from "../doctor.ts";
import { EXIT } from "../exit_status.ts";

/** `plugctl doctor` */
export function run(context: Context): number {
  const checks = allChecks();
  const missing = checks.filter(({ ok }) => !ok);
  const vital = missing.filter(({ neededFor }) => neededFor === USES[0]);
  if (!isGiven(context, "json")) context.print(report(checks, missing));
  else {
    context.print(`${JSON.stringify(checks, null, 2)}\n`);
    if (vital.length > 0) context.note(`this machine cannot hold packets: ${names(vital)} missing`);
  }
  return vital.length > 0 ? EXIT.incapable : EXIT.done;
}

/** Every check; off Linux the first says all. */
function allChecks(): Check[] {
  const linux = checkLinux();
  if (!linux.ok) return [linux];
  return [
    linux,
    checkLibc(),
    checkLibpcap(),
    checkNetlink(),
    ...checkCapabilities(),
    ...checkKernelModules(),
    ...checkNamespaces(),
  ];
}

function report(checks: readonly Check[], missing: readonly Check[]): string {
  const rows = checks.map(({ ok, name, neededFor, found }) => [ok ? "ok" : "MISSING", name, found, `for ${neededFor}`]);
  const fixes = missing.map(({ name, fix }) => `To fix ${name}: ${fix}`);
  return `${[textTable(rows), verdict(missing), ...fixes.length > 0 ? [fixes.join("\n")] : []].join("\n\n")}\n`;
}

/** What can be done on this machine, and what cannot. */
function verdict(missing: readonly Check[]): string {
  const [vital, ...others] = USES.map((use) => ({ use, checks: missing.filter(({ neededFor }) => neededFor === use) }));
  if (vital.checks.length > 0) {
    return `Not ready: this machine cannot hold packets: ${names(vital.checks)} missing.${uml(vital.checks)}`;
  }
  const lacking = others.filter(({ checks }) => checks.length > 0);
  if (lacking.length === 0) return "Ready: everything works on this machine.";
  const parts = lacking.map(({ use, checks }) => `${use} (${names(checks)} missing)`);
  return `Ready to hold packets. What does not work: ${parts.join(", ")}.`;
}

/** Where only the kernel or the permission is in the way, there is a kernel that needs neither. */
function uml(checks: readonly Check[]): string {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") return "";
  if (!checks.every(({ name }) => name === "sch_plug" || name === "CAP_NET_ADMIN")) return "";
  return "\nReady with plugctl uml: it runs any command, plugctl too, in User-Mode Linux, a kernel that is an ordinary process\n" +
    "and needs no root: plugctl uml -- plugctl run FILE.";
}

function names(checks: readonly Check[]): string {
  return checks.map(({ name }) => name).join(", ");
}
