import { assertEquals } from "@std/assert";
import type { PacketEvent } from "../../capture/gate_capture.ts";
import { inOrder } from "../../cli/captured.ts";
import { runHere } from "./run_here.ts";

/** What is wrong with each command line, before anything is looked at. */
const MISTAKES: readonly (readonly [words: string, complaint: string])[] = [
  ["packets", "packets needs a gate or a device: plugctl packets NAME"],
  ["show --packets", "show needs a gate or a device: plugctl show NAME"],
  ["show web --for 1s", "--for goes with --packets"],
  ["show web --snaplen 64", "--snaplen goes with --packets"],
  ["packets --gate web --parent root", "--parent goes with a device, and web is a gate, which has one plug"],
  ["packets web web", "web is named twice"],
  ["capture -w x.pcapng", "capture needs a gate or a device: plugctl capture NAME"],
  ["capture web", "capture needs a file to write: -w FILE, or -w - for standard output"],
  [
    "capture --dev nosuch0 --arrivals -w nosuch/x.pcapng",
    "--arrivals goes with gates: packets of a plug on nosuch0 are seen as they leave",
  ],
  ["packets --dev lo --snaplen 13", 'invalid snaplen "13": from 14 to 65535 bytes'],
  ["packets --dev lo --snaplen 1e3", 'invalid snaplen "1e3": from 14 to 65535 bytes'],
  ["packets --dev lo --for 5", 'invalid duration "5": use a unit (us, ms, s, m, h), such as 200ms or 5s'],
];

for (const [words, complaint] of MISTAKES) {
  Deno.test(`${words} is refused in words`, async () => {
    const { status, stdout, stderr } = await runHere(...words.split(" "));
    assertEquals([status, stdout, stderr.split("\n")[0]], [2, "", `plugctl: ${complaint}`]);
  });
}

Deno.test("packets that were taken at once are told in the order of their times, whichever gates they are of", () => {
  const bytes = new Uint8Array(14);
  const came = (gate: string, timeNs: bigint): PacketEvent => ({
    gate,
    event: "in",
    packet: { number: 1, timeNs, bytes, length: 14 },
  });
  const left = (gate: string, timeNs: bigint): PacketEvent => ({
    gate,
    event: "out",
    packet: { timeNs, bytes, length: 14 },
  });
  const taken = [came("web", 40n), came("dns", 20n), left("web", 10n), left("dns", 20n)];
  assertEquals(inOrder(taken).map(({ gate, event }) => `${gate} ${event}`), ["web out", "dns in", "dns out", "web in"]);
});
