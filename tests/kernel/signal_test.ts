/** What a process holds through the API is released when a signal ends the process. */

import { assertEquals } from "@std/assert";
import { readLines } from "../../linux/incoming.ts";
import { connect, Host } from "./host.ts";
import { receiveNumbers, sendNumbered } from "./numbered.ts";
import { plugOf } from "./queue.ts";
import { UdpSocket } from "./udp_socket.ts";

const HOLDER = new URL("holder.ts", import.meta.url).pathname;

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  Deno.test(`Plug.attach() in a program that ${signal} ends lets go what it holds, and loses none of it`, async () => {
    using left = new Host();
    using right = new Host();
    const [client, server] = connect([left, right]);
    using sender = new UdpSocket(left, { address: client.ipv4, port: 0 });
    const to = { address: server.ipv4, port: 5000 };
    using receiver = new UdpSocket(right, to);
    const holder = left.spawn([Deno.execPath(), "run", "-A", "--no-check", HOLDER], { stdout: "piped" });
    assertEquals((await readLines(holder.stdout).next()).value, "holding");
    sendNumbered(sender, to, { count: 100 });
    assertEquals(plugOf(left).qlen, 100);

    holder.kill(signal);
    assertEquals((await holder.status).signal, signal);
    sendNumbered(sender, to, { from: 100, count: 1 });
    assertEquals((await receiveNumbers(receiver, { count: 101, timeoutMs: 120_000 })).length, 101);
  });
}
