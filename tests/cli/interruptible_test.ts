import { assertEquals, assertRejects } from "@std/assert";
import { interruptible } from "../../cli/exit_status.ts";

/** Sends a signal to a process that waits, and again once it has said why its waiting ended. */
async function signalTwice(name: Deno.Signal) {
  const script = new URL("wait_for_signal.ts", import.meta.url).href;
  const args = ["run", "--quiet", "--no-check", "-A", script];
  await using child = new Deno.Command(Deno.execPath(), { args, stdin: "null", stdout: "piped" }).spawn();
  const lines: string[] = [];
  for await (const line of child.stdout.pipeThrough(new TextDecoderStream())) {
    lines.push(line);
    child.kill(name);
  }
  const { signal } = await child.status;
  return { lines, signal };
}

for (const [name, number] of [["SIGHUP", 1], ["SIGINT", 2], ["SIGTERM", 15]] as const) {
  Deno.test(`interruptible() ends the waiting on ${name}, and leaves the next one alone`, async () => {
    const { lines, signal } = await signalTwice(name);
    assertEquals(lines, ["waits\n", `Interrupted by ${name}, ${number}\n`]);
    assertEquals(signal, name);
  });
}

Deno.test("interruptible() gives what the work gives, or throws what it throws", async () => {
  assertEquals(await interruptible(() => Promise.resolve("done")), "done");
  await assertRejects(() => interruptible(() => Promise.reject(new RangeError("x"))), RangeError, "x");
});
