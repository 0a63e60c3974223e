import { assertEquals } from "@std/assert";
import { WatchedQueue } from "../../../cli/watch/watched_queue.ts";
import { facts } from "./made_queues.ts";

const SECOND = 1000;

/** A queue that was looked at with these counters, a look each second from 0 on. */
function seen(...looks: { packets?: number; backlogPackets?: number; drops?: number }[]): WatchedQueue {
  const queue = new WatchedQueue(facts("web", { stats: looks[0] }), 0);
  looks.slice(1).forEach((stats, index) => queue.look(facts("web", { stats }), (index + 1) * SECOND));
  return queue;
}

Deno.test("WatchedQueue.oldestWait() counts from the look at which the oldest packet was first there", () => {
  const queue = seen({}, { backlogPackets: 2 }, { backlogPackets: 5 }, { backlogPackets: 5 });
  assertEquals(queue.oldestWait(3 * SECOND), { ms: 2 * SECOND, isLonger: false });
  // Two leave: the next came with the look behind
  queue.look(facts("web", { stats: { packets: 2, backlogPackets: 3 } }), 4 * SECOND);
  assertEquals(queue.oldestWait(5 * SECOND), { ms: 3 * SECOND, isLonger: false });
  queue.look(facts("web", { stats: { packets: 5 } }), 6 * SECOND);
  assertEquals(queue.oldestWait(6 * SECOND), undefined);
});

Deno.test("WatchedQueue.oldestWait() says that a packet may have waited longer where it was there at first", () => {
  assertEquals(seen({ backlogPackets: 1 }, { backlogPackets: 1 }).oldestWait(SECOND), { ms: SECOND, isLonger: true });
});

Deno.test("WatchedQueue takes a counter that wraps for what it is", () => {
  const queue = seen({ packets: 0xffffffff, backlogPackets: 3 }, { packets: 1, backlogPackets: 1 });
  assertEquals(queue.oldestWait(SECOND)?.isLonger, true);
  queue.look(facts("web", { stats: { packets: 2, backlogPackets: 4 } }), 2 * SECOND);
  assertEquals(queue.oldestWait(3 * SECOND), { ms: SECOND, isLonger: false });
});

Deno.test("WatchedQueue.state is what is seen twice, and not known before", () => {
  assertEquals(seen({}, {}).state, "unknown");
  assertEquals(seen({ backlogPackets: 1 }, { backlogPackets: 1 }).state, "holds");
  assertEquals(seen({ packets: 1 }, { packets: 4 }).state, "passes");
  assertEquals(seen({ backlogPackets: 1 }, { packets: 1, backlogPackets: 3 }).state, "unknown");
});

Deno.test("WatchedQueue.history() has the most that waited in each part of the last minute, and nothing before", () => {
  const queue = seen({}, { backlogPackets: 3 }, { packets: 3 });
  assertEquals(queue.history(3 * SECOND, 60).slice(55), [undefined, undefined, 0, 3, 0]);
  assertEquals(queue.history(62 * SECOND, 6), [0, 0, 0, 0, 0, 0]);
});

Deno.test("WatchedQueue says in words what a gate or a plug sees", () => {
  const web = new WatchedQueue(
    facts("web", { gate: { direction: "both", match: ["udp", "icmp"], except: ["port 22"] } }),
    0,
  );
  assertEquals(web.sees, "into and out of eth0: udp or icmp except port 22");
  assertEquals(new WatchedQueue(facts("eth1", { isPlug: true }), 0).sees, "all that leaves eth1");
  const bare = facts("web", { gate: { direction: undefined, devs: [], match: undefined } });
  assertEquals(new WatchedQueue(bare, 0).sees, "nothing is known of it");
});
