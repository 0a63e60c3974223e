// What is printed of a capture is written straight from its bytes: it must be what the tree of each message says.
import { assertEquals } from "@std/assert";
import { DatagramWalker, decodeDatagram } from "../../codec/capture.ts";
import { formatMessage, formatSummary, readCapture } from "../../codec/family.ts";
import { MessageText } from "../../codec/message_text.ts";
import { FAMILY } from "./bytes.ts";
import { CAPTURED } from "./captured.ts";
import { attributeOffsets, mutate } from "./mutate.ts";
import { Random } from "./random.ts";

const MESSAGES = [...CAPTURED, ...Object.values(FAMILY)];
const walker = new DatagramWalker();
const text = new MessageText();

/** What `add` adds to the text. */
function written(add: () => void): string {
  add();
  const added = text.toString();
  text.take();
  return added;
}

/** The texts of each message of a datagram, written from its bytes. */
function fromBytes(datagram: Uint8Array): string[] {
  const { rows } = walker;
  const texts: string[] = [];
  walker.begin(datagram);
  while (walker.next()) {
    if (rows.count === 0) texts.push("");
    else {
      const padded = written(() => text.fields(rows, { padding: true }));
      texts.push([written(() => text.fields(rows)), padded, written(() => text.summary(rows))].join("\n"));
    }
  }
  return texts;
}

/** The same, of the tree of each. */
function fromTrees(datagram: Uint8Array): string[] {
  return Array.from(decodeDatagram(datagram), ({ message }) => {
    if (!message) return "";
    return [formatMessage(message), formatMessage(message, { padding: true }), formatSummary(message)].join("\n");
  });
}

Deno.test("MessageText writes of every message what formatMessage() and formatSummary() say of its tree", () => {
  for (const bytes of MESSAGES) assertEquals(fromBytes(bytes), fromTrees(bytes), bytes.toHex());
});

Deno.test("MessageText writes what the tree says of every truncation, up to the fault", () => {
  for (const bytes of MESSAGES) {
    for (let length = 0; length < Math.min(bytes.length, 400); length++) {
      const cut = bytes.subarray(0, length);
      assertEquals(fromBytes(cut), fromTrees(cut), cut.toHex());
    }
  }
});

Deno.test("MessageText writes what the tree says of a capture of a real kernel", async () => {
  const capture = await Deno.readFile(new URL("vectors/plug_and_gate.pcap", import.meta.url));
  for (const { bytes } of readCapture(capture)) assertEquals(fromBytes(bytes), fromTrees(bytes), bytes.toHex());
});

Deno.test("MessageText writes what the tree says of 20,000 mutants", () => {
  const [seed] = crypto.getRandomValues(new Uint32Array(1));
  const random = new Random(seed);
  const bases = MESSAGES.map((bytes) => ({ bytes, attributes: attributeOffsets(bytes) }));
  for (let index = 0; index < 20_000; index++) {
    const bytes = mutate(random.pick(bases), random);
    assertEquals(fromBytes(bytes), fromTrees(bytes), `seed ${seed}: ${bytes.toHex()}`);
  }
});
