import { assertEquals } from "@std/assert";
import { EACCES, EEXIST, EINVAL, ENODEV, ENOENT, EPERM, type NetlinkError } from "../../linux/netlink_error.ts";
import { refusalError } from "../../plug/queue_error.ts";

const ENOMEM = 12;

/** What the kernel says, and what it means. */
const MEANINGS: [errno: number, sentence: string, code: string][] = [
  [EPERM, "", "no-permission"],
  [EACCES, "", "no-permission"],
  [ENODEV, "", "no-device"],
  [ENOENT, "Specified qdisc kind is unknown", "no-module"],
  [ENOENT, "Failed to find specified qdisc", "no-parent"],
  [ENOENT, "Specified class not found", "no-parent"],
  [ENOENT, "Qdisc not found. To create specify NLM_F_CREATE flag", "not-attached"],
  [ENOENT, "Specified qdisc not found", "not-attached"],
  [ENOENT, "Cannot delete qdisc with handle of zero", "not-attached"],
  [EINVAL, "Invalid handle", "not-attached"],
  [EINVAL, "Invalid qdisc name", "foreign-qdisc"],
  [EINVAL, "Invalid qdisc name: must match existing qdisc", "foreign-qdisc"],
  [EEXIST, "NLM_F_REPLACE needed to override", "foreign-qdisc"],
  [EINVAL, "", "refused"],
  [ENOMEM, "", "refused"],
];

for (const [errno, sentence, code] of MEANINGS) {
  Deno.test(`refusalError() means ${code}, when the kernel answers ${errno} ${JSON.stringify(sentence)}`, () => {
    assertEquals(refusalError("buffer eth0 (root)", { errno, sentence }).code, code);
  });
}

Deno.test("refusalError() keeps the operation, and the kernel's answer as cause", () => {
  const error = refusalError("buffer eth0 (root)", { errno: ENOMEM, sentence: "No room" });
  assertEquals(error.message, "Cannot buffer eth0 (root): No room (ENOMEM)");
  assertEquals([error.name, error.operation, error.reason], ["QueueError", "buffer eth0 (root)", "No room (ENOMEM)"]);
  const cause = error.cause as NetlinkError;
  assertEquals([cause.name, cause.errno, cause.sentence], ["NetlinkError", ENOMEM, "No room"]);
});
