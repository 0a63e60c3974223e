import { type Context, isGiven } from "../context.ts";
import type { Check } from "../doctor/check.ts";
import { checkKernelModules } from "../doctor/kernel_module.ts";
import { checkLibc, checkLinux, checkNetAdmin, checkNetlink } from "../doctor/machine.ts";
import { checkNamespaces } from "../doctor/namespaces.ts";
import { EXIT } from "../exit_status.ts";
import { textTable } from "../printing.ts";

/** `plugctl doctor` */
export function run(context: Context): number {
  const checks = allChecks();
  context.print(isGiven(context, "json") ? `${JSON.stringify(checks, null, 2)}\n` : report(checks));
  const missing = checks.filter(({ ok, neededFor }) => !ok && neededFor === "holding packets");
  if (missing.length === 0) return EXIT.done;
  context.note(`this machine cannot hold packets: ${missing.map(({ name }) => name).join(", ")} missing`);
  return EXIT.incapable;
}

/** Every check; off Linux the first says all. */
function allChecks(): Check[] {
  const linux = checkLinux();
  if (!linux.ok) return [linux];
  return [linux, checkLibc(), checkNetlink(), checkNetAdmin(), ...checkKernelModules(), ...checkNamespaces()];
}

function report(checks: readonly Check[]): string {
  const table = textTable(checks.map(({ ok, name, neededFor, found }) => [ok ? "yes" : "NO", name, neededFor, found]));
  const mends = checks.filter(({ mend }) => mend).map(mendText);
  return `${[table, ...mends].join("\n\n")}\n`;
}

function mendText({ name, mend }: Check): string {
  return [`${name}:`, `  Debian  ${mend?.debian}`, `  Fedora  ${mend?.fedora}`, `  Alpine  ${mend?.alpine}`].join("\n");
}
