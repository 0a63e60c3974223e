/** A hold over many hosts, as it is told host by host; the hosts are none. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { HostAnswer, HostStatus } from "../../fleet/agent.ts";
import { type Asking, FleetHold, type FleetHoldOptions } from "../../fleet/fleet_hold.ts";
import type { HostNews } from "../../fleet/host_hold.ts";
import { isMeant } from "../../fleet/subject.ts";
import type { ToldHold } from "../../control/leased_hold.ts";
import { until } from "../kernel/until.ts";

/** What a host does when it is asked, and whether it hears and is heard. */
interface FakeAgent {
  hears: boolean;
  isHeard: boolean;
  hold?: ToldHold & { leaseUntilMs: number };
  asked: string[];
  /** How it refuses an operation. */
  refuses: Record<string, string>;
  isGone?: boolean;
}

/** Hosts that hold as `LeasedHold` does, with leases that end. */
class FakeFleet implements Asking {
  readonly agents = new Map<string, FakeAgent>();
  readonly #answers = new Map<string, (answer: HostAnswer, atMs: number) => void>();

  constructor(...hosts: string[]) {
    for (const host of hosts) this.agents.set(host, { hears: true, isHeard: true, asked: [], refuses: {} });
  }

  get statuses(): HostStatus[] {
    const clock = { source: "none" } as const;
    const rest = { labels: [], version: "0", clock, shownMs: 0, holds: 0, unsent: 0 };
    return [...this.agents.keys()].map((host) => ({ host, agent: `agent-${host}`, ...rest }));
  }

  at(host: string): FakeAgent {
    const agent = this.agents.get(host);
    if (!agent) throw new Error(`there is no ${host}`);
    return agent;
  }

  /** What each was asked by itself. */
  readonly askedAlone: string[] = [];

  async ask(host: string, operation: string, input: object, options: { timeoutMs?: number } = {}) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    this.askedAlone.push(`${host} ${operation}`);
    const agent = this.at(host);
    if (agent.isGone) return { host, error: { code: "no-agent", message: "no agent answers for it" } };
    const answer = agent.hears ? this.#do(host, operation, input as Record<string, unknown>) : undefined;
    if (answer && agent.isHeard) return answer;
    await new Promise((resolve) => setTimeout(resolve, Math.min(options.timeoutMs ?? 2000, 200)));
    return { host, error: { code: "no-answer", message: "it did not answer within 2000 ms" } };
  }

  async tellAll(operation: string, input: { among?: string[]; not?: string[] }, reply = ""): Promise<void> {
    const { among, not = [], ...asked } = input;
    await Promise.resolve();
    for (const [host, agent] of this.agents) {
      if (!agent.hears || agent.isGone || not.includes(host) || among && !isMeant(among, host, [])) continue;
      const answer = this.#do(host, operation, asked);
      if ("error" in answer && answer.error.code === "no-hold") continue;
      if (agent.isHeard) queueMicrotask(() => this.#answers.get(reply)?.(answer, Date.now()));
    }
  }

  answers(onAnswer: (answer: HostAnswer, atMs: number) => void) {
    const reply = crypto.randomUUID();
    this.#answers.set(reply, onAnswer);
    return { reply, [Symbol.dispose]: () => void this.#answers.delete(reply) };
  }

  async clocks(hosts: readonly HostStatus[]) {
    await Promise.resolve();
    return new Map(
      hosts.map(({ host }) => [host, { aheadMs: 0, errorMs: host.startsWith("bad") ? 7 : 1, by: "chrony" as const }]),
    );
  }

  fastestMs(): number {
    return 2;
  }

  #do(host: string, operation: string, input: Record<string, unknown>): HostAnswer {
    const agent = this.at(host);
    agent.asked.push(operation);
    const refusal = agent.refuses[operation];
    if (refusal) return { host, error: { code: refusal, message: `it is ${refusal}` } };
    const { hold } = agent;
    if (hold && hold.state !== "ended" && performance.now() > hold.leaseUntilMs) end(hold, "lease");
    if (operation === "arm") {
      const leaseUntilMs = performance.now() + Number(input.armedMs ?? input.leaseMs);
      agent.hold = { id: String(input.hold), names: ["eth0"], state: "armed", until: "", leaseUntilMs };
      return { host, result: { ...agent.hold } };
    }
    if (hold?.id !== input.hold || !hold) return { host, error: { code: "no-hold", message: "there is none" } };
    if (operation === "end") end(hold, "released");
    else if (hold.state === "ended") return { host, error: { code: "ended", message: "it has ended" } };
    if (operation === "renew") hold.leaseUntilMs = performance.now() + Number(input.leaseMs);
    if (operation === "begin") Object.assign(hold, { state: "holding", from: new Date().toISOString() });
    return { host, result: { ...hold } };
  }
}

function end(hold: ToldHold, ended: ToldHold["ended"]): void {
  if (hold.state === "ended") return;
  Object.assign(hold, { state: "ended", ended: hold.state === "armed" ? "called-off" : ended, heldMs: 1 });
}

/** A hold over the hosts of a fleet, and what is told of them. */
function holdOn(fleet: FakeFleet, options: Partial<FleetHoldOptions> = {}) {
  const told: string[] = [];
  const last = new Map<string, HostNews>();
  const hold = new FleetHold(fleet, [...fleet.agents.keys()], {
    patterns: ["*"],
    asked: { on: ["eth0"] },
    leaseMs: 200,
    least: fleet.agents.size,
    onNews: (news) => {
      told.push(`${news.host} ${news.state}`);
      last.set(news.host, news);
    },
    ...options,
  });
  return { hold, told, last };
}

Deno.test("FleetHold arms all, has them begin, renews, and ends them", async () => {
  const fleet = new FakeFleet("a", "b");
  const { hold, told } = holdOn(fleet);
  assertEquals(await hold.arm(fleet.statuses), 2);
  await hold.begin();
  await hold.begun;
  await new Promise((resolve) => setTimeout(resolve, 600));
  assertEquals(hold.hosts.map(({ state }) => state), ["holding", "holding"]);
  await hold.end();
  assertEquals(told, ["a armed", "b armed", "a holding", "b holding", "a ended", "b ended"]);
  assertEquals(hold.hosts.map(({ told, latestMs }) => [told?.ended, latestMs]), [["released", undefined], [
    "released",
    undefined,
  ]]);
});

Deno.test("FleetHold ends all by one word, and asks those that have not answered each by itself", async () => {
  const fleet = new FakeFleet("a", "b", "c");
  const { hold, last } = holdOn(fleet);
  await hold.arm(fleet.statuses);
  await hold.begin();
  await hold.begun;
  fleet.at("c").isHeard = false;
  setTimeout(() => fleet.at("c").isHeard = true, 600);
  await hold.end();
  assertEquals(hold.hosts.map(({ state }) => state), ["ended", "ended", "ended"]);
  assertEquals(last.get("c")?.told?.ended, "released");
  assertEquals(fleet.askedAlone.filter((each) => !each.startsWith("c")), []);
  assert(fleet.askedAlone.includes("c end"));
});

Deno.test("FleetHold calls all off where too few are ready, and says who and why", async () => {
  const fleet = new FakeFleet("a", "b", "c", "bad");
  fleet.at("b").refuses.arm = "policy";
  const { hold, told, last } = holdOn(fleet, { maxSkewMs: 5, least: 3 });
  const statuses = fleet.statuses.filter(({ host }) => host !== "c");
  assertEquals(await hold.arm(statuses), 1);
  assertEquals(told, ["c refused", "bad refused", "b refused", "a armed", "a ended"].sort(order(told)));
  assertEquals(last.get("a")?.told?.ended, "called-off");
  assertMatch(
    last.get("bad")?.problem?.message ?? "",
    /^its clock is known to 7.0 ms only, by chrony; at most 5 ms may be$/,
  );
  assertEquals(last.get("c")?.problem?.code, "no-agent");
  assertEquals(fleet.at("c").asked, []);
});

function order(told: readonly string[]): (one: string, other: string) => number {
  return (one, other) => told.indexOf(one) - told.indexOf(other);
}

Deno.test("FleetHold asks a host again to arm that has heard it too late, and gives it a longer lease until all have armed", async () => {
  const fleet = new FakeFleet("a", "b");
  fleet.at("b").refuses.arm = "late";
  setTimeout(() => delete fleet.at("b").refuses.arm, 500);
  const { hold, told } = holdOn(fleet);
  const from = performance.now();
  assertEquals(await hold.arm(fleet.statuses), 2);
  assert(performance.now() - from > 400, "it was not asked again");
  assertEquals(told, ["a armed", "b armed"]);
  const leftMs = (fleet.at("a").hold?.leaseUntilMs ?? NaN) - performance.now();
  assert(leftMs > 0 && leftMs <= 200, `armed for another ${leftMs} ms`);
  await hold.end();
});

Deno.test("FleetHold tells a host that is not heard of a bound that stays: it is renewed no more", async () => {
  const fleet = new FakeFleet("a", "b");
  const { hold, told, last } = holdOn(fleet);
  await hold.arm(fleet.statuses);
  await hold.begin();
  await hold.begun;
  // It hears what it is told, but nobody hears it.
  fleet.at("a").isHeard = false;
  await until(() => told.includes("a unheard"), { timeoutMs: 5000 });
  const { latestMs = NaN } = last.get("a") ?? {};
  const leaseUntilMs = fleet.at("a").hold?.leaseUntilMs ?? NaN;
  await new Promise((resolve) => setTimeout(resolve, 400));
  assertEquals(fleet.at("a").hold?.leaseUntilMs, leaseUntilMs);
  assert(Date.now() + leaseUntilMs - performance.now() <= latestMs, "it holds longer than is said");
  assertEquals(hold.hosts.map(({ state }) => state), ["unheard", "holding"]);
  // And when it is heard again, it tells how it has ended.
  fleet.at("a").isHeard = true;
  await until(() => told.includes("a ended"), { timeoutMs: 5000 });
  await hold.end();
  assertEquals(hold.hosts.map(({ state }) => state), ["ended", "ended"]);
});

Deno.test("FleetHold hears that a host that died right after it was armed is not heard of", async () => {
  const fleet = new FakeFleet("a");
  const { hold, told } = holdOn(fleet);
  await hold.arm(fleet.statuses);
  fleet.at("a").hears = false;
  await until(() => told.includes("a unheard"), { timeoutMs: 5000 });
  hold.close();
});

Deno.test("FleetHold says that an agent was started anew, where it knows nothing of the hold", async () => {
  const fleet = new FakeFleet("a");
  const { hold, last } = holdOn(fleet);
  await hold.arm(fleet.statuses);
  await hold.begin();
  await hold.begun;
  fleet.at("a").hold = undefined;
  await hold.ended;
  assertEquals(last.get("a")?.state, "ended");
  assertMatch(last.get("a")?.problem?.message ?? "", /its agent was started anew/);
  await hold.end();
});

Deno.test("FleetHold takes a host whose arming was not answered for one that may be armed: not begun, nor renewed", async () => {
  const fleet = new FakeFleet("a", "b");
  fleet.at("a").isHeard = false;
  const { hold, last } = holdOn(fleet, { least: 1 });
  assertEquals(await hold.arm(fleet.statuses), 1);
  assertEquals(last.get("a")?.state, "refused");
  assertEquals(fleet.at("a").hold?.state, "armed");
  await hold.begin();
  await new Promise((resolve) => setTimeout(resolve, 300));
  assertEquals(fleet.at("a").asked.includes("begin"), false);
  fleet.at("a").isHeard = true;
  await hold.end();
  assertEquals([fleet.at("a").hold?.state, last.get("a")?.state], ["ended", "refused"]);
});

for (const word of [true, false]) {
  Deno.test(`FleetHold leaves a host that cannot begin ${word ? "at the word" : "at the moment"}, and says why`, async () => {
    const fleet = new FakeFleet("a", "b");
    const { hold, last } = holdOn(fleet);
    await hold.arm(fleet.statuses);
    fleet.at("a").refuses.begin = "late";
    await hold.begin(word ? undefined : { epochMs: Date.now() } as never);
    await hold.begun;
    await until(() => last.get("a")?.state === "ended", { timeoutMs: 5000 });
    assertEquals([last.get("a")?.problem?.code, last.get("b")?.state], ["late", "holding"]);
    await hold.end();
  });
}

Deno.test("FleetHold leaves a host that does not hear the word to begin", async () => {
  const fleet = new FakeFleet("a", "b");
  const { hold, last } = holdOn(fleet);
  await hold.arm(fleet.statuses);
  const tellAll = fleet.tellAll.bind(fleet);
  fleet.tellAll = async (operation, input, reply) => {
    fleet.at("a").hears = operation !== "begin";
    await tellAll(operation, input, reply);
    fleet.at("a").hears = true;
  };
  await hold.begin();
  await hold.begun;
  await until(() => last.get("a")?.state === "ended", { timeoutMs: 5000 });
  assertMatch(last.get("a")?.problem?.message ?? "", /^it did not begin$/);
  await hold.end();
});

Deno.test("FleetHold ends without haste where nobody answers, and tells the bound", async () => {
  const fleet = new FakeFleet("a");
  const { hold, told } = holdOn(fleet);
  await hold.arm(fleet.statuses);
  await hold.begin();
  await hold.begun;
  let asked = 0;
  const ask = fleet.ask.bind(fleet);
  fleet.ask = async (...args) => {
    asked++;
    return await ask(...args);
  };
  fleet.at("a").isGone = true;
  const startMs = performance.now();
  await hold.end();
  const tookMs = performance.now() - startMs;
  assertEquals(told.at(-1), "a unheard");
  assert(asked < tookMs / 50, `asked ${asked} times in ${tookMs} ms`);
  // The bound: the lease, what may be late, the guardian's grace; and five seconds beyond.
  assert(tookMs > 5400 && tookMs < 9000, `${tookMs} ms`);
});

Deno.test("FleetHold asks nothing of a host for which two agents answer, and says so", async () => {
  const fleet = new FakeFleet("a", "b");
  const { hold, last } = holdOn(fleet, { least: 1 });
  assertEquals(await hold.arm(fleet.statuses.slice(1), { double: ["a"] }), 1);
  assertEquals([last.get("a")?.state, last.get("a")?.problem?.code], ["refused", "two-agents"]);
  assertEquals([fleet.at("a").asked.includes("arm"), fleet.at("a").hold], [false, undefined]);
  await hold.end();
});
