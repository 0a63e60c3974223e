/** The connection to a broker: how it is made, lost and made anew, and by whom. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { askerOf, brokerPorts, closeConnection } from "../../fleet/broker.ts";
import { Caller } from "../../fleet/caller.ts";
import { FakeHost } from "./hosts.ts";
import { connectAs, makeCertificates, TestBroker } from "./nats.ts";

/** A broker with TLS. */
async function startWithTls() {
  const broker = await TestBroker.start((folder) => ({
    config: `tls { cert_file: "${folder}/broker.crt", key_file: "${folder}/broker.key" }`,
    before: () => makeCertificates(folder),
  }));
  return { broker, url: `tls://127.0.0.1:${broker.port}`, ca: `${broker.folder}/ca.crt` };
}

Deno.test("a connection with TLS is made anew where the broker was silent, and does not keep its end from closing", async () => {
  const { broker, url, ca } = await startWithTls();
  await using _broker = broker;
  const connection = await connectAs(url, { ca });
  const said: string[] = [];
  const listening = (async () => {
    for await (const { type } of connection.status()) said.push(type);
  })();
  const has = async (type: string) => {
    const deadline = performance.now() + 15_000;
    while (!said.includes(type) && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert(said.includes(type), `no ${type} in ${said}`);
  };
  broker.signal("SIGSTOP");
  await has("disconnect");
  broker.signal("SIGCONT");
  await has("reconnect");
  await connection.flush();
  broker.signal("SIGSTOP");
  const startMs = performance.now();
  await closeConnection(connection);
  assert(performance.now() - startMs < 2500);
  broker.signal("SIGCONT");
  await listening;
});

for (const [how, lose] of [["is silent", "signal"], ["is gone", "stop"]] as const) {
  Deno.test(`Caller.tellAll() does not wait for ever for a broker that ${how}`, async () => {
    await using broker = await TestBroker.start();
    const connection = await connectAs(broker.url);
    const caller = new Caller(connection, { group: "g", who: "me" });
    await caller.tellAll("status", {});
    if (lose === "stop") await broker.stop();
    else await broker.standStill();
    const startMs = performance.now();
    await assertRejects(() => caller.tellAll("status", {}), Error, "the broker does not take it");
    assert(performance.now() - startMs < 3000);
    if (lose === "signal") broker.signal("SIGCONT");
    await closeConnection(connection);
  });
}

Deno.test("an agent that is stopped while the broker is silent ends", async () => {
  const { broker, url, ca } = await startWithTls();
  await using _broker = broker;
  const host = await FakeHost.start(await connectAs(url, { kind: "hosts", name: "db1", ca }), { host: "db1" });
  broker.signal("SIGSTOP");
  const startMs = performance.now();
  await host[Symbol.asyncDispose]();
  assert(performance.now() - startMs < 4000);
  broker.signal("SIGCONT");
});

Deno.test("brokerPorts() has those of the broker and of what was given", async () => {
  await using broker = await TestBroker.start();
  const connection = await connectAs(broker.url);
  assertEquals(
    brokerPorts(connection, [broker.url, "nats://other", "tls://[::1]:4333"]),
    new Set([broker.port, 4222, 4333]),
  );
  await connection.close();
});

Deno.test("askerOf() is who the credentials, or the URL, or the process belong to", async () => {
  const folder = await Deno.makeTempDir({ prefix: "plugctl-creds-" });
  const payload = btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify({ name: "Zoë" })))).replaceAll(
    "=",
    "",
  );
  const creds = `${folder}/user.creds`;
  await Deno.writeTextFile(creds, `-----BEGIN NATS USER JWT-----\ne30.${payload}.sig\n------END NATS USER JWT------\n`);
  assertEquals(await askerOf({ urls: ["nats://x"], creds }), "Zoë");
  assertEquals(await askerOf({ urls: ["nats://a%20b:secret@x"] }), "a b");
  assertMatch(await askerOf({ urls: ["nats://x"] }), /^\w+$/);
  await Deno.chmod(creds, 0o640);
  await assertRejects(
    () => connectAs("nats://127.0.0.1:1", { creds }),
    Error,
    `others can read the credentials in ${creds}`,
  );
  await Deno.writeTextFile(creds, "nothing");
  await assertRejects(() => askerOf({ urls: ["nats://x"], creds }), SyntaxError, "has no credentials of a user");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("Caller.ask() tells of a host without an agent from one that does not answer", async () => {
  await using broker = await TestBroker.start();
  const user = await connectAs(broker.url, { name: "alice" });
  const silent = await connectAs(broker.url, { kind: "hosts", name: "db2" });
  silent.subscribe("plugctl.db.db2.*.*", { callback: () => {} });
  await silent.flush();
  const caller = new Caller(user, { group: "db", who: "alice" });
  const code = async (host: string) => {
    const answer = await caller.ask(host, "status", {}, { timeoutMs: 100 });
    return "error" in answer ? [answer.error.code, answer.error.message] : undefined;
  };
  assertEquals(await code("db1"), ["no-agent", "no agent answers for it"]);
  assertEquals(await code("db2"), ["no-answer", "it did not answer within 100 ms"]);
  await silent.close();
  await user.close();
  assertEquals((await code("db2"))?.[0], "no-answer");
});
