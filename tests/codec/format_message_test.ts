import { assertEquals } from "@std/assert";
// @ts-types="../snapshot.d.ts"
import { assertSnapshot } from "@std/testing/snapshot";
import { decode, decodeAll, formatHex, formatMessage, formatSummary } from "../../codec/family.ts";
import { FAMILY } from "./bytes.ts";
import { REPLIES } from "./captured.ts";

/** What the kernel answered, in one of the cases of the vectors. */
function replyTo(name: string): Uint8Array {
  return REPLIES.find((reply) => reply.name === name)?.replies[0] ?? new Uint8Array(0);
}

const REFUSED = "change on a device without a plug (ext ack)";

Deno.test("formatHex() gives two digits a byte", () => {
  assertEquals(formatHex(Uint8Array.of(0, 10, 255)), "000aff");
  assertEquals(formatHex(new Uint8Array(0)), "");
});

Deno.test("formatMessage() shows a message field by field", async (t) => {
  await assertSnapshot(t, formatMessage(decode(replyTo("ack of a buffer request"))));
});

Deno.test("formatMessage() shows the kernel's sentence and the request that it is about", async (t) => {
  await assertSnapshot(t, formatMessage(decode(replyTo(REFUSED))));
});

Deno.test("formatMessage() shows what is nested, numbers of 64 bits, and bytes without a name", async (t) => {
  const plug = decodeAll(replyTo("dump every qdisc")).find((message) => formatMessage(message).includes('"plug"'));
  await assertSnapshot(t, plug && formatMessage(plug));
});

Deno.test("formatMessage() names a message by its number, when its type has no name", () => {
  const [title] = formatMessage(decode(Uint8Array.fromHex("10000000ff0000000100000000000000"))).split("\n");
  assertEquals(title, "message of type 255, 16 bytes");
});

Deno.test("formatMessage() escapes what a string holds, and says where bytes are none", () => {
  const field = (name: string, value: string | Uint8Array) => ({ name, kernelName: "", offset: 0, length: 0, value });
  const fields = [field("text", "a\n\x1b[31m"), field("bytes", new Uint8Array(0))];
  const header = decode(FAMILY["plug change"]).fields?.slice(0, 4) ?? [];
  const text = formatMessage({ ...field("message", ""), fields: [...header, ...fields] });
  assertEquals(text.split("\n").slice(5), ['0  text         "a\\n\\u001b[31m"', "0  bytes        empty"]);
});

Deno.test("formatSummary() says on one line which queue, which action and which answer", () => {
  const summaries = [
    "plug change",
    "old statistics alone",
    "refusal with all that there is",
    "ack",
    "link",
    "stranger",
  ];
  assertEquals(summaries.map((name) => formatSummary(decode(FAMILY[name]))), [
    'RTM_NEWQDISC REQUEST|ACK sequence 7 ifindex 3 handle 1: parent root KIND "plug" action TCQ_PLUG_RELEASE_ONE limit 4096',
    'RTM_DELQDISC sequence 7 ifindex 3 handle 1: parent root KIND "pfifo_fast" drops 22 qlen 26 backlog 27',
    'NLMSG_ERROR ACK_TLVS sequence 7 error EINVAL ifindex 3 handle 1: parent root KIND "plug" action 9 limit 0 ATTR_MSG "Bad action"',
    "NLMSG_ERROR CAPPED sequence 7 error 0",
    'RTM_NEWLINK MULTI sequence 7 ifindex 3 IFNAME "veth0" INFO_KIND "veth"',
    "message of type 200 MULTI sequence 7",
  ]);
});

Deno.test("formatSummary() says a thing once, when a message says it twice", () => {
  const plug = decodeAll(replyTo("dump every qdisc")).find((message) => formatMessage(message).includes('"plug"'));
  assertEquals(
    plug && formatSummary(plug),
    'RTM_NEWQDISC MULTI sequence 101 ifindex 5 handle 1: parent root KIND "plug" qlen 3 backlog 294 drops 2',
  );
});
