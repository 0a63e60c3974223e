/** What a server answers before any of it reaches a kernel: who may ask, and what is wrong with what is asked. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import Ajv from "npm:ajv@8.17.1/dist/2020.js";
import { makeApp } from "../../control/serve/app.ts";
import { EventStream } from "../../control/serve/event_stream.ts";
import { Service } from "../../control/serve/service.ts";
import { Turns } from "../../control/serve/turns.ts";
import { type Admission, readJson } from "../../control/serve/visitor.ts";
import { OF_HOLDS, OPERATIONS } from "../../control/operations/list.ts";
import { RequestError } from "../../control/problem.ts";

const TOKEN = "0123456789abcdef";
const ON_TCP: Admission = { hosts: new Set(["127.0.0.1:7070", "localhost:7070"]), token: TOKEN };
const ON_SOCKET: Admission = {};

/** What is asked, beside the path. */
interface Asked {
  method?: string;
  headers?: Record<string, string>;
  body?: unknown;
}

/** What the description says of a request. */
interface Described {
  operationId: string;
  requestBody?: { content: Record<string, { schema: object }> };
  responses: Record<string, unknown>;
  parameters: { schema: object }[];
}

/** The status, and the JSON of the answer. */
async function ask(admission: Admission, path: string, { method, headers, body }: Asked = {}) {
  const service = new Service({
    maxHoldMs: 1000,
    version: "1.2.3",
    onEnd: (error) => {
      throw error;
    },
  });
  const app = makeApp(service, admission);
  const text = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
  const request = new Request(`http://127.0.0.1:7070${path}`, {
    method: method ?? (text === undefined ? "GET" : "POST"),
    headers: {
      host: "127.0.0.1:7070",
      ...text === undefined ? {} : { "content-type": "application/json" },
      ...headers,
    },
    body: text,
  });
  const response = await app(request);
  const answer = await response.json();
  assertEquals(await service.close(), []);
  assertEquals(response.headers.get("x-content-type-options"), "nosniff");
  return { status: response.status, type: response.headers.get("content-type"), answer };
}

/** The status and the code of a refusal. */
async function refusal(...args: Parameters<typeof ask>): Promise<[number, string]> {
  const { status, type, answer } = await ask(...args);
  assertEquals(type, "application/problem+json");
  assertEquals([answer.status, answer.type], [status, `urn:plugctl:problem:${answer.code}`]);
  return [status, answer.code];
}

Deno.test("over TCP nobody is answered without the token, and no page of another site", async () => {
  const withToken = { authorization: `Bearer ${TOKEN}` };
  assertEquals(await refusal(ON_TCP, "/v1/holds"), [401, "unauthorized"]);
  for (
    const authorization of ["", "Bearer", `Basic ${TOKEN}`, `Bearer ${TOKEN}0`, `Bearer ${TOKEN.slice(1)}`, "Bearer ä"]
  ) {
    if (/^[ -~]*$/.test(authorization)) {
      assertEquals(await refusal(ON_TCP, "/v1/holds", { headers: { authorization } }), [401, "unauthorized"]);
    }
  }
  for (
    const path of ["/metrics", "/openapi.json", "/v1/events", "/V1/holds", "//v1/holds", "/healthz/", "/%2e/v1/holds"]
  ) {
    assertEquals(await refusal(ON_TCP, path), [401, "unauthorized"], path);
  }
  for (const host of ["evil.example", "127.0.0.1", "127.0.0.1:7071", "localhost.evil.example:7070", ""]) {
    assertEquals(await refusal(ON_TCP, "/healthz", { headers: { host } }), [403, "wrong-host"], host);
  }
  for (const origin of ["http://evil.example", "null", "https://127.0.0.1:7070", "http://localhost:7070"]) {
    const headers = { origin, ...withToken };
    assertEquals(await refusal(ON_TCP, "/v1/holds", { headers }), [403, "wrong-origin"], origin);
  }
  const headers = { origin: "http://127.0.0.1:7070", ...withToken };
  assertEquals((await ask(ON_TCP, "/v1/holds", { headers })).answer, []);
  assertEquals((await ask(ON_TCP, "/v1/holds", { headers: { ...withToken, host: "LOCALHOST:7070" } })).answer, []);
  assertEquals((await ask(ON_TCP, "/healthz")).answer, { status: "ok", version: "1.2.3" });
});

Deno.test("on a socket any name will do, and no page may ask", async () => {
  assertEquals((await ask(ON_SOCKET, "/v1/holds", { headers: { host: "whatever" } })).status, 200);
  const headers = { origin: "http://127.0.0.1:7070" };
  assertEquals(await refusal(ON_SOCKET, "/v1/holds", { headers }), [403, "wrong-origin"]);
});

const MISTAKES: [path: string, asked: Asked, status: number, code: string, detail: string | RegExp, field?: string][] =
  [
    ["/v1/gate", {}, 404, "no-route", "there is no GET /v1/gate: see /openapi.json"],
    ["/v1/gates/web", {}, 404, "no-route", "there is no GET /v1/gates/web: DELETE"],
    ["/v1/gates/../../etc/passwd", {}, 404, "no-route", "there is no GET /etc/passwd: see /openapi.json"],
    ["/v1/holds/none", {}, 404, "no-hold", 'there is no hold "none"'],
    ["/v1/holds/none", { method: "DELETE" }, 404, "no-hold", 'there is no hold "none"'],
    ["/v1/holds", { body: "{" }, 400, "invalid", /^the body must be JSON: /],
    ["/v1/holds", { body: [] }, 400, "invalid", "holds takes an object, not a list"],
    ["/v1/holds", { body: { on: 3 } }, 400, "invalid", "on of holds is 3, must be a name, or a list of names", "on"],
    ["/v1/holds", { body: { on: "a", lease: 3 } }, 400, "invalid", "holds takes no lease", "lease"],
    ["/v1/holds", { body: {} }, 400, "invalid", "nothing is named: on is a gate or a device, or a list"],
    [
      "/v1/holds",
      { body: "{}", headers: { "content-type": "text/plain" } },
      415,
      "wrong-type",
      /must be application\/json$/,
    ],
    [
      "/v1/holds",
      { body: `{"on":"${"x".repeat(1 << 20)}"}` },
      413,
      "too-long",
      "the body is longer than 1048576 bytes",
    ],
    ["/v1/holds", { method: "POST" }, 415, "wrong-type", "the body is of no type, must be application/json"],
    ["/v1/gates?x=1", {}, 400, "invalid", "gates takes no x", "x"],
    [
      "/v1/gates/web?drop=maybe",
      { method: "DELETE" },
      400,
      "invalid",
      'drop of gates is "maybe", must be true or false',
      "drop",
    ],
    ["/v1/gates", { body: { name: "web" } }, 400, "invalid", "gates needs dev", "dev"],
    ["/v1/limit", { body: { on: "web" } }, 400, "invalid", "limit needs limitBytes", "limitBytes"],
    ["/v1/actions", { body: [] }, 400, "invalid", /^actions is /],
    [
      "/v1/actions",
      { body: { op: "pause" } },
      404,
      "unknown-operation",
      /^there is no operation "pause": attach, detach, /,
      "op",
    ],
    ["/v1/hold", { body: { on: "web" } }, 404, "no-route", "there is no POST /v1/hold: see /openapi.json"],
  ];

Deno.test("a server says what is wrong with what is asked, and touches nothing", async () => {
  for (const [path, asked, status, code, detail, field] of MISTAKES) {
    const { answer, ...found } = await ask(ON_SOCKET, path, asked);
    assertEquals([found.status, answer.code, answer.field], [status, code, field], `${path}: ${answer.detail}`);
    if (typeof detail === "string") assertEquals(answer.detail, detail);
    else assertMatch(answer.detail, detail);
  }
});

Deno.test("a list of actions has an answer each", async () => {
  const { status, answer } = await ask(ON_SOCKET, "/v1/actions", {
    body: [{ op: "pause" }, 3, { op: "limit", on: "web" }],
  });
  assertEquals(status, 200);
  assertEquals(answer.map(({ error }: { error: RequestError }) => error.code), [
    "unknown-operation",
    "invalid",
    "invalid",
  ]);
});

Deno.test("a body that comes too slowly or is too long is not waited for", async () => {
  let pulled = 0;
  const bodyOf = (pull: (controller: ReadableStreamDefaultController) => void | Promise<void>) =>
    new Request("http://x/", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: new ReadableStream({ pull }),
    });
  const slow = bodyOf(() => new Promise(() => {}));
  const late = await assertRejects(() => readJson(slow, { withinMs: 20 }), RequestError);
  assertEquals([late.code, late.message], ["slow", "the body did not come within 20 ms"]);
  const endless = bodyOf((controller) => {
    pulled++;
    controller.enqueue(new Uint8Array(1 << 16));
  });
  assertEquals((await assertRejects(() => readJson(endless), RequestError)).code, "too-long");
  assert(pulled <= 20, `${pulled} parts of 64 KiB were read`);
});

Deno.test("the description has every request, and every operation but those of holds, with schemas that are right", async () => {
  const { answer } = await ask(ON_SOCKET, "/openapi.json");
  assertEquals(answer.openapi, "3.1.0");
  const others = [...OPERATIONS.keys()].filter((name) => !OF_HOLDS.includes(name));
  for (const name of others) assert(`/v1/${name}` in answer.paths, name);
  const ajv = new Ajv.default({ strict: false });
  const ids = new Set<string>();
  let bodies = 0;
  for (const methods of Object.values<Record<string, Described>>(answer.paths)) {
    for (const { operationId, requestBody, responses, parameters } of Object.values(methods)) {
      assert(!ids.has(operationId), operationId);
      ids.add(operationId);
      assert(Object.keys(responses).some((status) => status.startsWith("2")));
      for (const { schema } of parameters) ajv.compile(schema);
      if (!requestBody) continue;
      ajv.compile(requestBody.content["application/json"].schema);
      bodies++;
    }
  }
  assert(bodies > 10);
});

Deno.test("a reader of events that is too slow is let go, and others are told all", async () => {
  const ended: string[] = [];
  const slow = new EventStream(() => void ended.push("slow"));
  const quick = new EventStream(() => void ended.push("quick"));
  const reading = quick.response.text();
  for (let number = 0; number < 1200; number++) {
    slow.tell("changed", { number });
    quick.tell("changed", { number });
    await Promise.resolve();
    if (number % 100 === 0) await new Promise((resolve) => setTimeout(resolve));
  }
  quick.end();
  const told = (await reading).matchAll(/^data: (.*)$/gm).map(([, data]) => JSON.parse(data).number).toArray();
  assertEquals(told, Array.from({ length: 1200 }, (_, number) => number));
  assertEquals(ended, ["slow", "quick"]);
  await assertRejects(() => slow.response.text(), Error, "more than 1000 events behind");
});

Deno.test("Turns does what is about the same one after the other, and the rest meanwhile", async () => {
  const turns = new Turns();
  const done: string[] = [];
  const work = (name: string, ms: number) => async () => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    done.push(name);
    if (name === "fails") throw new Error(name);
  };
  const all = [
    turns.take(["a"], work("fails", 30)).catch(() => {}),
    turns.take(["a", "b"], work("both", 10)),
    turns.take(["b"], work("b", 0)),
    turns.take([], work("none", 0)),
  ];
  await Promise.all(all);
  assertEquals(done, ["none", "fails", "both", "b"]);
});
