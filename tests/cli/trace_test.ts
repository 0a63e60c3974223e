import { assertEquals } from "@std/assert";
// @ts-types="../snapshot.d.ts"
import { assertSnapshot } from "@std/testing/snapshot";
import { traceMessages } from "../../cli/shown_messages.ts";
import { REPLIES } from "../codec/captured.ts";
import { FakeContext } from "./fake_context.ts";

/** What the kernel answered, in one of the cases of the vectors. */
function replyTo(name: string): Uint8Array {
  return REPLIES.find((reply) => reply.name === name)?.replies[0] ?? new Uint8Array(0);
}

Deno.test("traceMessages() shows each message of a datagram, marked with where it goes", async (t) => {
  const context = new FakeContext("show");
  traceMessages(context)(
    "sent",
    Uint8Array.fromHex("1000000003000000010000000000000014000000030000000200000000000000" + "00000000"),
  );
  traceMessages(context)("received", replyTo("ack of a buffer request"));
  await assertSnapshot(t, context.traced);
  assertEquals([context.printed, context.notes], ["", []]);
});

Deno.test("traceMessages() shows in hex what cannot be decoded, and does not throw", () => {
  const context = new FakeContext("show");
  traceMessages(context)("received", Uint8Array.fromHex("0b00000003000000"));
  assertEquals(
    context.traced,
    "< Cannot decode message at offset 0: 8 bytes are left, a header needs 16 (of the message at offset 0)\n" +
      "< 0b00000003000000\n",
  );
});
