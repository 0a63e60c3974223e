/** What the other tests here rest on: this kernel has plugs, and the helpers tell the truth. */

import { assertEquals } from "@std/assert";
import { connect, Host } from "./host.ts";
import { arrivedNumbers, receiveNumbers, sendNumbered } from "./numbered.ts";
import { transfer } from "./transfer.ts";
import { UdpSocket } from "./udp_socket.ts";
import { until } from "./until.ts";

const PORT = 5000;

for (const family of ["ipv4", "ipv6"] as const) {
  Deno.test(`the kernel holds 1,000 datagrams in a plug and releases them in order, over ${family}`, async () => {
    using left = new Host();
    using right = new Host();
    const [client, server] = connect([left, right]);
    using sender = new UdpSocket(left, { address: client[family], port: 0 });
    const address = { address: server[family], port: PORT };
    using receiver = new UdpSocket(right, address);

    left.run("tc", "qdisc", "add", "dev", "eth0", "root", "plug", "limit", "10000000");
    sendNumbered(sender, address, { count: 1000 });
    assertEquals(queue(left).qlen, 1000);
    assertEquals(arrivedNumbers(receiver), []);

    left.run("tc", "qdisc", "change", "dev", "eth0", "root", "plug", "release_indefinite");
    const numbers = await receiveNumbers(receiver, { count: 1000, timeoutMs: 120_000 });
    assertEquals(numbers, Array.from({ length: 1000 }, (_, index) => index));
    assertEquals(queue(left), { kind: "plug", qlen: 0, drops: 0 });
  });
}

Deno.test("the kernel holds a TCP connection in a plug and loses none of its bytes", async () => {
  using left = new Host();
  using right = new Host();
  const ends = connect([left, right]);
  left.run("tc", "qdisc", "add", "dev", "eth0", "root", "plug", "limit", "10000000");

  const transferred = transfer(ends, { bytes: 1_000_000 });
  await until(() => queue(left).qlen > 0, { timeoutMs: 120_000, what: "a SYN in the backlog" });
  left.run("tc", "qdisc", "change", "dev", "eth0", "root", "plug", "release_indefinite");

  const { sent, received } = await transferred;
  assertEquals(sent.bytes, 1_000_000);
  assertEquals(received, sent);
});

/** Reads with `tc` what the root qdisc of a host's `eth0` holds and has dropped. */
function queue(host: Host): { kind: string; qlen: number; drops: number } {
  const [{ kind, qlen, drops }] = JSON.parse(host.run("tc", "-s", "-json", "qdisc", "show", "dev", "eth0"));
  return { kind, qlen, drops };
}
