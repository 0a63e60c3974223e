/** A server over its real socket, with real packets: what it holds ends with the lease, the client, or itself. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { descriptors } from "./descriptors.ts";
import { WAIT, witness } from "./gate_pair.ts";
import { eventsOf, Served } from "./served.ts";
import { until } from "./until.ts";

const GATE = { name: "web", dev: "eth0", direction: "out", match: "udp dst port 9000" };
const COUNT = 20;

Deno.test("a hold ends with its lease, by its renewal later, by hand at once, and with its client", async () => {
  await using served = await Served.start();
  assertEquals(await served.ask("/v1/gates", GATE), { status: 201, body: { name: "web", made: true, warnings: [] } });
  const events = eventsOf(await served.fetch("/v1/events"));

  const begun = await served.ask("/v1/holds", { on: "web", leaseMs: 500 });
  assertEquals([begun.status, begun.body.names], [201, ["web"]]);
  served.send();
  const second = await served.ask("/v1/holds", { gate: "web" });
  assertEquals([second.status, second.body.code], [409, "held"]);
  assertMatch(second.body.detail, /^web is held already, by /);
  await served.allArrived();
  const over = await served.ask(`/v1/holds/${begun.body.id}`);
  assertEquals([over.body.ended, over.body.queues[0].packets], ["lease", COUNT]);
  // The lease began a little before it held.
  assert(over.body.heldMs >= 400, `${over.body.heldMs}`);
  assertEquals((await served.ask(`/v1/holds/${begun.body.id}`, {}, "PUT")).body.code, "ended");

  const renewed = (await served.ask("/v1/holds", { on: "web", leaseMs: 2000 })).body;
  served.send();
  const longer = (await served.ask(`/v1/holds/${renewed.id}`, { leaseMs: 20_000 }, "PUT")).body;
  assert(Date.parse(longer.until) > Date.parse(renewed.until) + 10_000, `${renewed.until} ${longer.until}`);
  await served.pair.holds("web", COUNT);
  assertEquals(served.arrived(), []);
  const released = (await served.ask(`/v1/holds/${renewed.id}`, undefined, "DELETE")).body;
  assertEquals([released.ended, released.queues], ["released", [{
    name: "web",
    packets: COUNT,
    bytes: COUNT * 74,
    drops: 0,
  }]]);
  await served.allArrived(COUNT);

  const open = await served.fetch("/v1/holds", { on: "web" }, {
    method: "POST",
    headers: { accept: "text/event-stream" },
  });
  const ofHold = eventsOf(open);
  assertEquals((await ofHold.next()).value?.[0], "holding");
  served.send();
  await served.pair.holds("web", COUNT);
  await ofHold.return(undefined);
  await served.allArrived(2 * COUNT);
  await until(async () => (await served.ask("/v1/holds")).body.at(-1).ended === "client", { ...WAIT, what: "the end" });

  const told = [];
  for (let count = 0; count < 6; count++) told.push((await events.next()).value?.[0]);
  assertEquals(told, ["holding", "ended", "holding", "ended", "holding", "ended"]);
  await events.return(undefined);
  const gone = await served.ask("/v1/gates/web", undefined, "DELETE");
  assertEquals([gone.status, gone.body.name], [200, "web"]);
  assertEquals(witness(served.pair.left), served.before);
});

Deno.test("what a server holds and has made goes with it, by SIGTERM and by SIGKILL, and by a reset", async () => {
  for (const end of ["SIGTERM", "SIGKILL", "reset"] as const) {
    await using served = await Served.start();
    await served.ask("/v1/gates", GATE);
    assertEquals((await served.ask("/v1/holds", { on: "web", leaseMs: 20_000 })).status, 201);
    served.send();
    await served.pair.holds("web", COUNT);
    if (end === "reset") assertEquals((await served.ask("/v1/reset", undefined, "POST")).body, { holds: 1, things: 1 });
    else served.process.kill(end);
    await served.allArrived();
    await until(() => JSON.stringify(witness(served.pair.left)) === JSON.stringify(served.before), {
      ...WAIT,
      what: "the machine to be as before",
    });
    if (end === "SIGTERM") {
      assertEquals((await served.process.status).code, 143);
      assertEquals(Array.from(Deno.readDirSync(served.folder)), []);
    }
  }
});

Deno.test("ten clients at once lose no packet, and leave nothing open", async () => {
  await using served = await Served.start();
  await served.ask("/v1/gates", GATE);
  const pid = serverOf(served);
  const clients = Array.from({ length: 10 }, (_, number) => number);
  const round = async () => {
    const begun = await Promise.all(clients.map(() => served.ask("/v1/holds", { on: "web", leaseMs: 20_000 })));
    assertEquals(begun.map(({ status }) => status).sort(), [201, ...Array(9).fill(409)]);
    served.send();
    const [{ body: { id } }] = begun.filter(({ status }) => status === 201);
    const said = await Promise.all(clients.map(() => served.ask(`/v1/holds/${id}`, undefined, "DELETE")));
    assertEquals(new Set(said.map(({ status }) => status)), new Set([200]));
    const acts = await Promise.all(
      clients.map((number) =>
        number % 2 === 0
          ? served.ask("/v1/actions", [{ op: "buffer", on: "web" }, { op: "release", on: "web" }])
          : served.ask("/v1/release", { on: "web" })
      ),
    );
    assertEquals(new Set(acts.map(({ status }) => status)), new Set([200]));
  };
  await round();
  const before = descriptors(pid).length;
  for (let rounds = 0; rounds < 10; rounds++) await round();
  await served.ask("/v1/release", { on: "web" });
  await served.allArrived();
  await until(() => descriptors(pid).length <= before, { ...WAIT, what: "no more open than before" });
});

/** The process itself, which `ip netns exec` has become. */
function serverOf(served: Served): number {
  return served.process.pid;
}

Deno.test("another user cannot reach the socket, nor a process without the token the port", async () => {
  await using served = await Served.start();
  assertEquals((Deno.statSync(served.socket).mode ?? 0) & 0o777, 0o600);
  Deno.chmodSync(served.folder, 0o755);
  const connect = `import socket; socket.socket(socket.AF_UNIX).connect(${JSON.stringify(served.socket)})`;
  const other = new Deno.Command("python3", {
    args: ["-c", connect],
    uid: 65534,
    gid: 65534,
    cwd: "/",
    stderr: "piped",
  });
  assertMatch(new TextDecoder().decode((await other.output()).stderr), /PermissionError/);
  // What it has kept of root's powers
  const [, kept] = /^CapEff:\s*(\S+)$/m.exec(Deno.readTextFileSync(`/proc/${serverOf(served)}/status`)) ?? [];
  assertEquals(BigInt(`0x${kept}`), 1n << 12n | 1n << 13n | 1n << 23n);
  const elsewhere = await served.ask("/v1/gates?netns=pid:1");
  assertEquals([elsewhere.status, elsewhere.body.code], [403, "EACCES"]);

  await using onTcp = await Served.start("--listen", "7070");
  const line = await onTcp.nextLine();
  const [, token = ""] = /^plugctl: listening on http:\/\/127\.0\.0\.1:7070\/#token=([0-9a-f]{64})$/.exec(line) ?? [];
  const raw = (...lines: string[]) =>
    onTcp.pair.left.run("python3", "-c", RAW, [...lines, "connection: close", "", ""].join("\r\n")).split("\n")[0]
      .trim();
  const right = `authorization: Bearer ${token}`;
  assertEquals(raw("GET /v1/gates HTTP/1.1", "host: 127.0.0.1:7070", right), "HTTP/1.1 200 OK");
  assertEquals(raw("GET /v1/gates HTTP/1.1", "host: 127.0.0.1:7070"), "HTTP/1.1 401 Unauthorized");
  assertEquals(raw("GET /v1/gates HTTP/1.1", "host: evil.example:7070", right), "HTTP/1.1 403 Forbidden");
  assertEquals(raw("GET /../../v1/gates HTTP/1.1", "host: 127.0.0.1:7070"), "HTTP/1.1 401 Unauthorized");
  assertEquals(raw("GET http://127.0.0.1:7070/v1/gates HTTP/1.1", "host: x", right), "HTTP/1.1 403 Forbidden");
});

const RAW = `import socket, sys
s = socket.create_connection(("127.0.0.1", 7070))
s.sendall(sys.argv[1].encode())
print(s.recv(65536).decode())`;

Deno.test("a body of 100 MB is refused, and the server goes on", async () => {
  await using served = await Served.start();
  const part = new Uint8Array(1 << 20).fill(0x20);
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      if (sent === 100) return controller.close();
      sent++;
      controller.enqueue(part);
    },
  });
  const { client } = served;
  const headers = { "content-type": "application/json" };
  const answer = await fetch("http://localhost/v1/holds", { method: "POST", client, headers, body })
    .then(async (response) => [response.status, (await response.json()).code], () => ["cut", "off"]);
  assert(["413,too-long", "cut,off"].includes(answer.join()), answer.join());
  assert(sent < 100, `${sent} MiB were taken`);
  assertEquals((await served.ask("/healthz")).status, 200);
});

Deno.test("what a kernel refuses is told with its errno, and nothing is left", async () => {
  await using served = await Served.start();
  const { status, body } = await served.ask("/v1/gates", { ...GATE, dev: "none" });
  assertEquals([status, body.code], [404, "no-device"]);
  const metrics = await (await served.fetch("/metrics")).text();
  assertMatch(metrics, /^plugctl_requests_total\{operation="gate-add",outcome="failed"\} 1$/m);
  assertEquals(witness(served.pair.left), served.before);
});
