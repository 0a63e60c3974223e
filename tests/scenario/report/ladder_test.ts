import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { ladderSvg } from "../../../docs/ladder_svg.ts";
import type { ScenarioEvent } from "../../../scenario/event.ts";
import { formatReport } from "../../../scenario/report/report.ts";
import { ladderHtml, makeLadder, pairPackets } from "../../../scenario/report/ladder.ts";
import { readRunLog } from "../../../scenario/report/run_log.ts";
import { formatPacketFile } from "../../../scenario/report/packet_file.ts";
import { isThere } from "../../runtimes/availability.ts";
import { packetsOfFile, packetsOfLadder } from "./ladder_file.ts";
import { MADE_LOG, openedMachine, PACKETS, unixNsAt } from "./made_log.ts";

const [START, ...REST] = MADE_LOG;
const log = (packets: readonly ScenarioEvent[]) => readRunLog([START, ...packets, ...REST]);

Deno.test("pairPackets() has each packet once, with when it came in and left, in the order in which they came", () => {
  const packets = pairPackets(log(PACKETS).packets);
  assertEquals(packets.map(({ queue, number, in: from, out, what }) => [queue, number, from, out, what]), [
    ["web", 1, 120_000, 300_900, "SYN"],
    ["web", 2, 121_000, 300_950, "DATA 77 HTTP GET /<b>"],
    ["out", 0, 500_000, 500_000, "UDP 48"],
    ["web", 3, 600_000, undefined, "FIN+ACK"],
  ]);
});

Deno.test("pairPackets() takes how long a packet waited from what was counted, not from rounded moments", () => {
  const events = PACKETS.slice(0, 4).map((event) =>
    event.event === "packet-out" ? { ...event, t: event.t + 1 } : event
  );
  assertEquals(pairPackets(log(events).packets).map(({ in: from, out = 0 }) => out - from), [180_900, 179_950]);
});

Deno.test("makeLadder() has a lane for each host of the scenario that packets go from or to, and for other addresses", () => {
  const { lanes, packets, texts, marks } = makeLadder(log(PACKETS));
  assertEquals(lanes, ["client", "server", "fd00::9", "192.0.2.1"]);
  assertEquals(packets.map(([, , , , from, to]) => [from, to]), [[0, 1], [0, 1], [2, 3], [0, 1]]);
  assertEquals([packets[0][2], packets[0][3], packets[3][3]], [120_000, 300_900, -1]);
  assertEquals(texts[packets[1][8]], "DATA 77 HTTP GET /<b>");
  const kinds = new Map(marks.map(({ kind, text }) => [text, kind]));
  assertEquals([kinds.get("2[1].1 buffer web"), kinds.get("2[1].3 release-indefinite web")], ["hold", "release"]);
});

Deno.test("makeLadder() keeps the page of many packets small", async () => {
  const many = Array.from({ length: 20_000 }, (_, index): ScenarioEvent[] => {
    const end = {
      queue: "web",
      number: index + 1,
      length: 1514,
      from: "10.0.0.1:40000",
      to: "10.0.0.2:80",
      what: "DATA",
    };
    return [
      { event: "packet-in", t: index * 10, unixNs: unixNsAt(index * 10), ...end, bytes: "5a".repeat(256) },
      { event: "packet-out", t: index * 10 + 500, unixNs: unixNsAt(index * 10 + 500), ...end, waited: 500 },
    ];
  });
  const page = await formatReport([START, ...many.flat(), ...REST]);
  assertEquals(page.length < 3 * 2 ** 20, true, `${page.length} bytes`);
});

Deno.test("ladderSvg() draws who sent what and how long it waited, and of many packets the first and the last", () => {
  const svg = ladderSvg([START, ...PACKETS, ...REST]);
  for (const text of ["client", "server", "SYN, held 181 ms", "DATA 77 HTTP GET /&lt;b&gt;, he…"]) {
    assert(svg.includes(`>${text}</text>`), `${text} in\n${svg}`);
  }
  assertEquals([...svg.matchAll(/class="waits"/g)].length, 3);
  const passing = Array.from({ length: 50 }, (_, index): ScenarioEvent[] => {
    const packet = {
      queue: "web",
      number: index + 9,
      length: 54,
      from: "10.0.0.1:40000",
      to: "10.0.0.2:80",
      what: `ACK ${index}`,
    };
    const t = 700_000 + index * 10;
    return [
      { event: "packet-in", t, unixNs: unixNsAt(t), ...packet, bytes: "5a" },
      { event: "packet-out", t: t + 5, unixNs: unixNsAt(t + 5), ...packet, waited: 5 },
    ];
  });
  const many = ladderSvg([START, ...PACKETS, ...passing.flat(), ...REST]);
  assert(many.includes(">ACK 49</text>") && !many.includes(">ACK 30</text>"), many);
  assertMatch(many, />… 4\d more …<\/text>/);
  assertThrows(() => ladderSvg(MADE_LOG), Error, "no packet came into a gate");
});

Deno.test("ladderHtml() says what is not shown, and is not there where nothing was captured", () => {
  assertEquals(ladderHtml(log([])), undefined);
  const end = REST.at(-1) as Extract<ScenarioEvent, { event: "scenario-end" }>;
  const with_ = (unseen: typeof end.unseen, packets: readonly ScenarioEvent[]) =>
    ladderHtml(readRunLog([START, ...packets, ...REST.slice(0, -1), { ...end, unseen }]))?.html ?? "";
  assertMatch(with_({}, []), /No packet came into a gate/);
  assertMatch(
    with_({ web: { arrivals: 2, departures: 1, untold: 5 } }, PACKETS),
    /Not shown of web: 2 packets that came in, 1 packet that left, 5 packets behind the first 20,000\./,
  );
});

Deno.test({
  name: "the ladder has the packets that the pcapng file has, and the same waits",
  ignore: !await isThere("tests/scenario/report", ["tshark"], "deno task test --level logic, which fetches it"),
  async fn() {
    const events = [START, ...PACKETS.filter((packet) => "queue" in packet && packet.queue === "web"), ...REST];
    const file = await Deno.makeTempFile({ suffix: ".pcapng" });
    try {
      await Deno.writeFile(file, formatPacketFile(events));
      const drawn = packetsOfLadder(await formatReport(events));
      assertEquals(drawn.map(({ t, held }) => [t, held]), [[300_900, "181 ms"], [300_950, "180 ms"]]);
      assertEquals(await packetsOfFile(file, events), drawn);
    } finally {
      await Deno.remove(file);
    }
  },
});

Deno.test("the report tells how well the clocks of other machines are known, draws it, and has their packets in its ladder", async () => {
  const { host = "" } = (START.event === "scenario-start" ? START.queues : []).find(({ name }) => name === "web") ?? {};
  assert(host !== "");
  const events = [START, ...openedMachine(host, 350), ...PACKETS, ...REST];
  const { errors, lanes } = makeLadder(readRunLog(events));
  assertEquals(errors, { web: 350 });
  // Its address is a lane with its name.
  assert(!lanes.includes("192.0.2.1") && lanes.includes(host), lanes.join());
  const page = await formatReport(events);
  assertMatch(page, new RegExp(`<p class="hint" id="clocks">[^<]*${host} ± 350 µs \\(chrony\\)`));
  assertMatch(page, /<h3>Other machines<\/h3>[^]*Linux 6\.1, x86_64/);
  const marks = JSON.parse(/id="data">(.*?)<\/script>/s.exec(page)?.[1] ?? "{}").marks as Record<string, unknown>[];
  assertEquals(marks.find(({ action }) => action === "buffer")?.error, 350);
  assertEquals((await formatReport([START, ...PACKETS, ...REST])).includes('id="clocks"'), false);
});
