import { losses } from "../../plug/detach_report.ts";
import { assertEquals } from "@std/assert";
import { textTable } from "../../cli/context.ts";

Deno.test("textTable() lays out columns two spaces apart, without spaces at the ends of lines", () => {
  assertEquals(textTable([["a", "long", ""], ["long", "b", ""], ["", "c", "d"]]), "a     long\nlong  b\n      c     d");
});

Deno.test("textTable() aligns the columns of numbers to the right", () => {
  assertEquals(textTable([["NAME", "N"], ["a", "10"], ["b", "5"]], { right: [1] }), "NAME   N\na     10\nb      5");
});

Deno.test("textTable() lays out a row and a column alone", () => {
  assertEquals(textTable([["a", "b"]]), "a  b");
  assertEquals(textTable([["a"], ["bc"]], { right: [0] }), " a\nbc");
});

Deno.test("losses() says what was dropped and what was discarded, and nothing where nothing was", () => {
  assertEquals(losses("the plug on eth0", { drops: 0, discardedPackets: 0, lostPackets: 0 }), []);
  assertEquals(losses("the plug on eth0", { drops: 1, discardedPackets: 20, lostPackets: 0 }), [
    "the plug on eth0 dropped 1 packet: its limit was reached",
    "the plug on eth0 was deleted with 20 held packets",
  ]);
  assertEquals(losses("the plug on eth0", { drops: 0, discardedPackets: 0, lostPackets: 0, gapMs: 3.04 }), [
    "the devices of the plug on eth0 sent nothing for up to 3.0 ms while it was taken away: the kernel discarded what " +
    "they were given to send",
  ]);
  assertEquals(losses("the gate web", { drops: 0, discardedPackets: 0, lostPackets: 0, keptClsact: ["eth0"] }), [
    "clsact stays on eth0, empty: the kernel would lose packets while it takes it away; when eth0 is idle, delete it " +
    "with: tc qdisc del dev eth0 clsact",
  ]);
});
