/** What an agent answers, over a real broker; what it does is asked of a worker that does nothing. */

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { createInbox, headers, type NatsConnection } from "@nats-io/transport-node";
import { jetstreamManager } from "@nats-io/jetstream";
import { RequestError } from "../../control/problem.ts";
import { HEADERS, type HostAnswer } from "../../fleet/agent.ts";
import { Caller, keepWhatIsTold } from "../../fleet/caller.ts";
import { STREAMS } from "../../fleet/subject.ts";
import { until } from "../kernel/until.ts";
import { FakeHost } from "./hosts.ts";
import { connectAs, TestBroker } from "./nats.ts";

/** A broker, and a user of it. */
async function setUp() {
  const broker = await TestBroker.start();
  const user = await connectAs(broker.url, { name: "alice" });
  const caller = new Caller(user, { group: "db", who: "alice" });
  const host = async (name: string, options = {}) =>
    await FakeHost.start(await connectAs(broker.url, { kind: "hosts", name }), { host: name, ...options });
  return {
    broker,
    user,
    caller,
    host,
    async [Symbol.asyncDispose]() {
      await user.close();
      await broker[Symbol.asyncDispose]();
    },
  };
}

/** Asks as by hand, and returns what is answered within some time. */
async function askRaw(
  user: NatsConnection,
  { subject, text, head = {} }: { subject: string; text: string; head?: Record<string, string> },
): Promise<Record<string, unknown>[]> {
  const made = headers();
  for (const [key, value] of Object.entries(head)) made.set(key, value);
  const reply = createInbox("_INBOX.users.alice");
  const answers: Record<string, unknown>[] = [];
  const take = {
    callback: (_: unknown, message: { data: Uint8Array; json(): unknown }) => {
      if (message.data.length > 0) answers.push(message.json() as Record<string, unknown>);
    },
  };
  const subscriptions = [user.subscribe(reply, take), user.subscribe(`${reply}.*`, take)];
  user.publish(subject, text, { reply, headers: made });
  await user.flush();
  await new Promise((resolve) => setTimeout(resolve, 100));
  for (const subscription of subscriptions) subscription.unsubscribe();
  return answers;
}

Deno.test("an agent does once what comes twice, and answers both", async () => {
  await using all = await setUp();
  await using host = await all.host("db1");
  host.worker.answer = () => ({ done: host.worker.asked.length });
  const head = { [HEADERS.request]: "r1" };
  const request = { subject: "plugctl.db.db1.alice.arm", text: '{"on":"eth0"}', head };
  const answers = [...await askRaw(all.user, request), ...await askRaw(all.user, request)];
  assertEquals(answers, [{ host: "db1", result: { done: 1 } }, { host: "db1", result: { done: 1 } }]);
  assertEquals(host.worker.asked.length, 1);
  // Without a number each is one of its own.
  for (let time = 0; time < 2; time++) await askRaw(all.user, { ...request, head: {} });
  assertEquals(host.worker.asked.length, 3);
});

Deno.test("an agent refuses what comes much later than the fastest of the same sender, but for what lets go", async () => {
  await using all = await setUp();
  await using host = await all.host("db1");
  const ask = async (operation: string, ageMs: number, sender = "s") => {
    const head = { [HEADERS.sender]: sender, [HEADERS.sent]: String(performance.now() + 1e9 - ageMs) };
    const [answer] = await askRaw(all.user, { subject: `plugctl.db.db1.alice.${operation}`, text: "{}", head });
    return (answer as HostAnswer & { error?: { code: string } }).error?.code;
  };
  // Whose clock says what does not matter.
  assertEquals(await ask("renew", 5000), undefined);
  assertEquals(await ask("renew", 5500), undefined);
  assertEquals(await ask("renew", 6200), "late");
  assertEquals(await ask("end", 60_000), undefined);
  assertEquals(await ask("renew", 3000), undefined);
  assertEquals(await ask("renew", 5000), "late");
  assertEquals(await ask("renew", 5000, "another"), undefined);
  assertEquals(host.worker.asked.map(({ operation }) => operation), ["renew", "renew", "end", "renew", "renew"]);
});

Deno.test("an agent answers what is no request in words, and goes on", async () => {
  await using all = await setUp();
  await using host = await all.host("db1");
  for (const text of ["", "{", "null", "[]", '"x"', "7", '{"among":"db*"}', '{"not":[1]}', "\0"]) {
    const [answer] = await askRaw(all.user, { subject: "plugctl.db.db1.alice.arm", text });
    if (text === "") assertEquals(answer, { host: "db1", result: {} });
    else assertMatch((answer.error as { message: string }).message, /^a request must be an object in JSON/, text);
    // What is for all, and means nobody knows whom, means nobody.
    const forAll = await askRaw(all.user, { subject: "plugctl.db.@all.alice.arm", text });
    assertEquals(forAll.length, text === "" ? 1 : 0, text);
  }
  assertEquals(host.worker.asked.length, 2);
  const [odd] = await askRaw(all.user, { subject: "plugctl.db.db1.%zz.nothing", text: "{}" });
  assertEquals(odd, { host: "db1", error: { code: "unknown-operation", message: "there is none" } });
});

Deno.test("an agent does what is for all where it is meant, and is silent of holds that it does not have", async () => {
  await using all = await setUp();
  await using one = await all.host("db1", { labels: ["role=db"] });
  await using two = await all.host("db2");
  const heard = async (input: object, operation = "arm") => {
    const hosts: string[] = [];
    using answers = all.caller.answers(({ host }) => void hosts.push(host));
    await all.caller.tellAll(operation, input, answers.reply);
    await new Promise((resolve) => setTimeout(resolve, 100));
    return hosts.sort();
  };
  assertEquals(await heard({}), ["db1", "db2"]);
  assertEquals(await heard({ among: ["role=*"] }), ["db1"]);
  assertEquals(await heard({ among: ["db*"], not: ["db1"] }), ["db2"]);
  assertEquals(await heard({ among: [] }), []);
  assertEquals([one.worker.asked.length, two.worker.asked.length], [2, 2]);
  one.worker.answer = () => {
    throw new RequestError("no-hold", "there is no hold");
  };
  assertEquals(await heard({}, "renew"), ["db2"]);
});

Deno.test("an agent that is too late for another one of its name says so; of two at once one goes", async () => {
  await using all = await setUp();
  const connect = () => connectAs(all.broker.url, { kind: "hosts", name: "db1" });
  const hosts = await Promise.all(
    [connect(), connect()].map(async (made) => new FakeHost(await made, { host: "db1" })),
  );
  const starts = await Promise.allSettled(hosts.map(({ agent }) => agent.start()));
  assertEquals(starts.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  await using third = new FakeHost(await connect(), { host: "db1" });
  await assertRejects(() => third.agent.start(), Error, "Cannot answer for db1 of group db: another agent does, ");
  // It has written nothing in the other's name.
  assertEquals(third.log.pending, 0);
  for (const host of hosts) await host[Symbol.asyncDispose]();
});

Deno.test("an agent that comes back when another has its name goes, and Caller.find() tells of two until then", async () => {
  await using all = await setUp();
  await using one = await all.host("db1");
  const second = await connectAs(all.broker.url, { kind: "hosts", name: "db1" });
  // One that the first could not hear of: it was on the other side of a partition.
  second.subscribe("plugctl.db.*.*.*", {
    callback: (_, message) => {
      const text = JSON.stringify({ result: { host: "db1", agent: "another", labels: [] } });
      if (message.subject.includes("@all")) second.publish(`${message.reply}.db1`, text);
      else message.respond(text);
    },
  });
  await second.flush();
  const [found] = await all.caller.find(["db1"]);
  assertEquals([found.host, found.isDouble, found.status], ["db1", true, undefined]);
  const failed = assertRejects(() => one.agent.failed, Error, "another agent does, another");
  await one.connection.reconnect();
  await failed;
  await second.close();
});

Deno.test("an agent that is stopped begins nothing more, ends what goes on, and hands over its log", async () => {
  await using all = await setUp();
  assertEquals(await keepWhatIsTold(all.user), true);
  const host = await all.host("db1");
  host.worker.holds = 1;
  const answers: HostAnswer[] = [];
  const closing = host.agent.close(async () => {
    answers.push(await all.caller.ask("db1", "arm", {}));
    answers.push(await all.caller.ask("db1", "end", {}));
  });
  await new Promise((resolve) => setTimeout(resolve, 200));
  // Whoever has a hold there hears of its end.
  answers.push(await all.caller.ask("db1", "end", {}));
  await closing;
  const codes = answers.map((answer) => "error" in answer ? answer.error.code : "done");
  assertEquals(codes, ["stopping", "done", "done"]);
  const manager = await jetstreamManager(all.user);
  const last = await manager.streams.getMessage(STREAMS.log.name, { last_by_subj: "plugctl.db.db1.log" });
  assertEquals(last?.json<{ event: string }>().event, "stopped");
  assertEquals(host.log.pending, 0);
  host.log[Symbol.dispose]();
});

Deno.test("an agent goes on where its log cannot be written: it begins nothing, and lets go", async () => {
  await using all = await setUp();
  await using host = await all.host("db1");
  Deno.renameSync(`${host.folder}/log.jsonl`, `${host.folder}/before`);
  Deno.mkdirSync(`${host.folder}/log.jsonl`);
  const refused = await all.caller.ask("db1", "arm", {});
  assertMatch("error" in refused ? refused.error.message : "", /^the log of this host cannot be written: /);
  for (const operation of ["end", "renew", "status"]) {
    assertEquals("result" in await all.caller.ask("db1", operation, {}), true);
  }
  Deno.removeSync(`${host.folder}/log.jsonl`);
  assertEquals("result" in await all.caller.ask("db1", "arm", {}), true);
  const events = Deno.readTextFileSync(`${host.folder}/log.jsonl`).trimEnd().split("\n").map((line) =>
    JSON.parse(line).event
  );
  assertEquals(events, ["asked", "refused", "asked", "asked"]);
});

Deno.test("an agent says what it did and cannot be answered, as it is too long for the broker", async () => {
  await using all = await setUp();
  await using host = await all.host("db1");
  host.worker.answer = () => "x".repeat(2 << 20);
  const answer = await all.caller.ask("db1", "show", {});
  assertMatch("error" in answer ? answer.error.message : "", /^it was done, but cannot be answered: /);
});

Deno.test("logs of hosts arrive once each in the stream, also through a broker that is killed again and again", async () => {
  await using all = await setUp();
  assertEquals(await keepWhatIsTold(all.user), true);
  await using host = await all.host("db1");
  const COUNT = 300;
  for (let number = 0; number < COUNT; number++) {
    host.agent.note("armed", { id: String(number % 7), number });
    if (number % 60 === 30) {
      await all.broker.stop("SIGKILL");
      await all.broker.start();
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await until(() => host.log.pending === 0, { timeoutMs: 30_000, what: "all handed over" });
  const manager = await jetstreamManager(all.user);
  const { state } = await manager.streams.info(STREAMS.log.name);
  const numbers: number[] = [];
  for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
    const message = await manager.streams.getMessage(STREAMS.log.name, { seq });
    const entry = message?.json<{ event: string; hold?: { number: number } }>();
    if (entry?.event === "armed") numbers.push(entry.hold?.number ?? NaN);
  }
  assertEquals(numbers, Array.from({ length: COUNT }, (_, number) => number));
});
