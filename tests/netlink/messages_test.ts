// The answers that the other tests are built of have the layout of real ones.
import { assertEquals } from "@std/assert";
import { attribute, cString, message, refusal } from "./messages.ts";

Deno.test("attribute() pads with zeros, and counts neither them nor less than its header", () => {
  assertEquals(attribute(1, cString("plug")).toHex(), "09000100706c756700000000");
  assertEquals(attribute(3, new Uint8Array(0)).toHex(), "04000300");
  assertEquals(attribute(3, new Uint8Array(4)).toHex(), "0800030000000000");
});

Deno.test("message() writes the header of struct nlmsghdr", () => {
  const sent = message({ type: 2, flags: 0x100, sequence: 0x66 }, new Uint8Array(20));
  assertEquals(sent.toHex(), `24000000020000016600000000000000${"00".repeat(20)}`);
});

Deno.test("refusal() is the kernel's own bytes but for what it echoes", () => {
  assertEquals(
    refusal(0x66, 17, { sentence: "no" }).toHex(),
    `2c000000020000036600000000000000efffffff${"00".repeat(16)}070001006e6f0000`,
  );
});
