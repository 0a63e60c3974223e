/** `--creds`: users by tokens that an operator's account has signed, with permissions in them, and no password anywhere. */

import { assertEquals, assertRejects } from "@std/assert";
import { nkeys } from "@nats-io/transport-node";
import { askerOf } from "../../fleet/broker.ts";
import { Caller } from "../../fleet/caller.ts";
import { FakeHost } from "./hosts.ts";
import { connectAs, TestBroker } from "./nats.ts";

type Key = ReturnType<typeof nkeys.createUser>;

/** A token as `nsc` makes it: what is said of a key, signed by another one. */
function sign(by: Key, of: Key, { name, nats }: { name: string; nats: Record<string, unknown> }): string {
  const claims = { jti: crypto.randomUUID(), iat: Math.floor(Date.now() / 1000), iss: by.getPublicKey() };
  const payload = { ...claims, sub: of.getPublicKey(), name, nats: { ...nats, version: 2 } };
  const text = [{ typ: "JWT", alg: "ed25519-nkey" }, payload].map((part) => encode(JSON.stringify(part))).join(".");
  return `${text}.${encode(by.sign(new TextEncoder().encode(text)))}`;
}

function encode(data: string | Uint8Array): string {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** A file of credentials, as `nsc generate creds` writes it. */
async function writeCreds(path: string, user: Key, token: string): Promise<string> {
  const seed = new TextDecoder().decode(user.getSeed());
  const text = `-----BEGIN NATS USER JWT-----\n${token}\n------END NATS USER JWT------\n\n` +
    `-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`;
  await Deno.writeTextFile(path, text, { mode: 0o600 });
  return path;
}

const ANY = { subs: -1, data: -1, payload: -1 };
const AGENT = {
  pub: {
    allow: ["plugctl.db.db1.log", "plugctl.db.db1.here", "plugctl.db.db1.%40agent.status", "_INBOX.users.*.*.db1"],
  },
  sub: { allow: ["plugctl.db.db1.*.*", "plugctl.db.@all.*.*", "_INBOX.hosts.db1.>"] },
  resp: { max: 1, ttl: 300e9 },
};
const USER = { pub: { allow: ["plugctl.db.*.alice.*"] }, sub: { allow: ["_INBOX.users.alice.>"] } };

Deno.test("agents and users come in by their credentials, as what these say, and nobody else does", async () => {
  const [operator, account] = [nkeys.createOperator(), nkeys.createAccount()];
  const limits = { ...ANY, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 };
  const tokens = {
    operator: sign(operator, operator, { name: "operator", nats: { type: "operator" } }),
    account: sign(operator, account, { name: "db", nats: { type: "account", limits } }),
  };
  await using broker = await TestBroker.start({
    config:
      `operator: ${tokens.operator}\nresolver: MEMORY\nresolver_preload { ${account.getPublicKey()}: ${tokens.account} }`,
  });
  const credsOf = async (name: string, permissions: Record<string, unknown>, by = account) => {
    const user = nkeys.createUser();
    const token = sign(by, user, { name, nats: { type: "user", ...ANY, ...permissions } });
    return await writeCreds(`${broker.folder}/${name}-${crypto.randomUUID()}.creds`, user, token);
  };
  const agent = await connectAs(broker.url, { kind: "hosts", name: "db1", creds: await credsOf("db1", AGENT) });
  const host = await FakeHost.start(agent, { host: "db1" });
  const creds = await credsOf("alice", USER);
  const who = await askerOf({ urls: [broker.url], creds });
  assertEquals(who, "alice");
  const user = await connectAs(broker.url, { name: who, creds });
  const caller = new Caller(user, { group: "db", who });
  assertEquals((await caller.find(["db*"])).map(({ host }) => host), ["db1"]);
  assertEquals(await caller.ask("db1", "arm", {}), { host: "db1", result: {} });
  assertEquals(host.worker.asked.map(({ who }) => who), ["alice"]);
  const forged = await new Caller(user, { group: "db", who: "root" }).ask("db1", "arm", {});
  assertEquals("error" in forged && forged.error.code, "not-allowed");

  // A token of another account's, one whose seed is another's, and none.
  const refused = [
    await credsOf("alice", USER, nkeys.createAccount()),
    await writeCreds(
      `${broker.folder}/stolen.creds`,
      nkeys.createUser(),
      (await Deno.readTextFile(creds)).split("\n")[1],
    ),
    undefined,
  ];
  for (const creds of refused) {
    await assertRejects(() => connectAs(broker.url, { name: "alice", creds }), Error, "Authorization Violation");
  }
  await user.close();
  await host[Symbol.asyncDispose]();
});
