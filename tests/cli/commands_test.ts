import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { run as buffer } from "../../cli/commands/buffer.ts";
import { run as detach } from "../../cli/commands/detach.ts";
import { run as show } from "../../cli/commands/show.ts";
import { QueueError } from "../../qdisc/mod.ts";
import { namespaceTest } from "../netlink/own_namespace.ts";
import { FakeContext } from "./fake_context.ts";

/** What `plugctl show` writes with these options. */
function shown(options = "") {
  const context = new FakeContext(`show ${options}`.trim());
  show(context);
  return context;
}

namespaceTest("show prints an empty array and no note, with --json and without a plug", () => {
  for (const options of ["--json", "--json --dev lo"]) {
    const { printed, notes } = shown(options);
    assertEquals([JSON.parse(printed), notes], [[], []]);
  }
});

namespaceTest("show notes that there is no plug, and names the devices that were asked for", () => {
  assertEquals([shown().printed, shown().notes], ["", ["no plug is attached"]]);
  assertEquals(shown("--dev lo").notes, ["no plug is attached to lo"]);
});

namespaceTest("show refuses a device that is not there", () => {
  const error = assertThrows(() => shown("--dev nosuch"), QueueError);
  assertEquals([error.code, error.message], ["no-device", "Cannot find nosuch: there is no such device"]);
});

namespaceTest("show traces each message sent and received, with --verbose", () => {
  assertEquals(shown().traced, "");
  assertMatch(shown("--verbose").traced, /^> RTM_GETQDISC, 36 bytes\n> (.*\n)*< NLMSG_DONE, \d+ bytes\n(< .*\n)*$/);
});

namespaceTest("buffer refuses a device without a plug, and creates none", () => {
  const error = assertThrows(() => buffer(new FakeContext("buffer --dev lo")), QueueError);
  assertEquals([error.code, error.message], ["not-attached", "Cannot buffer lo (root): no plug is attached"]);
  assertEquals(JSON.parse(shown("--json").printed), []);
});

Deno.test("detach refuses a device that is not there", async () => {
  const error = await assertRejects(async () => await detach(new FakeContext("detach --dev nosuch")), QueueError);
  assertEquals(error.code, "no-device");
});
