import { assertEquals } from "@std/assert";
import { shownLink } from "../../codec/shown_link.ts";
import { attribute, IFINFOMSG, message, text, words } from "./bytes.ts";

Deno.test("shownLink() gives what the table says is shown, in the table's order, as people read it", () => {
  const bytes = message(
    16,
    2,
    IFINFOMSG,
    attribute(13, words(1000)),
    attribute(16, new Uint8Array([6])),
    attribute(3, text("eth0")),
    attribute(27, words(7)),
    attribute(4, words(1500)),
  );
  const shown = [["mtu", 1500], ["txqueuelen", 1000], ["operstate", "UP"], ["group", 7]];
  assertEquals(Object.entries(shownLink(bytes)), shown);
});

Deno.test("shownLink() leaves out what a message does not say", () => {
  assertEquals(shownLink(message(16, 2, IFINFOMSG)), {});
});
