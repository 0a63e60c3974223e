/** What a session answers to lines, before any of it reaches a kernel. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Desk } from "../../control/desk.ts";
import { LINE_MAX, readLines } from "../../linux/incoming.ts";
import { OPERATIONS } from "../../control/operations/list.ts";
import { Session } from "../../control/session.ts";

/** Gives a session lines, and what it says to them. */
async function answersTo(...given: unknown[]): Promise<Record<string, unknown>[]> {
  const said: Record<string, unknown>[] = [];
  const desk = new Desk({ maxHoldMs: 1000, onCutShort: () => {} });
  const session = new Session(desk, (line) => said.push(JSON.parse(JSON.stringify(line))));
  for (const line of given) await session.take(typeof line === "string" ? line : JSON.stringify(line));
  await session.close();
  assertEquals(await desk.close(), []);
  return said;
}

/** What is said to be wrong with a request. */
async function mistakeIn(request: unknown): Promise<unknown[]> {
  const [{ id, error }] = await answersTo(request);
  const { code, message, field } = error as Record<string, unknown>;
  return [id, code, message, ...field === undefined ? [] : [field]];
}

const MISTAKES: [request: unknown, ...answer: unknown[]][] = [
  ["{", null, "invalid", /^a line must be JSON: /],
  ["3", null, "invalid", 'a request is an object: {"id":1,"op":"show"}'],
  [[], null, "invalid", "a list has 0 requests, must have from 1 to 1000"],
  [{ op: "show" }, null, "invalid", "a request needs an id, a number or a text, which its answer has too", "id"],
  [{ id: true, op: "show" }, null, "invalid", /needs an id/, "id"],
  [{ id: 1, op: "pause" }, 1, "unknown-operation", /^there is no operation "pause": attach, detach, .*, cancel$/, "op"],
  [{ id: 1, op: "block" }, 1, "invalid", "nothing is named: on is a gate or a device, or a list"],
  [
    { id: 1, op: "release_indefinite", on: [] },
    1,
    "invalid",
    "on of release is empty, must be at least one name",
    "on",
  ],
  [{ id: 1 }, 1, "invalid", /^a request needs an op: attach, detach, .*, cancel$/, "op"],
  [{ id: 1, op: "buffer" }, 1, "invalid", "nothing is named: on is a gate or a device, or a list"],
  [{ id: 1, op: "buffer", on: [] }, 1, "invalid", "on of buffer is empty, must be at least one name", "on"],
  [{ id: 1, op: "buffer", on: 3 }, 1, "invalid", "on of buffer is 3, must be a name, or a list of names", "on"],
  [{ id: 1, op: "buffer", on: "a", maxMs: 0 }, 1, "invalid", "maxMs of buffer is 0, must be more than 0", "maxMs"],
  [
    { id: 1, op: "buffer", on: "a", maxMs: "1s" },
    1,
    "invalid",
    'maxMs of buffer is "1s", must be a number of milliseconds',
    "maxMs",
  ],
  [{ id: 1, op: "buffer", on: "a", maxHold: 3 }, 1, "invalid", "buffer takes no maxHold", "maxHold"],
  [{ id: 1, op: "limit", on: "a" }, 1, "invalid", "limit needs limitBytes", "limitBytes"],
  [
    { id: 1, op: "limit", on: "a", limitBytes: 0 },
    1,
    "invalid",
    /is 0, must be at least 1: with 0 every packet is dropped/,
    "limitBytes",
  ],
  [{ id: 1, op: "limit", on: "a", limitBytes: 1.5 }, 1, "invalid", /is 1.5, must be a whole number/, "limitBytes"],
  [{ id: 1, op: "limit", on: "a", limitBytes: 2 ** 32 }, 1, "invalid", /must be at most 4294967295/, "limitBytes"],
  [{ id: 1, op: "gate-add", dev: "lo" }, 1, "invalid", "gate-add needs direction", "direction"],
  [
    { id: 1, op: "gate-add", dev: "lo", direction: "up" },
    1,
    "invalid",
    'direction of gate-add is "up", must be in, out or both',
    "direction",
  ],
  [{ id: 1, op: "gate-add", dev: "lo", direction: "in", match: "prot 7" }, 1, "invalid", /prot/],
  [{ id: 1, op: "cancel" }, 1, "invalid", "cancel needs request", "request"],
  [{ id: 1, op: "wait", on: "a", until: "backlog" }, 1, "invalid", /invalid condition "backlog": use backlog/, "until"],
  [
    { id: 1, op: "wait", on: "a", until: "queue>=1" },
    1,
    "invalid",
    /invalid condition "queue>=1": use backlog, backlog-bytes, sent/,
    "until",
  ],
];

for (const [request, ...answer] of MISTAKES) {
  Deno.test(`a session says what is wrong with ${JSON.stringify(request)}`, async () => {
    const mistake = await mistakeIn(request);
    const patterns = answer.map((part, index) =>
      part instanceof RegExp && part.test(String(mistake[index])) ? mistake[index] : part
    );
    assertEquals(mistake, patterns);
  });
}

Deno.test("a session refuses a line that is too long, and takes the next", async () => {
  const long = JSON.stringify({ id: 1, op: "x".repeat(LINE_MAX) });
  const [first, second] = await answersTo(long, { id: 2, op: "nosuch" });
  assertEquals((first.error as { message: string }).message, `a line has up to ${LINE_MAX} characters`);
  assertEquals(second.id, 2);
});

Deno.test("a session answers a list in one line, and refuses what holds or waits there", async () => {
  const list = [{ id: 1, op: "nosuch" }, { id: 2, op: "wait", on: "a", until: "backlog>=1" }, 3];
  const said = await answersTo(list);
  assertEquals(said.length, 1);
  const answers = said[0] as unknown as { id: unknown; error: { message: string } }[];
  assertEquals(answers.map(({ id }) => id), [1, 2, null]);
  assertEquals(answers[1].error.message, "what holds or waits stands in a line of its own");
});

Deno.test("a session says that nothing was cancelled where nothing of that name waits, and passes over empty lines", async () => {
  assertEquals(await answersTo("", "  ", { id: "c", op: "cancel", request: 7 }), [{
    id: "c",
    result: { cancelled: false },
  }]);
});

Deno.test("a session greets with its protocol and every operation", () => {
  const said: Record<string, unknown>[] = [];
  const desk = new Desk({ maxHoldMs: 1000, onCutShort: () => {} });
  new Session(desk, (line) => said.push(line as Record<string, unknown>)).greet({ version: "1.2.3" });
  const [{ event, protocol, version, operations }] = said;
  assertEquals([event, protocol, version], ["ready", 1, "1.2.3"]);
  assertEquals(operations, [...OPERATIONS.keys(), "cancel"]);
});

Deno.test("each operation has a summary, and says what it takes", () => {
  for (const [name, { summary, schema }] of OPERATIONS) {
    assertMatch(name, /^[a-z]+(-[a-z]+)?$/);
    assert(summary.length > 20 && summary.length <= 100, `${name}: ${summary}`);
    assertEquals(schema.type, "strict_object", name);
  }
});

Deno.test("readLines() gives whole lines, however they arrive, and of one that never ends the beginning", async () => {
  const bytes = new TextEncoder().encode("één\ntwo\n\nlast");
  const chunks = [bytes.slice(0, 1), bytes.slice(1, 2), bytes.slice(2, 9), bytes.slice(9)];
  assertEquals(await Array.fromAsync(readLines(ReadableStream.from(chunks))), ["één", "two", "", "last"]);
  const part = new Uint8Array(LINE_MAX / 4).fill(97);
  const [endless] = await Array.fromAsync(readLines(ReadableStream.from(Array(40).fill(part))));
  assertEquals(endless.length, LINE_MAX + 1);
});

Deno.test("docs/SESSION.md has every operation, and every word that it takes", () => {
  const text = Deno.readTextFileSync(new URL("../../docs/SESSION.md", import.meta.url));
  const words = new Set(Array.from(text.matchAll(/`([^`\n]+)`/g), ([, word]) => word));
  for (const [name, { schema }] of OPERATIONS) {
    assert(new RegExp(`^\\| \`${name}\` `, "m").test(text), name);
    const { entries } = schema as unknown as { entries: Record<string, unknown> };
    for (const entry of Object.keys(entries)) {
      assert(words.has(entry) || text.includes(`"${entry}"`), `${entry} of ${name}`);
    }
  }
});
