import { assert, assertEquals, assertMatch } from "@std/assert";
// @ts-types="../../snapshot.d.ts"
import { assertSnapshot } from "@std/testing/snapshot";
import { drawScreen, type ScreenContent, type ShownPacket } from "../../../cli/watch/screen.ts";
import { widthOf } from "../../../cli/watch/text.ts";
import { WatchedQueue } from "../../../cli/watch/watched_queue.ts";
import { facts } from "./made_queues.ts";

const NOW = 100_000;
const WIDTHS = [60, 80, 200];
const SIZES = WIDTHS.flatMap((columns) => [5, 10, 24, 60].map((rows) => ({ columns, rows })));
/** The time of the day, which is in the zone of the machine. */
const CLOCK = /\d\d:\d\d:\d\d$/;

/** A queue with a past: what waited at each of the last seconds. */
function queue(name: string, backlogs: readonly number[], options: Parameters<typeof facts>[1] = {}): WatchedQueue {
  const at = (backlogPackets: number) =>
    facts(name, { ...options, stats: { backlogPackets, backlogBytes: backlogPackets * 1514, ...options.stats } });
  const queue = new WatchedQueue(at(backlogs[0]), NOW - backlogs.length * 1000);
  backlogs.forEach((backlog, index) => queue.look(at(backlog), NOW - (backlogs.length - index - 1) * 1000));
  return queue;
}

function packet(number: number, more: Partial<ShownPacket> = {}): ShownPacket {
  const addresses = { from: "10.0.0.1:41234", to: "10.0.0.2:8000" };
  return { number: String(number), waitMs: 4321 - number, hasLeft: false, ...addresses, what: "SYN", ...more };
}

function content(more: Partial<ScreenContent> = {}): ScreenContent {
  const web = queue("web", [0, 0, 1, 2, 2, 5, 12, 12], { stats: { packets: 1234, drops: 0 } });
  web.state = "holds";
  web.deadlineMs = NOW + 22_000;
  const dns = queue("dns", [0, 0, 0, 0], {
    gate: { match: ["udp src port 53", "tcp src port 53"], direction: "ingress" },
    stats: { drops: 3 },
  });
  dns.state = "passes";
  const packets = [
    packet(1, {
      number: "1–9",
      count: 9,
      isLonger: true,
      from: "",
      to: "",
      what: "9 packets, not seen as they came in",
    }),
    packet(10, {}),
    packet(2, { what: "DATA 517 HTTP GET /a/rather/long/path/to/what/somebody/wants?and=more" }),
    packet(3, { from: "[fd00::1]:41234", to: "[fd00::2]:8000", what: "FIN+ACK" }),
    packet(7, { hasLeft: true, waitMs: 0.4 }),
    packet(6, { hasLeft: true, number: undefined, waitMs: undefined, what: "UDP 48" }),
  ];
  return {
    queues: [dns, web, queue("eth1", [0, 0], { isPlug: true })],
    selected: web,
    packets: { packets, waiting: 12, remarks: ["2 came in that could not be copied"] },
    isHelp: false,
    nowMs: NOW,
    where: "",
    ...more,
  };
}

/** The screen without colours, and without the time. */
function plain(shown: ScreenContent, size: { columns: number; rows: number }): string {
  const [title, ...rest] = drawScreen(shown, { ...size, hasColours: false });
  return [title.replace(CLOCK, "hh:mm:ss"), ...rest].map((line) => `${line.trimEnd()}\n`).join("");
}

for (const columns of WIDTHS) {
  Deno.test(`drawScreen() shows queues and packets in ${columns} columns`, async (t) => {
    await assertSnapshot(
      t,
      plain(content({ message: { text: "web holds for at most 30 s", isBad: false } }), { columns, rows: 24 }),
    );
  });
  Deno.test(`drawScreen() says in ${columns} columns what to do where there is nothing, and which keys there are`, async (t) => {
    const nothing = { queues: [], selected: undefined, packets: undefined, where: " --netns b" };
    await assertSnapshot(t, plain(content(nothing), { columns, rows: 12 }));
    await assertSnapshot(t, plain(content({ isHelp: true }), { columns, rows: 24 }));
  });
}

/** What colours a text. */
const COLOUR = new RegExp("\x1b\\[\\d+m", "g");

Deno.test("drawScreen() fills the screen and no more, whatever its size and whatever it shows", () => {
  const many = Array.from({ length: 300 }, (_, index) => queue(`g${index}`, [index, index]));
  const long = queue("漢字漢字", [3, 3], {
    gate: { match: ["tcp dst port 80 and host example.org"], faults: ["no plug"] },
  });
  const packets = Array.from({ length: 200 }, (_, index) => packet(index + 1));
  const shown = [
    content(),
    content({ queues: many, selected: many[150], packets: { packets, waiting: 123_456, remarks: [] } }),
    content({ queues: [long], selected: long, message: { text: "x".repeat(300), isBad: true } }),
    content({ isHelp: true }),
    content({ queues: [], selected: undefined, packets: undefined }),
  ];
  for (const one of shown) {
    for (const size of SIZES) {
      const lines = drawScreen(one, { ...size, hasColours: true }).map((line) => line.replaceAll(COLOUR, ""));
      assert(lines.length <= size.rows, `${lines.length} lines of ${size.rows}`);
      for (const line of lines) assert(widthOf(line) <= size.columns, `${size.columns}: ${line}`);
    }
  }
});

Deno.test("drawScreen() shows the queue that is selected, however many there are, and says which of them are shown", () => {
  const many = Array.from({ length: 300 }, (_, index) => queue(`g${index}`, [0]));
  for (const at of [0, 7, 150, 299]) {
    const text = plain(content({ queues: many, selected: many[at], packets: undefined }), { columns: 80, rows: 24 });
    assertMatch(text, new RegExp(`^> g${at} `, "m"));
    assertMatch(text, /\d+ to \d+ of 300/);
  }
});

Deno.test("drawScreen() asks in the place of the message", () => {
  const asking = content({ prompt: "release how many packets of web? 12", message: { text: "done", isBad: false } });
  const lines = drawScreen(asking, { columns: 80, rows: 24, hasColours: false });
  assertEquals(lines.at(-2), "release how many packets of web? 12_");
});

Deno.test("drawScreen() says how many more wait than there is room for", () => {
  const packets = Array.from({ length: 200 }, (_, index) => packet(index + 1));
  const text = plain(content({ packets: { packets, waiting: 1234, remarks: [] } }), { columns: 80, rows: 24 });
  const shown = text.match(/ SYN$/gm)?.length ?? 0;
  assert(shown > 5);
  assertMatch(text, new RegExp(`and ${(1234 - shown).toLocaleString("en")} more$`, "m"));
});

Deno.test("drawScreen() has colours only where they are wanted", () => {
  assert(drawScreen(content(), { columns: 80, rows: 24, hasColours: true }).join("").includes("\x1b["));
  const lines = drawScreen(content(), { columns: 80, rows: 24, hasColours: false });
  assertEquals(lines.filter((line) => line.includes("\x1b")), []);
});

Deno.test("a message that is longer than the screen is wide is told to its end, in several lines", () => {
  const text =
    "cannot release 3 packets of eth1 (root): packets are counted by useless ones behind them, which would " +
    "leave by the device; a gate discards them";
  const size = { columns: 80, rows: 24, hasColours: false };
  const lines = drawScreen(content({ message: { text, isBad: true } }), size);
  assertEquals(lines.length, 24);
  assert(lines.every((line) => widthOf(line) <= 80));
  assertEquals(lines.slice(21, 23).join(" "), text);
  // Of one without an end the keys and the table stay
  const long = drawScreen(content({ message: { text: `${text} `.repeat(20), isBad: true } }), size);
  assertEquals([long.length, long[22].at(-1)], [24, "…"]);
  assert(long.some((line) => line.startsWith("> web ")));
});

Deno.test("the table says of the oldest packet of the selected gate what the list of its packets says", () => {
  const lines = (more: Partial<ShownPacket>) =>
    drawScreen(content({ packets: { packets: [packet(1, more)], waiting: 12, remarks: [] } }), {
      columns: 80,
      rows: 24,
      hasColours: false,
    }).filter((line) => /^> web |^ +1 /.test(line));
  for (const [more, age] of [[{ waitMs: 7100 }, "7.1 s"], [{ waitMs: 7100, isLonger: true }, ">7.1 s"]] as const) {
    const [row, shown] = lines(more);
    assertMatch(row, new RegExp(` ${age} `));
    assertMatch(shown, new RegExp(` ${age} `));
  }
  // It was seen to wait before the gate was selected
  assertMatch(lines({ waitMs: 300, isLonger: true })[0], / 5\.0 s /);
});
