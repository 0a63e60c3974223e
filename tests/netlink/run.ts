/**
 * Runs the tests of this kernel's netlink: `run.ts [DENO TEST ARGUMENT...]`, all of them unless the arguments name files.
 *
 * They need to be root in a network namespace of their own. Who is not root becomes it in a user namespace, where that is
 * allowed, or else on User-Mode Linux.
 *
 * @module
 */

import { inNewNamespace } from "../../linux/namespace.ts";
import { NetlinkError } from "../../linux/netlink_error.ts";
import { cacheModules } from "../../demo/plug_kernel.ts";
import { boot, prepareBoot } from "../../uml/boot.ts";
import { runProgram } from "../../package/program.ts";
import { systemPath } from "../../uml/processes.ts";
import { filesImporting } from "../test_files.ts";

const PROJECT = `${import.meta.dirname}/../..`;
const AS_ROOT = ["unshare", "--user", "--map-root-user", "--net", "--mount"];

await runProgram("tests/netlink", async (signal) => {
  const chosen = Deno.args.filter((argument) => argument.endsWith("_test.ts"));
  const options = Deno.args.filter((argument) => !argument.endsWith("_test.ts"));
  const files = chosen.length > 0 ? chosen : ["tests/netlink", ...filesImporting("own_namespace.ts")];
  const command = [Deno.execPath(), "test", "-A", "--no-check", ...options, ...new Set(files)];
  if (mayMakeNamespaces()) return await run(command);
  if (await run([...AS_ROOT, "true"], "null") === 0) return await run([...AS_ROOT, ...command]);
  console.log("These tests run on User-Mode Linux, as this user may make no network namespace here");
  try {
    await prepareBoot({ signal, onDownload: (what) => console.log(`Downloading ${what}`) });
  } catch (error) {
    signal.throwIfAborted();
    console.error(`tests/netlink NOT RUN: ${error instanceof Error ? error.message : error}`);
    return Deno.env.get("CI") === "true" ? 1 : 0;
  }
  await cacheModules(
    [...filesImporting("", "tests/netlink"), ...filesImporting("own_namespace.ts"), "cli/main.ts"],
    signal,
  );
  const env = { ...Deno.env.toObject(), PATH: systemPath(), DENO_NO_UPDATE_CHECK: "1" };
  return await boot(command, { cwd: PROJECT, env, signal, onLine: (line) => console.log(line) });
});

function mayMakeNamespaces(): boolean {
  try {
    inNewNamespace(() => undefined);
    return true;
  } catch (error) {
    if (error instanceof NetlinkError) return false;
    throw error;
  }
}

/** Runs a command and returns its exit status. */
async function run([program, ...args]: readonly string[], output: "inherit" | "null" = "inherit"): Promise<number> {
  const options = { args, cwd: PROJECT, stdin: "null", stdout: output, stderr: output } as const;
  const { code } = await new Deno.Command(program, options).spawn().status;
  return code;
}
