import { assertEquals, assertMatch } from "@std/assert";
import { TC_H_ROOT } from "../../../codec/handle.ts";
import { type Deed, describeDeed, scenarioOf } from "../../../cli/watch/recorded.ts";
import type { QueueFacts } from "../../../cli/watch/watched_queue.ts";
import { Scenario } from "../../../scenario/scenario.ts";

const FROM = Date.UTC(2026, 10, 26, 12, 0, 0);
const STATS = { packets: 0, bytes: 0, drops: 0, overlimits: 0, requeues: 0, backlogPackets: 0, backlogBytes: 0 };

function plug(dev: string, { ifindex = 2, parent = TC_H_ROOT } = {}): QueueFacts {
  return { dev, place: { ifindex, parent, handle: 0x8001_0000 }, stats: STATS };
}

function gate(name: string, ifindex = 9): QueueFacts {
  const listed = {
    name,
    ifindex,
    direction: "both" as const,
    devs: ["eth0", "eth1"],
    match: ["port 80 or host 10.0.0.9", "udp"],
    except: ["port 22"],
    limitBytes: 1000,
    priority: 7,
    faults: [],
    bypassed: [],
    before: [],
    hitPackets: 0,
    hitBytes: 0,
    exceptedPackets: 0,
  };
  return { ...plug(`plug-${name}`, { ifindex }), gate: listed };
}

function deed(what: Deed["what"], atMs: number, facts: QueueFacts, more: Partial<Deed> = {}): Deed {
  return { what, atMs: FROM + atMs, facts, waiting: 0, seen: [], sent: 0, ...more };
}

/** The steps of what was recorded, which must be a scenario. */
async function stepsOf(...deeds: Deed[]): Promise<string[]> {
  const text = scenarioOf(deeds, { fromMs: FROM });
  await Scenario.parse(text);
  return text.slice(text.indexOf("steps:\n") + 7).trimEnd().split("\n").map((line) =>
    line.replace(/ # at.*/, "").trim()
  );
}

Deno.test("scenarioOf() defines what was there, attaches what came, and waits for as many packets as waited", async () => {
  const [web, up] = [gate("web"), plug("eth0.1")];
  const text = scenarioOf([
    deed("there", 0, web),
    deed("attach", 900, up),
    deed("buffer", 1000, web, { port: 5, by: "process 5 (plugctl)" }),
    deed("release", 3500, web, { waiting: 2, seen: ["10.0.0.1:1 > 10.0.0.2:80  TCP SYN", "b"] }),
    deed("detach", 4000, up),
  ], { fromMs: FROM });
  await Scenario.parse(text);
  assertEquals(text.split("\n").slice(1), [
    "name: recorded 2026-11-26 12:00 UTC",
    "timeout: 1h",
    "max-hold: 60s",
    "defaults: { timeout: 10m } # for which each step waits for packets",
    "gates:",
    '  web: { dev: ["eth0", "eth1"], direction: both, match: ["port 80 or host 10.0.0.9", "udp"], except: "port 22", ' +
    "limit: 1000, priority: 7 }",
    "steps:",
    '  - attach: { plug: eth0_1, dev: "eth0.1" } # at 0.900 s',
    "  - buffer: web # at 1.000 s, by process 5 (plugctl)",
    '  - wait: { gate: web, backlog: ">=2" }',
    "    #   10.0.0.1:1 > 10.0.0.2:80  TCP SYN",
    "    #   b",
    "  - release: web # at 3.500 s",
    "  - detach: eth0_1 # at 4.000 s",
    "",
  ]);
});

Deno.test("scenarioOf() takes the parts of a release by number together, and sums those that are done in turns", async () => {
  const web = gate("web");
  const turn = (atMs: number, sent: number, port = 7) => [
    deed("limit", atMs, web, { port, sent, waiting: 9 - sent, limitBytes: 5000 }),
    deed("buffer", atMs, web, { port, sent, waiting: 9 - sent, limitBytes: 5000 }),
    deed("buffer", atMs + 1, web, { port, sent, waiting: 9 - sent, limitBytes: 5000 }),
    deed("release-one", atMs + 1, web, { port, sent, sentAfter: sent + 2, waiting: 9 - sent }),
  ];
  assertEquals(
    await stepsOf(
      deed("there", 0, web),
      deed("buffer", 100, web, { port: 6 }),
      ...turn(1000, 0),
      ...turn(1020, 2),
      ...turn(9000, 4, 8),
      deed("release", 9900, web, { waiting: 3 }),
    ),
    [
      "- buffer: web",
      '- wait: { gate: web, backlog: ">=9" }',
      "- release: { gate: web, packets: 4 }",
      '- wait: { gate: web, backlog: ">=5" }',
      "- release: { gate: web, packets: 2 }",
      '- wait: { gate: web, backlog: ">=3" }',
      "- release: web",
    ],
  );
});

Deno.test("scenarioOf() keeps epochs of several commands, and the order of what one moved at once", async () => {
  const [one, two] = [plug("eth0"), plug("eth1", { ifindex: 3 })];
  assertEquals(
    await stepsOf(
      deed("attach", 0, one),
      deed("attach", 0, two),
      deed("buffer", 100, one, { port: 4 }),
      deed("buffer", 100, two, { port: 4 }),
      deed("buffer", 1000, one, { port: 5, waiting: 1 }),
      deed("release-one", 2000, one, { port: 6, waiting: 3 }),
      deed("limit", 2500, one, { port: 7, limitBytes: 64_000, waiting: 2 }),
      deed("release", 3000, one, { port: 8, waiting: 2 }),
      deed("release", 3001, two, { port: 8 }),
    ),
    [
      '- attach: { plug: eth0, dev: "eth0" }',
      '- attach: { plug: eth1, dev: "eth1" }',
      "- buffer: [eth0, eth1]",
      '- wait: { plug: eth0, backlog: ">=1" }',
      "- buffer: eth0",
      '- wait: { plug: eth0, backlog: ">=3" }',
      "- release-one: eth0",
      '- wait: { plug: eth0, backlog: ">=2" }',
      "- limit: { plug: eth0, size: 64000 }",
      '- wait: { plug: eth0, backlog: ">=2" }',
      "- release: [eth0, eth1]",
    ],
  );
});

Deno.test("scenarioOf() waits for a time where no packet had come, and leaves out what does nothing", async () => {
  const web = gate("web");
  assertEquals(
    await stepsOf(
      deed("attach", 0, web),
      deed("release", 50, web),
      deed("buffer", 1000, web),
      deed("release", 1500, web),
      deed("release", 1600, web),
      deed("unknown", 1700, web, { by: "process 3 (tc)" }),
      deed("detach", 1900, web),
    ),
    [
      '- attach: { gate: web, dev: ["eth0", "eth1"], direction: both, match: ["port 80 or host 10.0.0.9", "udp"], ' +
      'except: "port 22", limit: 1000, priority: 7 }',
      "- buffer: web",
      "- sleep: 500ms",
      "- release: web",
      "# web was changed by another program; what it asked is not known at 1.700 s, by process 3 (tc)",
      "- detach: web",
    ],
  );
});

Deno.test("scenarioOf() says which of the packets a gate gets, and whether neighbour discovery is among them", async () => {
  const gateAs = (more: Partial<NonNullable<QueueFacts["gate"]>>): QueueFacts => {
    const { gate: listed, ...facts } = gate("web");
    return {
      ...facts,
      gate: { ...listed!, devs: ["lo"], except: [], limitBytes: undefined, priority: undefined, ...more },
    };
  };
  for (
    const [more, written] of [
      [{ match: ["tcp"], every: 10 }, 'match: "tcp", every: 10'],
      [{ match: ["tcp"], probability: 0.05 }, 'match: "tcp", probability: 0.05'],
      [{ match: [] }, "with-arp: true"],
      [{ match: [], except: ["arp", "nd"] }, 'except: ["arp", "nd"]'],
    ] as const
  ) {
    const [attach] = await stepsOf(deed("attach", 0, gateAs(more)));
    assertEquals(attach, `- attach: { gate: web, dev: "lo", direction: both, ${written} }`);
  }
});

Deno.test("scenarioOf() has what held before it began hold first, in its namespace, and for as long as it held", async () => {
  const up = plug("eth0", { parent: 0x0001_0004 });
  const text = scenarioOf([
    deed("there", 0, up, { waiting: 4 }),
    deed("release", 100_000, up, { waiting: 5 }),
  ], { fromMs: FROM, netns: "a b" });
  await Scenario.parse(text);
  assertMatch(text, /^max-hold: 300s$/m);
  assertMatch(
    text,
    /^hosts: \{ there: \{ netns: "a b" \} \}\nplugs:\n {2}eth0_1_4: \{ host: there, dev: "eth0", parent: "1:4", handle: "8001:" \}$/m,
  );
  assertMatch(
    text,
    /^steps:\n {2}- buffer: eth0_1_4 # at 0\.000 s\n {2}- wait: \{ plug: eth0_1_4, backlog: ">=5" \}\n/m,
  );
});

Deno.test("scenarioOf() keeps what one process does at once apart: BUFFERs, a RELEASE_ONE behind them, discards", async () => {
  const web = gate("web");
  const at = (what: Deed["what"], atMs: number) => deed(what, atMs, web, { port: 7, limitBytes: 0, waiting: 4 });
  assertEquals(
    await stepsOf(
      deed("there", 0, web),
      at("buffer", 1000),
      at("buffer", 1001),
      at("release-one", 1002),
      at("discard", 1003),
      at("discard", 1004),
    ).then((lines) => lines.filter((line) => !line.startsWith("- wait"))),
    ["buffer", "buffer", "buffer", "release-one", "discard", "discard"].map((step) => `- ${step}: web`),
  );
});

Deno.test("scenarioOf() waits for packets only where they are held by then, those too that waited before it began", async () => {
  const web = gate("web");
  const [wait, ...steps] = ['- wait: { gate: web, backlog: ">=2" }', "- buffer: web", "- release: web"];
  const [buffer, release] = steps;
  assertEquals(
    await stepsOf(
      deed("there", 0, web),
      deed("buffer", 100, web, { waiting: 2 }),
      deed("release", 200, web, { waiting: 2 }),
      // What came right behind it was seen with it.
      deed("buffer", 300, web, { waiting: 2, seen: ["a", "b"] }),
      deed("release", 400, web, { waiting: 2 }),
    ),
    [buffer, wait, buffer, wait, release, buffer, wait, release],
  );
});

Deno.test("describeDeed() says what was done, and by whom", () => {
  assertEquals(
    describeDeed(deed("release-packets", 0, gate("web"), { packets: 1, waiting: 2, by: "process 5 (deno)" })),
    "web: release 1 packet, 2 packets waiting, by process 5 (deno)",
  );
  assertEquals(describeDeed(deed("unknown", 0, plug("eth0"))), "eth0: changed by another program");
});
