/**
 * What always passes: all of a device is held through an agent, in both directions, while the connection to the broker,
 * SSH, ARP, neighbour discovery and what the policy names go on; a gate that would hold these is refused.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { runCommandLine } from "../../cli/main.ts";
import { Written } from "../cli/written.ts";
import { BOUND, BROKER, Fleet, LEASE_MS } from "./fleet_hosts.ts";
import { plugctlDone } from "./plugctl.ts";
import { qdiscs } from "./queue.ts";
import { UdpSocket } from "./udp_socket.ts";
import { until } from "./until.ts";

const HOST = "10.99.0.1";
const HOST_V6 = "fd99::1";
const NAMED = 9999;

Deno.test("all of a device that an agent is reached by can be held: what must go on does", async (t) => {
  await using fleet = await Fleet.start({ policy: `who: [root]\nalways-pass: ['udp port ${NAMED}']\n` });
  const [host] = fleet.hosts;
  host.configure([`address add ${HOST_V6}/64 dev eth0 nodad`]);
  new Deno.Command("ip", { args: ["address", "add", "fd99::254/64", "dev", "br99", "nodad"] }).outputSync();
  // Something that answers at the port of SSH, on both versions of IP.
  const script = `for await (const one of Deno.listen({ hostname: "::", port: 22 })) {
    one.readable.pipeTo(one.writable).catch(() => {});
  }`;
  const server = host.spawn([Deno.execPath(), "eval", "--no-check", script], { stdout: "null", stderr: "null" });
  const echoes = async (hostname: string) => {
    using connection = await Deno.connect({ hostname, port: 22 });
    return await echo(connection);
  };
  await until(async () => await echoes(HOST).catch(() => false), { ...BOUND, what: "an answer at port 22" });
  using named = new UdpSocket(host, { address: HOST, port: NAMED });
  using other = new UdpSocket(host, { address: HOST, port: 9998 });
  using here = new UdpSocket({ enter: (work) => work() }, { address: BROKER, port: 9997 });

  for (const direction of ["in", "out", "both"]) {
    await t.step(`what goes ${direction}`, async () => {
      using session = await Deno.connect({ hostname: HOST, port: 22 });
      assert(await echo(session));
      const stderr = new Written();
      const words = ["fleet", "hold", "eth0", "--direction", direction, "--on", "db1", "--for", `${LEASE_MS * 3}ms`];
      const held = runCommandLine([...words, ...fleet.broker, ...fleet.lease], { stdout: new Written(), stderr });
      await until(() => /db1: holding/.test(stderr.text), BOUND).catch(() => {
        throw new Error(stderr.text);
      });
      // Neighbours are looked for anew.
      for (const where of [[], ["netns", "exec", host.name, "ip"]]) {
        new Deno.Command("ip", { args: [...where, "neighbour", "flush", "all"] }).outputSync();
      }
      const other4 = await echoes(HOST);
      const other6 = await echoes(HOST_V6);
      const wasHeld = /released|ended/.test(stderr.text) === false;
      assertEquals([await echo(session), other4, other6, wasHeld], [true, true, true, true], stderr.text);
      if (direction !== "out") {
        for (const port of [NAMED, 9998]) here.send(new Uint8Array([1]), { address: HOST, port });
        await until(() => named.receive(), { ...BOUND, what: "what the policy lets pass" });
        assertEquals(other.receive(), undefined);
      }
      if (direction !== "in") {
        other.send(new Uint8Array([2]), { address: BROKER, port: 9997 });
        named.send(new Uint8Array([3]), { address: BROKER, port: 9997 });
        assertEquals(await until(() => here.receive(), BOUND), new Uint8Array([3]));
      }
      // For longer than a lease: it was renewed over the device that is held.
      assertEquals(await held, 0, stderr.text);
      assertMatch(stderr.text, /db1: released: held [1-9]\d* packets? of eth0 for \d+/);
      if (direction !== "out") await until(() => other.receive(), { ...BOUND, what: "what was held" });
      if (direction !== "in") assertEquals(await until(() => here.receive(), BOUND), new Uint8Array([2]));
    });
  }

  await t.step("a second hold of all of it is refused in words, and so is one that names it twice", async () => {
    const hold = (...words: string[]) => {
      const stderr = new Written();
      const line = ["fleet", "hold", ...words, "--on", "db1", ...fleet.broker, ...fleet.lease];
      return { stderr, status: runCommandLine(line, { stdout: new Written(), stderr }) };
    };
    const first = hold("eth0", "--for", `${LEASE_MS * 3}ms`);
    await until(() => /db1: holding/.test(first.stderr.text), BOUND);
    for (
      const [words, why] of [
        [["eth0"], "all of eth0 goes through a gate already, such as another hold's"],
        [["eth0", "eth0"], "eth0 is named twice"],
      ] as const
    ) {
      const { stderr, status } = hold(...words, "--for", "1s");
      assertEquals(await status, 1);
      assert(stderr.text.includes(`db1: does not take part: ${why}`), stderr.text);
    }
    assertEquals(await first.status, 0, first.stderr.text);
  });

  await t.step("a gate that would hold the control connection, or an SSH session, is refused in words", async () => {
    using session = await Deno.connect({ hostname: HOST, port: 22 });
    assert(await echo(session));
    const refused = async (match: string) => {
      await plugctlDone(host, "gate", "add", "bad", "eth0", "--direction", "both", "--match", match);
      const stderr = new Written();
      const words = ["fleet", "hold", "bad", "--on", "db1", "--for", "1s", ...fleet.broker, ...fleet.lease];
      const status = await runCommandLine(words, { stdout: new Written(), stderr });
      const waits = qdiscs(host, "plug-bad").some(({ qlen }) => qlen > 0);
      await plugctlDone(host, "gate", "delete", "bad");
      return [status, waits, stderr.text] as const;
    };
    for (
      const [match, says] of [
        ["tcp port 4222", /^plugctl: db1: does not take part: .*the connection by which this machine is controlled/m],
        ["tcp port 22", /^plugctl: db1: does not take part: .*an SSH session/m],
        [`host ${BROKER}`, /^plugctl: db1: does not take part: .*(controlled|SSH session)/m],
      ] as const
    ) {
      const [status, waits, text] = await refused(match);
      assertEquals([status, waits], [1, false], text);
      assertMatch(text, says);
    }
  });

  await t.step("the policy names its line to one who may not ask", async () => {
    const stderr = new Written();
    const words = ["fleet", "hold", "eth1", "--on", "db1", "--for", "1s", ...fleet.lease];
    const broker = fleet.broker.map((word) => word.replace("tls://", "tls://mallory:x@"));
    assertEquals(await runCommandLine([...words, ...broker], { stdout: new Written(), stderr }), 1);
    assertMatch(
      stderr.text,
      /does not take part: The policy of this machine, \S+ line 1, forbids it: mallory may not ask/,
    );
  });

  server.kill("SIGKILL");
  await server.status;
});

/** Whether what is said on a connection comes back soon. */
async function echo(connection: Deno.TcpConn): Promise<boolean> {
  const bytes = new Uint8Array(1);
  await connection.write(new Uint8Array([7]));
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((resolve) => timer = setTimeout(resolve, 5000, false));
  const came = await Promise.race([connection.read(bytes), late]);
  clearTimeout(timer);
  return came === 1;
}
