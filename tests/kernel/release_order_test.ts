/** Gates that are released one after the other: all of one has left before the first of the next. */

import { assertEquals } from "@std/assert";
import { Connection } from "../../netlink/connection.ts";
import { Gate, Plug } from "../../mod.ts";
import { GatePair, WAIT } from "./gate_pair.ts";
import { arrivedNumbers, sendNumbered } from "./numbered.ts";
import { NUMBERED_GATE, NumberedTraffic } from "./numbered_traffic.ts";
import { plugctl, plugctlDone } from "./plugctl.ts";
import { UdpSocket } from "./udp_socket.ts";
import { until } from "./until.ts";

const PORT = 5000;
/** More than the kernel lets out of a queue before it looks after the next. */
const COUNT = 500;
const numbers = (from: number, count: number) => Array.from({ length: count }, (_, index) => from + index);

Deno.test("release a then b", async (t) => {
  using pair = new GatePair();
  const { left, right, ends } = pair;
  using connection = Connection.open({ netns: left.name });
  const to = { address: ends[1].ipv4, port: PORT };
  using receiver = new UdpSocket(right, to);
  using one = new UdpSocket(left, { address: ends[0].ipv4, port: 6001 });
  using other = new UdpSocket(left, { address: ends[0].ipv4, port: 6002 });
  const gates = ["a", "b"].map((name, index) =>
    Gate.open({ name, dev: "eth0", direction: "egress", match: `udp src port ${6001 + index}`, connection })
  );
  const [a, b] = gates;
  const arrived: number[] = [];
  const received = async (count: number) => {
    await until(() => arrived.push(...arrivedNumbers(receiver)) >= count, { ...WAIT, what: `${count} datagrams` });
    return arrived.splice(0);
  };
  const hold = async () => {
    await plugctlDone(left, "buffer", "a", "b");
    sendNumbered(one, to, { from: 0, count: COUNT });
    sendNumbered(other, to, { from: COUNT, count: COUNT });
    await until(() => gates.every((gate) => gate.stats().backlogPackets === COUNT), { ...WAIT, what: "all held" });
  };

  await t.step("lets all of the first leave before any of the second, whichever was sent first", async () => {
    for (const [words, first] of [[["b", "then", "a"], COUNT], [["a", "then", "b"], 0]] as const) {
      await hold();
      const reports = JSON.parse(await plugctlDone(left, "release", ...words, "--json"));
      const released = reports.map(({ gate, releasedPackets }: Record<string, unknown>) => [gate, releasedPackets]);
      assertEquals(released, [words[0], words[2]].map((gate) => [gate, COUNT]));
      assertEquals(await received(2 * COUNT), [...numbers(first, COUNT), ...numbers(COUNT - first, COUNT)]);
    }
  });

  await t.step("does so by number, and goes on holding", async () => {
    await hold();
    assertEquals((await plugctl(left, "release", "b", "then", "a", "--packets", "100")).stderr, "");
    assertEquals(await received(200), [...numbers(COUNT, 100), ...numbers(0, 100)]);
    assertEquals(gates.map((gate) => gate.stats().backlogPackets), [COUNT - 100, COUNT - 100]);
  });

  await t.step("does so through the API", async () => {
    const reports = await Plug.all([b, a]).releaseInOrder();
    assertEquals(reports.map(({ queue, releasedPackets }) => [queue, releasedPackets]), [
      ["gate b", COUNT - 100],
      ["gate a", COUNT - 100],
    ]);
    assertEquals(await received(2 * COUNT - 200), [...numbers(COUNT + 100, COUNT - 100), ...numbers(100, COUNT - 100)]);
  });

  await t.step("touches none where a name is wrong, and wants names on both sides", async () => {
    await hold();
    assertEquals((await plugctl(left, "release", "b", "then", "nosuch")).status, 1);
    for (
      const words of [["then", "a"], ["a", "then"], ["a", "then", "then", "b"], ["a", "then", "b", "--rate", "1/s"]]
    ) {
      assertEquals((await plugctl(left, "release", ...words)).status, 2, words.join(" "));
    }
    assertEquals(gates.map((gate) => gate.stats().backlogPackets), [COUNT, COUNT]);
    await plugctlDone(left, "release", "a", "b");
    assertEquals((await received(2 * COUNT)).length, 2 * COUNT);
  });

  for (const gate of gates) await gate.close();
});

Deno.test("what has a gate of its own, before that of the rest, can go first, though it came among the others", async () => {
  using traffic = new NumberedTraffic();
  const { left } = traffic;
  const add = ["gate", "add", "--dev", "eth0", "--direction", "out", "--match"];
  await plugctlDone(left, ...add, NUMBERED_GATE.match, "rest");
  // The last byte of a datagram's number
  await plugctlDone(left, ...add, `${NUMBERED_GATE.match} and udp[11] & 1 = 1`, "odd", "--priority", "900");
  await plugctlDone(left, "buffer", "odd", "rest");
  traffic.send(COUNT);
  const [odd, rest] = Gate.named(traffic.connection, ["odd", "rest"]);
  for (const gate of [odd, rest]) await traffic.holds(gate, COUNT / 2);
  await plugctlDone(left, "release", "odd", "then", "rest");
  await until(() => traffic.receive() >= COUNT, { ...WAIT, what: "all of them" });
  const sent = numbers(0, COUNT);
  assertEquals(traffic.arrived, [
    ...sent.filter((number) => number % 2 === 1),
    ...sent.filter((number) => number % 2 === 0),
  ]);
  await plugctlDone(left, "gate", "delete", "odd", "rest");
});
