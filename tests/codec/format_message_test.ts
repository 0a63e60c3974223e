import { assertEquals } from "@std/assert";
// @ts-types="../snapshot.d.ts"
import { assertSnapshot } from "@std/testing/snapshot";
import { decode, decodeAll } from "../../codec/mod.ts";
import { hexText, messageText } from "../../cli/message_text.ts";
import { traceMessages } from "../../cli/trace.ts";
import replies from "../codec/vectors/replies.json" with { type: "json" };
import { FakeContext } from "./fake_context.ts";

/** What the kernel answered, in one of the cases of the vectors. */
function replyTo(name: string): Uint8Array {
  return Uint8Array.fromHex(replies.find((reply) => reply.name === name)?.replies[0] ?? "not in the vectors");
}

const REFUSED = "change on a device without a plug (ext ack)";

Deno.test("hexText() gives two digits a byte", () => {
  assertEquals(hexText(Uint8Array.of(0, 10, 255)), "000aff");
  assertEquals(hexText(new Uint8Array(0)), "");
});

Deno.test("messageText() shows a message field by field, and its bytes after it", async (t) => {
  const bytes = replyTo("ack of a buffer request");
  await assertSnapshot(t, messageText(decode(bytes), bytes));
});

Deno.test("messageText() shows the kernel's sentence and the request that it is about", async (t) => {
  await assertSnapshot(t, messageText(decode(replyTo(REFUSED))));
});

Deno.test("messageText() shows what is nested, numbers of 64 bits, and bytes without a name", async (t) => {
  const plug = decodeAll(replyTo("dump every qdisc")).find((message) => messageText(message).includes('"plug"'));
  await assertSnapshot(t, plug && messageText(plug));
});

Deno.test("messageText() names a message by its number, when its type has no name", () => {
  const [title] = messageText(decode(Uint8Array.fromHex("10000000ff0000000100000000000000"))).split("\n");
  assertEquals(title, "message of type 255, 16 bytes");
});

Deno.test("messageText() escapes what a string holds, and says where bytes are none", () => {
  const field = (name: string, value: string | Uint8Array) => ({ name, kernelName: "", offset: 0, length: 0, value });
  const fields = [field("text", "a\n\x1b[31m"), field("bytes", new Uint8Array(0))];
  const text = messageText({ ...field("message", ""), fields });
  assertEquals(text.split("\n").slice(1), ['0  text   "a\\n\\u001b[31m"', "0  bytes  empty"]);
});

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
