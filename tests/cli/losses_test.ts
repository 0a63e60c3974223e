import { assertEquals } from "@std/assert";
import { losses } from "../../cli/losses.ts";

Deno.test("losses() says what was dropped and what was discarded, and nothing where nothing was", () => {
  assertEquals(losses("the plug on eth0", { drops: 0, discardedPackets: 0 }), []);
  assertEquals(losses("the plug on eth0", { drops: 1, discardedPackets: 20 }), [
    "the plug on eth0 dropped 1 packet: its limit was reached",
    "the plug on eth0 was deleted with 20 held packets",
  ]);
});
