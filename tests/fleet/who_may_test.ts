/** Who may do what in a fleet, with the broker as `docs/fleet/nats.conf` sets it up: by trying to get in. */

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { NatsConnection } from "@nats-io/transport-node";
import { jetstreamManager } from "@nats-io/jetstream";
import { Caller, keepWhatIsTold } from "../../fleet/caller.ts";
import { STREAMS } from "../../fleet/subject.ts";
import { until } from "../kernel/until.ts";
import { FakeHost } from "./hosts.ts";
import { connectAs, makeCertificates, TestBroker } from "./nats.ts";

const CONFIG = await Deno.readTextFile(new URL("../../docs/fleet/nats.conf", import.meta.url));
const HOSTS = ["db1", "db2", "web1"];
const VIOLATION = "Permissions Violation for Publish";
const NAMES = [...HOSTS, "alice", "bob", "db-admin"];

/** The broker of the documentation, with certificates of a folder, and everybody's password. */
async function startBroker(): Promise<TestBroker & { tls: (name: string) => string; certificates: string }> {
  const certificates = await Deno.makeTempDir({ prefix: "plugctl-tls-" });
  await makeCertificates(certificates);
  const broker = await TestBroker.start((folder) => ({
    config: CONFIG.replaceAll("/etc/nats/", `${certificates}/`).replace("/var/lib/nats", `${folder}/js`)
      .replace(/^listen: .*/m, ""),
    env: Object.fromEntries(NAMES.map((name) => [`${variable(name)}_PASSWORD`, `${name}-secret`])),
  }));
  return Object.assign(broker, {
    certificates,
    tls: (name: string) => `tls://${name}:${name}-secret@127.0.0.1:${broker.port}`,
  });
}

function variable(name: string): string {
  return name.toUpperCase().replaceAll("-", "_");
}

type Broker = Awaited<ReturnType<typeof startBroker>>;

async function enter({ tls, certificates }: Broker, name: string): Promise<NatsConnection> {
  return await connectAs(tls(name), {
    kind: HOSTS.includes(name) ? "hosts" : "users",
    name,
    ca: `${certificates}/ca.crt`,
  });
}

Deno.test("a fleet works with the broker of docs/fleet/nats.conf, and each may do no more than it says", async (t) => {
  await using broker = await startBroker();
  const admin = await enter(broker, "db-admin");
  assertEquals(await keepWhatIsTold(admin), true);
  const [db1, db2, web1] = await Promise.all(HOSTS.map((name) => enter(broker, name)));
  const alice = await enter(broker, "alice");
  const bob = await enter(broker, "bob");
  const one = await FakeHost.start(db1, { host: "db1", labels: ["role=db"] });
  const two = await FakeHost.start(db2, { host: "db2" });
  const other = await FakeHost.start(web1, { host: "web1", group: "web" });
  const inDb = new Caller(alice, { group: "db", who: "alice" });
  const asBob = new Caller(bob, { group: "web", who: "bob" });
  const logOf = async (host: string) => {
    const manager = await jetstreamManager(admin);
    const message = await manager.streams.getMessage(STREAMS.log.name, { last_by_subj: `plugctl.db.${host}.log` });
    return message?.json<{ event: string }>().event;
  };

  await t.step("a user finds and asks hosts of its group, and their logs arrive", async () => {
    assertEquals(await keepWhatIsTold(alice), true);
    assertEquals((await inDb.find([])).map(({ host, status }) => [host, status?.labels]), [["db1", ["role=db"]], [
      "db2",
      [],
    ]]);
    assertEquals(await inDb.ask("db1", "arm", { on: "eth0" }), { host: "db1", result: {} });
    assertEquals(one.worker.asked, [{ operation: "arm", input: { on: "eth0" }, who: "alice" }]);
    await until(() => one.log.pending === 0 && two.log.pending === 0, { timeoutMs: 5000 });
    assertEquals([await logOf("db1"), await logOf("db2")], ["asked", "started"]);
    assertEquals([one.refusals, two.refusals, other.refusals], [[], [], []]);
  });

  await t.step("a log is read by its host alone, to see what of it is there", async () => {
    const manager = await jetstreamManager(db1, { checkAPI: false });
    const own = await manager.direct.getMessage(STREAMS.log.name, { last_by_subj: "plugctl.db.db1.log" });
    assertEquals(own?.json<{ event: string }>().event, "asked");
    await assertRejects(
      () => manager.direct.getMessage(STREAMS.log.name, { last_by_subj: "plugctl.db.db2.log" }),
      Error,
      VIOLATION,
    );
  });

  await t.step("a user of one group cannot touch another, by its subjects or any other way", async () => {
    const inWeb = new Caller(alice, { group: "web", who: "alice" });
    const refused = { code: "not-allowed", message: "the broker does not let alice ask in group web" };
    assertEquals(await inWeb.ask("web1", "arm", {}), { host: "web1", error: refused });
    await assertRejects(() => inWeb.find([]), Error, refused.message);
    // Not by what alice may say either: that is another account's.
    assertEquals((await inDb.ask("web1", "arm", {}) as { error: { code: string } }).error.code, "no-agent");
    assertEquals((await asBob.ask("db1", "arm", {}) as { error: { code: string } }).error.code, "no-agent");
    assertEquals((await asBob.find([])).map(({ host }) => host), ["web1"]);
    assertEquals(other.worker.asked, []);
  });

  await t.step("a user cannot ask as somebody else", async () => {
    const asAdmin = new Caller(alice, { group: "db", who: "db-admin" });
    const message = "the broker does not let db-admin ask in group db";
    assertEquals(await asAdmin.ask("db1", "arm", {}), { host: "db1", error: { code: "not-allowed", message } });
    await assertRejects(() => asAdmin.tellAll("arm", {}), Error, message);
    assertEquals(one.worker.asked.length, 1);
  });

  /** What the broker says to a thing that somebody tries, once it has. */
  const tried = async (connection: NatsConnection, work: () => void): Promise<string> => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const listening = (async () => {
      for await (const status of connection.status()) if (status.type === "error") return resolve(status.error.message);
    })();
    work();
    await connection.flush();
    await Promise.race([listening, new Promise((done) => setTimeout(done, 1000))]);
    resolve("taken");
    return await promise;
  };

  await t.step("nobody can pretend to be a host: tell for it, write its log, or answer for it", async () => {
    for (const [connection, name] of [[alice, "alice"], [db2, "db2"], [bob, "bob"]] as const) {
      for (const subject of ["plugctl.db.db1.log", "plugctl.db.db1.here"]) {
        const text = JSON.stringify({ log: "x", seq: 1, event: "forged" });
        assertMatch(
          await tried(connection, () => connection.publish(subject, text)),
          /Permissions Violation for Publish/,
          name,
        );
      }
      for (
        const subject of [
          "plugctl.db.db1.*.*",
          "plugctl.db.>",
          "_INBOX.>",
          "_INBOX.users.alice.>",
          "_INBOX.hosts.db1.>",
        ]
      ) {
        if (name === "alice" && subject === "_INBOX.users.alice.>") continue;
        const said = await tried(connection, () => void connection.subscribe(subject, { callback: () => {} }));
        assertMatch(said, /Permissions Violation for Subscription/, `${name} ${subject}`);
      }
    }
    for (const subject of ["_INBOX.users.alice.x.db1", "_INBOX.users.alice.x"]) {
      assertMatch(await tried(db2, () => db2.publish(subject, "{}")), /Permissions Violation for Publish/);
    }
    assertEquals(await logOf("db1"), "asked");
  });

  await t.step("a host that answers in another's name is heard as itself", async () => {
    db2.subscribe("plugctl.db.@all.*.*", {
      callback: (_, message) => {
        const forged = JSON.stringify({ host: "db1", result: { host: "db1", agent: "forged", labels: [] } });
        db2.publish(`${message.reply}.db2`, forged);
        db2.publish(`${message.reply}.db1`, forged);
        message.respond(forged);
      },
    });
    await db2.flush();
    const found = await inDb.find([]);
    assertEquals(found.map(({ host, isDouble }) => [host, isDouble]), [["db1", undefined], ["db2", true]]);
  });

  await t.step("a user cannot spoil the streams", async () => {
    const manager = await jetstreamManager(alice);
    for (
      const work of [
        () => manager.streams.delete(STREAMS.log.name),
        () => manager.streams.purge(STREAMS.log.name),
        () => manager.streams.deleteMessage(STREAMS.log.name, 1),
        () => manager.streams.add({ name: "OTHER", subjects: ["plugctl.>"] }),
        () => manager.consumers.add(STREAMS.log.name, { durable_name: "x" }),
      ]
    ) await assertRejects(work, Error, VIOLATION);
    for (const host of [db1, db2]) {
      await assertRejects(() => jetstreamManager(host), Error, VIOLATION);
    }
  });

  await t.step("an agent that may not listen says so, and does not begin", async () => {
    const connection = await enter(broker, "db2");
    const host = new FakeHost(connection, { host: "db3" });
    await assertRejects(
      () => host.agent.start(),
      Error,
      "Cannot answer for db3 of group db: Permissions Violation for Sub",
    );
    await host[Symbol.asyncDispose]();
  });

  await Promise.all([one, two, other].map((host) => host[Symbol.asyncDispose]()));
  await Promise.all([admin, alice, bob].map((connection) => connection.close()));
  await Deno.remove(broker.certificates, { recursive: true });
});

Deno.test("the broker of docs/fleet/nats.conf lets nobody in without TLS, a known authority and the right password", async () => {
  await using broker = await startBroker();
  const { port, certificates } = broker;
  const ca = `${certificates}/ca.crt`;
  const where = `Cannot connect to the broker at 127.0.0.1:${port}: `;
  const attempts: [url: string, ca: string | undefined, says: RegExp][] = [
    [`tls://127.0.0.1:${port}`, ca, /Authorization Violation/],
    [`tls://alice:wrong@127.0.0.1:${port}`, ca, /Authorization Violation/],
    [`tls://nobody:alice-secret@127.0.0.1:${port}`, ca, /Authorization Violation/],
    [broker.tls("alice"), undefined, /certificate|UnknownIssuer/i],
    [broker.tls("alice"), `${certificates}/other.crt`, /certificate|UnknownIssuer/i],
    // Plain words are not spoken even where no TLS is asked for.
    [broker.tls("alice").replace("tls", "nats"), undefined, /certificate|UnknownIssuer/i],
  ];
  for (const [url, ca, says] of attempts) {
    const error = await assertRejects(() => connectAs(url, { name: "alice", ca }), Error, where);
    assertMatch(error.message, says, url);
    assertEquals(error.message.includes("secret"), false);
  }
  // By hand, without TLS: the broker answers nothing to what is plain.
  const plain = await Deno.connect({ hostname: "127.0.0.1", port });
  const [said] = await readLine(plain);
  assertMatch(said, /^INFO .*"tls_required":true/);
  await plain.write(
    new TextEncoder().encode(`CONNECT {"user":"alice","pass":"alice-secret","verbose":true}\r\nPING\r\n`),
  );
  const rest = await readAll(plain);
  assertEquals(/PONG|\+OK/.test(rest), false, rest);
  await Deno.remove(certificates, { recursive: true });
});

Deno.test("TLS is not given up where the broker has none", async () => {
  await using broker = await TestBroker.start();
  const certificates = await Deno.makeTempDir({ prefix: "plugctl-tls-" });
  await makeCertificates(certificates);
  const attempt = () => connectAs(`tls://127.0.0.1:${broker.port}`, { ca: `${certificates}/ca.crt` });
  await assertRejects(attempt, Error, "tls");
  await Deno.remove(certificates, { recursive: true });
});

async function readLine(connection: Deno.Conn): Promise<[string]> {
  const bytes = new Uint8Array(4096);
  const length = await connection.read(bytes) ?? 0;
  return [new TextDecoder().decode(bytes.subarray(0, length))];
}

async function readAll(connection: Deno.Conn): Promise<string> {
  const chunks: string[] = [];
  const decoder = new TextDecoder();
  try {
    for await (const chunk of connection.readable) chunks.push(decoder.decode(chunk));
  } catch {
    // It was reset.
  }
  return chunks.join("");
}
