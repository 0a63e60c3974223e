/** Whatever is asked, of a server or a session, right or wrong, is answered as the documents say, and leaves nothing. */

import { toJsonSchema } from "@valibot/to-json-schema";
import { assert, assertEquals } from "@std/assert";
import { OPERATIONS } from "../../control/operations/list.ts";
import { Conversation } from "./conversation.ts";
import { GatePair, WAIT, witness } from "./gate_pair.ts";
import { randomly } from "./random_frames.ts";
import { type Schema, Served } from "./served.ts";
import { until } from "./until.ts";

/** How many requests are made up, `PLUGCTL_REQUESTS`, 5,000 by `deno task test:requests`; and which, by `PLUGCTL_SEED`. */
const REQUESTS = Number(Deno.env.get("PLUGCTL_REQUESTS") ?? 300);
const SEED = Number(Deno.env.get("PLUGCTL_SEED") ?? Date.now() % 1_000_000);
const GATE = { name: "web", dev: "eth0", direction: "out", match: "udp dst port 9000" };
/** How often the gate is made anew that many of them name. */
const GATE_EVERY = 20;
/** What may stand anywhere, right or wrong. */
const VALUES = [
  "web",
  "eth0",
  "lo",
  "none",
  "",
  "x".repeat(300),
  "out",
  "tcp",
  "1:",
  0,
  1,
  5,
  -1,
  0.5,
  1e300,
  true,
  null,
  [],
  {},
  ["web"],
  ["web", "web"],
  "\u0000",
];
/** What makes nothing wait for long. */
const SHORT = [0, 1, 5, 20, -1, "5", null];

/** Makes up what an operation takes: mostly with all that it must have, and with values of any kind. */
function madeUp(schema: Schema, operation: string, { below, pick }: ReturnType<typeof randomly>): unknown {
  if (below(10) === 0) return pick(VALUES);
  const names = Object.keys(schema.properties ?? {});
  const chosen = names.filter((name) => schema.required?.includes(name) ? below(20) > 0 : below(3) === 0);
  if (operation === "wait") chosen.push("timeoutMs", "until");
  if (operation === "release-paced") chosen.push("overMs");
  const valueOf = (name: string) => name === "until" ? "sent>=1" : /Ms$/.test(name) ? pick(SHORT) : pick(VALUES);
  return Object.fromEntries([...new Set(chosen)].map((name) => [name, valueOf(name)]));
}

Deno.test(`whatever a server is asked has an answer that is documented (seed ${SEED})`, async () => {
  await using served = await Served.start();
  const random = randomly(SEED);
  const { below, pick } = random;
  const { body: { paths } } = await served.ask("/openapi.json");
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => ({ path, method, described }))
  ).filter(({ path }) => path !== "/v1/events");
  const statuses = new Map<number, number>();
  for (let number = 0; number < REQUESTS; number++) {
    if (number % GATE_EVERY === 0) await served.ask("/v1/gates", GATE);
    const { path, method, described } = pick(routes);
    const schema = described.requestBody?.content["application/json"].schema;
    const asked = path.replace("{name}", encodeURIComponent(String(pick(VALUES)) || "web"));
    const query = method !== "post" && below(4) === 0
      ? `?${pick(["netns", "drop", "timeoutMs", "x"])}=${pick(SHORT)}`
      : "";
    const body = schema && madeUp(schema.anyOf?.[1] ?? schema, path.slice("/v1/".length), random);
    const response = await served.fetch(`${asked}${query}`, body, { method: method.toUpperCase() });
    const text = await response.text();
    const { status } = response;
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    assert(
      status !== 500 && String(status) in described.responses,
      `${number}: ${method} ${asked}${query} ${JSON.stringify(body)}: ${status} ${text}`,
    );
    if (status < 400) continue;
    const problem = JSON.parse(text);
    assertEquals([problem.status, typeof problem.code, typeof problem.detail], [status, "string", "string"]);
  }
  assert((statuses.get(200) ?? 0) > 0 && (statuses.get(400) ?? 0) > 0, JSON.stringify([...statuses]));
  assertEquals((await served.ask("/v1/reset", undefined, "POST")).status, 200);
  assertEquals(witness(served.pair.left), served.before);
});

/** The codes that docs/SESSION.md explains, each in a row of its own. */
function documentedCodes(): Set<string> {
  const text = Deno.readTextFileSync(new URL("../../docs/SESSION.md", import.meta.url));
  const [, table = ""] = text.split("## Codes of errors\n");
  return new Set(table.matchAll(/^\| `([a-z-]+)` /gm).map(([, code]) => code));
}

Deno.test(`whatever a session is asked has an answer that is documented (seed ${SEED})`, async () => {
  using pair = new GatePair();
  const before = witness(pair.left);
  const random = randomly(SEED);
  const { below, pick } = random;
  const codes = documentedCodes();
  const schemas = [...OPERATIONS.values()].map(({ name, schema }) => ({
    name,
    schema: toJsonSchema(schema, { typeMode: "input", errorMode: "ignore" }) as Schema,
  }));
  const outcomes = new Map<string, number>();
  {
    await using session = new Conversation(pair.left);
    for (let number = 0; number < REQUESTS; number++) {
      if (number % GATE_EVERY === 0) await session.answer(await session.send({ op: "gate-add", ...GATE }));
      const { name, schema } = pick(schemas);
      const input = madeUp(schema, name, random);
      const asked = { ...typeof input === "object" && input, op: below(50) === 0 ? pick(VALUES) : name };
      const { result, error } = await session.answer(await session.send(asked));
      outcomes.set(error?.code ?? "done", (outcomes.get(error?.code ?? "done") ?? 0) + 1);
      const what = `${number}: ${JSON.stringify(asked)}: ${JSON.stringify(error)}`;
      assertEquals(error === undefined, result !== undefined, what);
      if (error) assert(codes.has(error.code) || /^E[A-Z0-9]+$/.test(error.code), what);
    }
    assert(outcomes.has("done") && outcomes.has("invalid") && outcomes.size > 4, JSON.stringify([...outcomes]));
    assertEquals(await session.end(), [0, ""]);
  }
  const now = () => JSON.stringify(witness(pair.left)) === JSON.stringify(before);
  await until(now, { ...WAIT, what: "the machine to be as before" });
});
