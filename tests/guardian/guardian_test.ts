/** Guardians as processes of this one: what it keeps of those that have ended, and what they have of it. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Guardian } from "../../guardian/guardian.ts";
import { isEnding } from "../../guardian/processes.ts";
import { NetlinkError } from "../../linux/netlink_error.ts";

const MANY = `${import.meta.dirname}/many_guardians.ts`;

Deno.test("Guardian leaves no descriptor and no process, one after the other while the event loop does not turn", async () => {
  const command = new Deno.Command(Deno.execPath(), { args: ["run", "-A", "--no-check", MANY] });
  const { stdout, stderr } = await command.output();
  assertEquals(new TextDecoder().decode(stderr), "");
  assertEquals(JSON.parse(new TextDecoder().decode(stdout)), { descriptors: 0, processes: [] });
});

Deno.test("Guardian has the variables of this process and those that it is given, no input and no output", () => {
  Deno.env.set("PLUGCTL_TEST", "a=b ü");
  try {
    using guardian = Guardian.start({ env: { PLUGCTL_GIVEN: "given" } });
    guardian.greet();
    const folder = `/proc/${guardian.pid}`;
    const variables = Deno.readTextFileSync(`${folder}/environ`).split("\0");
    for (const expected of ["PLUGCTL_TEST=a=b ü", "PLUGCTL_GIVEN=given", "DENO_NO_UPDATE_CHECK=1"]) {
      assert(variables.includes(expected), expected);
    }
    const names = variables.map((variable) => variable.split("=", 1)[0]);
    assertEquals(names.filter((name) => name === "PLUGCTL_TAG").length, 1, "a variable that is set anew stands once");
    assertEquals([0, 1, 2].map((fd) => Deno.readLinkSync(`${folder}/fd/${fd}`)), Array(3).fill("/dev/null"));
    assertEquals(Deno.readLinkSync(`${folder}/cwd`), "/");
  } finally {
    Deno.env.delete("PLUGCTL_TEST");
  }
});

Deno.test("Guardian.start() says that a program is not there", () => {
  const error = assertThrows(() => Guardian.start({ command: ["/nonexistent/guardian"] }), NetlinkError);
  assertEquals(error.code, "ENOENT");
});

Deno.test("isEnding() is true of a process that was sent SIGKILL before its status is asked for", async () => {
  const child = new Deno.Command("sleep", { args: ["600"] }).spawn();
  assertEquals([isEnding(child.pid), isEnding(Deno.pid)], [false, false]);
  child.kill("SIGKILL");
  // At one moment of its end nothing tells.
  const deadline = performance.now() + 10_000;
  while (!isEnding(child.pid)) assert(performance.now() < deadline, "it is not seen to end");
  await child.status;
  assertEquals(isEnding(child.pid), true);
});
