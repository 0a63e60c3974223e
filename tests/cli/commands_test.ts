import { assertEquals, assertMatch } from "@std/assert";
import { namespaceTest } from "../netlink/own_namespace.ts";
import { plugctlHere } from "./plugctl.ts";

/** Runs the program in a namespace that holds `lo`, and no plug. */
const run = (line: string) => plugctlHere(line.split(" "));

namespaceTest("show prints an empty array and no note, with --json and without a plug", () => {
  for (const line of ["show --json", "show --json --dev lo"]) {
    assertEquals(run(line), { status: 0, stdout: "[]\n", stderr: "" });
  }
});

namespaceTest("show notes that there is no plug, and names the devices that were asked for", () => {
  assertEquals(run("show"), { status: 0, stdout: "", stderr: "plugctl: no plug is attached\n" });
  assertEquals(run("show --dev lo").stderr, "plugctl: no plug is attached to lo\n");
  assertEquals(run("show --quiet").stderr, "");
});

namespaceTest("show traces each message sent and received to standard error, with --verbose", () => {
  const { stdout, stderr } = run("show --verbose --json");
  assertEquals(stdout, "[]\n");
  assertMatch(stderr, /^> RTM_GETQDISC, 36 bytes\n> (.*\n)*< NLMSG_DONE, \d+ bytes\n(< .*\n)*$/);
});

namespaceTest("every command that takes a device refuses one that is not there", () => {
  for (const line of ["show", "attach", "detach", "buffer", "release-one", "release", "limit 1m"]) {
    const { status, stdout, stderr } = run(`${line} --dev nosuch`);
    assertEquals([status, stdout], [1, ""], line);
    assertMatch(stderr, /^plugctl: .*: there is no such device; the devices are: lo\n$/);
  }
});

namespaceTest("every command that changes a plug refuses a device without one, and creates none", () => {
  for (const line of ["buffer", "limit 1m"]) {
    const { status, stdout, stderr } = run(`${line} --dev lo`);
    assertEquals([status, stdout], [1, ""], line);
    assertMatch(stderr, /^plugctl: .*: no plug is attached; attach one with: plugctl attach --dev lo\n$/);
  }
  // A new plug is no help where something is to be let go.
  for (const line of ["release-one", "release", "release-indefinite", "detach", "detach --drop"]) {
    const { status, stdout, stderr } = run(`${line} --dev lo`);
    assertEquals([status, stdout], [1, ""], line);
    assertMatch(stderr, /^plugctl: .*: no plug is attached; list the plugs with: plugctl show\n$/);
  }
  assertEquals(run("show --json").stdout, "[]\n");
});
