// The rarer messages of rtnetlink: what bridge, dcb and ip 6.1 really send, and what the kernel lays out on its own account.
import { assertEquals } from "@std/assert";
import { decode, encode, type Field } from "../../codec/family.ts";
import { hex, SENT, TOLD, told } from "./rare_messages.ts";
import { readTree } from "./reference_tree.ts";

/** What a message says, behind its header and without padding: `name=meaning`, or `name=value`. */
function said(fields: readonly Field[] = []): string[] {
  return fields.flatMap((field) => {
    if (field.fields) return said(field.fields);
    const value = field.value instanceof Uint8Array ? field.value.toHex() : field.value;
    return field.kernelName === "" && field.name !== "options" ? [] : [`${field.name}=${field.meaning ?? value}`];
  }).filter((each) => !/^(?:__)?\w*(?:pad\d?|reserved\d?)=0$/.test(each));
}

for (const [name, [bytes, type, meant]] of [...Object.entries(SENT), ...Object.entries(TOLD)]) {
  Deno.test(`decode() says what is in ${name}`, () => {
    const message = decode(hex(bytes));
    const [, own, , , , ...fields] = message.fields ?? [];
    assertEquals([own.meaning, said(fields).join(" ")], [type, meant]);
    assertEquals(encode(message).toHex(), bytes);
    assertEquals(plain(message), plain(readTree(hex(bytes))));
  });
}

interface Compared {
  kernelName: string;
  offset: number;
  length: number;
  fields?: readonly Compared[];
}

/** What both decoders say of a field. */
function plain({ kernelName, offset, length, fields }: Compared): Compared {
  return { kernelName, offset, length, fields: fields?.map(plain) };
}

Deno.test("decode() reads a router's options as far as a message has them, and at an odd length", () => {
  for (const length of [0, 3, 7, 200, 0xffff]) {
    const body = hex("0a000000 02000000 86000000 00000000 19010000 00000e10");
    new DataView(body.buffer).setUint16(2, length, true);
    const bytes = hex(told(68, body));
    const outcomes = [decode, readTree].map((read) => {
      try {
        return plain(read(bytes));
      } catch {
        return "refused";
      }
    });
    assertEquals(outcomes[0], outcomes[1], `${length}`);
  }
});
