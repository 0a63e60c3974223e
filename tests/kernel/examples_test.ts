/** Each scenario in `examples/` shows what it says, with real programs, and leaves nothing behind. */

import { assertEquals } from "@std/assert";
import { type Course, EXAMPLE_NAMES, runExample } from "./example.ts";
import { testWithHaproxy } from "./haproxy.ts";

/** Where a few are enough to show it. */
const OPTIONS: Readonly<Record<string, readonly string[]>> = { haproxy_reload: ["--set", "reloads=5"] };

/** The machine's own namespaces and devices. */
function machine(): string {
  const run = (...args: string[]) => new TextDecoder().decode(new Deno.Command("ip", { args }).outputSync().stdout);
  return run("netns") + run("-o", "link");
}

function assertPassed({ status, end, failure, stderr }: Course): void {
  assertEquals({ status, failure, stderr }, { status: 0, failure: "", stderr: "" });
  assertEquals([end.outcome, end.undone], ["done", true]);
}

for (const name of EXAMPLE_NAMES) {
  testWithHaproxy(`examples/${name} shows what it says, and leaves nothing behind`, async () => {
    const before = machine();
    assertPassed(await runExample(name, { options: OPTIONS[name] }));
    assertEquals(machine(), before);
  });
}
