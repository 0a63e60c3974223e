/** A kernel without sch_plug, which is booted for this: what plugctl says there, and that it leaves no trace. */

import { assertEquals } from "@std/assert";
import { boot, prepareBoot } from "../../uml/boot.ts";

const PROJECT = new URL("../..", import.meta.url).pathname;
const MAIN = `${PROJECT}cli/main.ts`;

/** Runs a shell script on that kernel and returns the lines that it prints. */
async function linesOf(script: string): Promise<string[]> {
  await prepareBoot();
  const lines: string[] = [];
  const env = { ...Deno.env.toObject(), PLUGCTL: `${Deno.execPath()} run -A --no-check ${MAIN}`, NO_COLOR: "1" };
  await boot(["/bin/sh", "-c", script], {
    cwd: PROJECT,
    env,
    withoutModules: ["sch_plug"],
    onLine: (line) => void lines.push(line),
    timeoutMs: 120_000,
  });
  return lines;
}

Deno.test("plugctl says that the kernel has no sch_plug, where it has none, and leaves the queue as it was", async () => {
  const lines = await linesOf(`
    $PLUGCTL attach --dev lo 2>&1; echo status $?
    $PLUGCTL doctor --json >/run/doctor; echo status $?
    cat /run/doctor
    tc qdisc show dev lo >/run/after; echo after: $(cat /run/after)
  `);
  const [message, attached, note, doctored, ...rest] = lines;
  assertEquals(
    message,
    "plugctl: cannot attach to lo (root): this kernel has no sch_plug; load it with: modprobe sch_plug; if that " +
      "fails, plugctl doctor says what to do",
  );
  assertEquals(attached, "status 4");
  assertEquals(note, "plugctl: this machine cannot hold packets: sch_plug missing");
  assertEquals(doctored, "status 4");
  const checks: { name: string; ok: boolean }[] = JSON.parse(rest.slice(0, -1).join("\n"));
  assertEquals(checks.filter(({ ok }) => !ok).map(({ name }) => name), ["sch_plug"]);
  assertEquals(rest.at(-1), "after: qdisc noqueue 0: root refcnt 2");
});
