/** The log of a host: on its disk first, then in the stream, each entry once. */

import { assertEquals, assertThrows } from "@std/assert";
import { type Entry, EventLog, type Stream } from "../../fleet/event_log.ts";
import { until } from "../kernel/until.ts";

/** A stream as JetStream keeps it: it knows copies by their id for as long as it remembers those. */
class FakeStream implements Stream {
  readonly entries: Entry[] = [];
  readonly ids = new Map<string, number>();
  asked = 0;
  /** Answers that are lost from now on, after the entry is taken, and entries that are lost on the way. */
  lostAnswers = 0;
  lostEntries = 0;
  isReadable = true;
  #number = 0;
  readonly #numbers: number[] = [];

  publish: Stream["publish"] = async (_subject, payload, options) => {
    this.asked++;
    await Promise.resolve();
    if (this.lostEntries-- > 0) throw new Error("timeout");
    const { msgID = "", expect } = options ?? {};
    const known = this.ids.get(msgID);
    if (known === undefined) {
      const last = this.#numbers.at(-1) ?? 0;
      if (expect?.lastSubjectSequence !== undefined && expect.lastSubjectSequence !== last) {
        throw Object.assign(new Error(`wrong last sequence: ${last}`), { code: 10071 });
      }
      this.put(JSON.parse(String(payload)), msgID);
    }
    if (this.lostAnswers-- > 0) throw new Error("timeout");
    return { stream: "s", domain: "", seq: known ?? this.#number, duplicate: known !== undefined };
  };

  last() {
    const entry = this.isReadable ? this.entries.at(-1) : undefined;
    return Promise.resolve(entry && { entry, streamSeq: this.#numbers.at(-1) ?? 0 });
  }

  put(entry: Entry, id = crypto.randomUUID() as string): void {
    this.ids.set(id, this.#number += 3);
    this.entries.push(entry);
    this.#numbers.push(this.#number);
  }

  /** The time for which it remembers ids has passed. */
  forget(): void {
    this.ids.clear();
  }

  /** It is another one, without what was there. */
  empty(): void {
    for (const list of [this.entries, this.#numbers]) list.length = 0;
    this.ids.clear();
  }

  get events(): string[] {
    return this.entries.map(({ event }) => event);
  }
}

function folderOf(t: Deno.TestContext): Disposable & { path: string } {
  const path = Deno.makeTempDirSync({ prefix: `plugctl-log-${t.name.length}-` });
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

/** Opens a log, hands over all that it has, and closes it. */
async function shipAll(folder: string, stream: Stream, events: readonly string[] = []): Promise<void> {
  using log = EventLog.open(folder);
  const over = new AbortController();
  for (const event of events) log.append(event, {});
  const shipping = log.ship(stream, "s", over.signal);
  await until(() => log.pending === 0, { timeoutMs: 5000, what: "an empty log" });
  over.abort();
  await shipping;
}

/** Writes entries without handing them over, as where no broker is heard. */
function writeOnly(folder: string, ...events: string[]): void {
  using log = EventLog.open(folder);
  for (const event of events) log.append(event, {});
}

Deno.test("EventLog writes each entry to the disk before it is handed over, in its order and numbered", async (t) => {
  using folder = folderOf(t);
  const stream = new FakeStream();
  await shipAll(folder.path, stream, ["one", "two"]);
  const lines = Deno.readTextFileSync(`${folder.path}/log.jsonl`).trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(lines, stream.entries);
  assertEquals(lines.map(({ seq, event }) => [seq, event]), [[1, "one"], [2, "two"]]);
  assertEquals(Deno.statSync(`${folder.path}/log.jsonl`).mode! & 0o777, 0o600);
  await shipAll(folder.path, stream, ["three"]);
  assertEquals(stream.events, ["one", "two", "three"]);
  assertEquals(stream.entries[2].seq, 1);
  assertEquals(stream.entries[2].log === stream.entries[1].log, false);
});

for (const forgets of [false, true]) {
  const what = forgets ? "has forgotten the ids by then" : "knows the ids";
  Deno.test(`EventLog hands over once what the stream has taken though the answer was lost, where that ${what}`, async (t) => {
    using folder = folderOf(t);
    const stream = new FakeStream();
    await shipAll(folder.path, stream, ["zero"]);
    using log = EventLog.open(folder.path);
    const over = new AbortController();
    stream.lostAnswers = 1;
    log.append("one", {});
    log.append("two", {});
    const shipping = log.ship(stream, "s", over.signal);
    await until(() => stream.entries.length === 2, { timeoutMs: 5000 });
    if (forgets) stream.forget();
    await until(() => log.pending === 0, { timeoutMs: 5000 });
    assertEquals(stream.events, ["zero", "one", "two"]);
    over.abort();
    await shipping;
  });
}

Deno.test("EventLog hands over the first entry of all once, where its answer was lost and the stream has forgotten", async (t) => {
  using folder = folderOf(t);
  const stream = new FakeStream();
  writeOnly(folder.path, "one", "two");
  const [first] = Deno.readTextFileSync(`${folder.path}/log.jsonl`).split("\n");
  stream.put(JSON.parse(first));
  await shipAll(folder.path, stream, ["three"]);
  assertEquals(stream.events, ["one", "two", "three"]);
});

Deno.test("EventLog loses nothing where another agent has written meanwhile, and nothing of its own was sent", async (t) => {
  using folder = folderOf(t);
  const stream = new FakeStream();
  await shipAll(folder.path, stream, ["one"]);
  writeOnly(folder.path, "two", "three");
  stream.put({ log: "another", seq: 1, time: "", event: "other" });
  stream.put({ log: "another", seq: 2, time: "", event: "other" });
  stream.forget();
  await shipAll(folder.path, stream, ["four"]);
  assertEquals(stream.events, ["one", "other", "other", "two", "three", "four"]);
});

Deno.test("EventLog goes on in a stream that was made anew", async (t) => {
  using folder = folderOf(t);
  const stream = new FakeStream();
  await shipAll(folder.path, stream, ["one", "two"]);
  writeOnly(folder.path, "three");
  stream.empty();
  await shipAll(folder.path, stream, ["four"]);
  assertEquals(stream.events, ["three", "four"]);
});

Deno.test("EventLog goes on where it may not read the stream", async (t) => {
  using folder = folderOf(t);
  const stream = new FakeStream();
  stream.isReadable = false;
  await shipAll(folder.path, stream, ["one"]);
  writeOnly(folder.path, "two");
  stream.put({ log: "another", seq: 1, time: "", event: "other" });
  await shipAll(folder.path, stream, []);
  assertEquals(stream.events, ["one", "other", "two"]);
});

Deno.test("EventLog skips a line that a crash has cut off, and goes on in a line of its own", async (t) => {
  using folder = folderOf(t);
  const file = `${folder.path}/log.jsonl`;
  for (const rest of ['{"log":"x","se', "\0\0\0\0", "null", '"text"']) {
    writeOnly(folder.path, "before");
    Deno.writeTextFileSync(file, rest, { append: true });
    writeOnly(folder.path, "after");
  }
  // A whole entry of which only the end of the line is missing.
  Deno.writeTextFileSync(file, Deno.readTextFileSync(file).trimEnd());
  const stream = new FakeStream();
  await shipAll(folder.path, stream, ["last"]);
  assertEquals(stream.events, [...Array(4).fill(["before", "after"]).flat(), "last"]);
  await shipAll(folder.path, stream, ["again"]);
  assertEquals(stream.events.slice(8), ["last", "again"]);
});

Deno.test("EventLog gives no number again that a power failure has taken from the disk", async (t) => {
  using folder = folderOf(t);
  const file = `${folder.path}/log.jsonl`;
  const stream = new FakeStream();
  await shipAll(folder.path, stream, ["one", "two", "three"]);
  const [first] = Deno.readTextFileSync(file).split("\n");
  for (const shipped of [JSON.parse(first), undefined]) {
    Deno.writeTextFileSync(file, `${first}\n`);
    // The second time it is lost how far that was handed over, as well.
    Deno.writeTextFileSync(`${folder.path}/shipped.json`, shipped ? JSON.stringify({ ...shipped, streamSeq: 3 }) : "");
    await shipAll(folder.path, stream, ["after"]);
  }
  assertEquals(stream.events, ["one", "two", "three", "after", "after"]);
  assertEquals(new Set(stream.entries.map(({ log, seq }) => `${log} ${seq}`)).size, 5);
});

Deno.test("EventLog finds its place where it is lost how far it was handed over, and the stream has forgotten", async (t) => {
  using folder = folderOf(t);
  const stream = new FakeStream();
  await shipAll(folder.path, stream, ["one", "two", "three"]);
  stream.forget();
  Deno.removeSync(`${folder.path}/shipped.json`);
  await shipAll(folder.path, stream, ["four"]);
  assertEquals(stream.events, ["one", "two", "three", "four"]);
});

Deno.test("EventLog.open() refuses a folder that another has open", (t) => {
  using folder = folderOf(t);
  using _log = EventLog.open(folder.path);
  assertThrows(() => EventLog.open(folder.path), Error, `Cannot use ${folder.path}: another agent has it open`);
});

Deno.test("EventLog keeps what cannot be written, says so, and writes it when it can", async (t) => {
  using folder = folderOf(t);
  const file = `${folder.path}/log.jsonl`;
  const stream = new FakeStream();
  using log = EventLog.open(folder.path);
  const over = new AbortController();
  Deno.mkdirSync(file);
  log.append("one", {});
  assertThrows(() => log.check(), Error, "the log of this host cannot be written: ");
  const shipping = log.ship(stream, "s", over.signal);
  await new Promise((resolve) => setTimeout(resolve, 20));
  // On the host first.
  assertEquals([stream.events, log.pending], [[], 1]);
  Deno.removeSync(file);
  log.check();
  log.append("two", {});
  await until(() => log.pending === 0, { timeoutMs: 5000 });
  assertEquals(stream.events, ["one", "two"]);
  assertEquals(Deno.readTextFileSync(file).trimEnd().split("\n").length, 2);
  over.abort();
  await shipping;
});

Deno.test("EventLog puts a long file aside when all of it is handed over, and no hold goes on", async (t) => {
  using folder = folderOf(t);
  const stream = new FakeStream();
  using log = EventLog.open(folder.path);
  const over = new AbortController();
  const long = "x".repeat(9 << 20);
  log.append("armed", { hold: { id: "h", names: ["d0"] } });
  log.append("long", { long });
  const shipping = log.ship(stream, "s", over.signal);
  await until(() => log.pending === 0, { timeoutMs: 5000 });
  assertEquals(stream.events, ["armed", "long"]);
  log.append("ended", { hold: { id: "h" } });
  await until(() => stream.entries.length === 4, { timeoutMs: 5000 });
  assertEquals(stream.events, ["armed", "long", "ended", "log-continues"]);
  assertEquals(Deno.readTextFileSync(`${folder.path}/log.jsonl`).split("\n").length, 2);
  over.abort();
  await shipping;
});

Deno.test("EventLog.unended has the holds of which no end was written", (t) => {
  using folder = folderOf(t);
  {
    using log = EventLog.open(folder.path);
    for (const id of ["a", "b"]) log.append("armed", { hold: { id, names: ["d0"] } });
    log.append("holding", { hold: { id: "a", names: ["d0"] } });
    log.append("ended", { hold: { id: "b", names: ["d0"] } });
  }
  using log = EventLog.open(folder.path);
  assertEquals(log.unended.map(({ event, hold }) => [event, (hold as { id: string }).id]), [["holding", "a"]]);
});

Deno.test("EventLog.whenShipped() resolves when all is handed over, or the time is up", async (t) => {
  using folder = folderOf(t);
  const stream = new FakeStream();
  using log = EventLog.open(folder.path);
  const over = new AbortController();
  stream.lostEntries = 1;
  log.append("one", {});
  const shipping = log.ship(stream, "s", over.signal);
  await log.whenShipped(AbortSignal.timeout(50));
  assertEquals(log.pending, 1);
  await log.whenShipped(AbortSignal.timeout(5000));
  assertEquals(stream.events, ["one"]);
  over.abort();
  await shipping;
});
