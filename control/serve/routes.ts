import * as v from "valibot";
import { MILLISECONDS, NETNS, TEXT } from "../fields.ts";
import type { Operation } from "../operation.ts";
import { OF_HOLDS, OPERATIONS } from "../operations/list.ts";
import { RequestError } from "../problem.ts";
import { answerBytes, answerText } from "./answer.ts";
import { EVENT_HEADERS, EventStream } from "./event_stream.ts";
import { BEGINNING, NEW_HOLD, RENEWAL } from "../holds.ts";
import { metricsOf } from "./metrics.ts";
import { tellPackets } from "./packets.ts";
import { NEW_RUN, REPORT_KEY } from "./runs.ts";
import type { Service } from "./service.ts";

/** A way of asking a server: what it takes, and what it answers. */
export interface Route<B = unknown, Q = unknown> {
  method: "get" | "post" | "put" | "delete";
  /** As OpenAPI writes it: `/v1/gates/{name}`. */
  path: string;
  summary: string;
  /** What the body may be; absent where there is none. */
  body?: v.GenericSchema<unknown, B>;
  /** What may stand behind the `?`. */
  query?: v.GenericSchema<unknown, Q>;
  /** The status of success. Default 200. */
  status?: number;
  /** What kind of thing the answer is. Default: JSON. */
  type?: string;
  /** Does it. What is no `Response` is answered as JSON. */
  answer(service: Service, asked: Asked<B, Q>): unknown;
}

/** What a request asks, checked. */
export interface Asked<B, Q> {
  /** The part of the path that has a name. */
  name: string;
  query: Q;
  body: B;
  /** Aborted when whoever asked has gone. */
  signal: AbortSignal;
  /** Whether the answer is to be told as events. */
  wantsEvents: boolean;
}

/** Makes a route; each knows the type of what it takes. */
function route<B, Q>(own: Route<B, Q>): Route {
  return own as unknown as Route;
}

const IN_NETNS = v.strictObject(NETNS);
/** Names between commas. */
const NAMES = v.pipe(TEXT, v.transform((text) => text.split(",")));
const REMOVAL = v.strictObject({
  ...NETNS,
  drop: v.optional(v.pipe(v.picklist(["true", "false"], "true or false"), v.transform((text) => text === "true"))),
  timeoutMs: v.optional(
    v.pipe(v.string(), v.regex(/^\d+$/, "a number of milliseconds"), v.transform(Number), MILLISECONDS),
  ),
});
const WHOSE_PACKETS = v.pipe(
  v.strictObject({ gate: v.optional(NAMES), dev: v.optional(NAMES), ...NETNS }),
  v.check(({ gate, dev }) => gate !== undefined || dev !== undefined, "gate=NAME or dev=NAME"),
);
const ONE_OR_LIST = v.union(
  [v.pipe(v.array(v.unknown()), v.minLength(1), v.maxLength(1000)), v.looseObject({ op: v.string() })],
  'an operation, {"op": "show"}, or a list of up to 1000 of them',
);

const GATES: Route[] = [
  route({
    method: "get",
    path: "/v1/gates",
    summary: "list the gates with what they match, hold and dropped",
    query: IN_NETNS,
    answer: (service, { query, signal }) => service.perform(operationOf("gate-list"), query, signal),
  }),
  route({
    method: "post",
    path: "/v1/gates",
    summary: "make a gate, which passes packets until it is told to hold them; it goes with the server",
    body: operationOf("gate-add").schema,
    status: 201,
    answer: (service, { body, signal }) => service.perform(operationOf("gate-add"), body, signal),
  }),
  route({
    method: "delete",
    path: "/v1/gates/{name}",
    summary: "take a gate down: what it holds leaves first",
    query: REMOVAL,
    answer: (service, { name, query, signal }) =>
      first(service.perform(operationOf("gate-delete"), { gate: name, ...query }, signal)),
  }),
];

const PLUGS: Route[] = [
  route({
    method: "get",
    path: "/v1/plugs",
    summary: "list the plugs with what they sent, hold and dropped",
    query: IN_NETNS,
    answer: (service, { query, signal }) => service.perform(operationOf("show"), query, signal),
  }),
  route({
    method: "post",
    path: "/v1/plugs",
    summary: "create a plug on a device; it passes packets, and goes with the server",
    body: operationOf("attach").schema,
    status: 201,
    answer: (service, { body, signal }) => service.perform(operationOf("attach"), body, signal),
  }),
  route({
    method: "delete",
    path: "/v1/plugs/{name}",
    summary: "release what the plug of a device holds, wait until it has left, and delete it",
    query: REMOVAL,
    answer: (service, { name, query, signal }) =>
      first(service.perform(operationOf("detach"), { dev: name, ...query }, signal)),
  }),
];

const HOLDS: Route[] = [
  route({
    method: "get",
    path: "/v1/holds",
    summary: "list the holds that go on, and the last that have ended",
    answer: ({ holds }) => holds.all,
  }),
  route({
    method: "post",
    path: "/v1/holds",
    summary:
      "hold until the lease ends or the hold is deleted; armed: till begin; with Accept: text/event-stream as long as the connection is open",
    body: NEW_HOLD,
    status: 201,
    answer: (service, { body, wantsEvents }) => {
      service.desk.checkWho();
      return wantsEvents ? holdOpen(service, body) : service.holds.begin(body);
    },
  }),
  route({
    method: "get",
    path: "/v1/holds/{name}",
    summary: "how a hold goes on, or has ended",
    answer: ({ holds }, { name }) => holds.get(name),
  }),
  route({
    method: "put",
    path: "/v1/holds/{name}",
    summary: "renew a lease, from now on",
    body: RENEWAL,
    answer: ({ holds }, { name, body }) => holds.renew(name, body),
  }),
  route({
    method: "post",
    path: "/v1/holds/{name}/begin",
    summary: "have an armed hold begin, at once or at a moment",
    body: BEGINNING,
    answer: ({ holds }, { name, body }) => holds.start(name, body),
  }),
  route({
    method: "delete",
    path: "/v1/holds/{name}",
    summary: "release, and say what was held",
    answer: ({ holds }, { name }) => holds.release(name),
  }),
];

/** A report has its script and style in it, and asks nobody. */
const REPORT = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; " +
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-scripts",
  "referrer-policy": "no-referrer",
};
const PACKETS = {
  "content-type": "application/vnd.tcpdump.pcap",
  "content-disposition": 'attachment; filename="packets.pcapng"',
};

const RUNS: Route[] = [
  route({
    method: "get",
    path: "/v1/runs",
    summary: "whether scenarios may be run, those that run, and the last that have ended",
    answer: ({ runs }) => runs.told,
  }),
  route({
    method: "post",
    path: "/v1/runs",
    summary: "run a scenario, from its text; it goes with the server, which must have been started with --allow-run",
    body: NEW_RUN,
    status: 201,
    answer: ({ runs }, { body }) => runs.begin(body),
  }),
  route({
    method: "get",
    path: "/v1/runs/{name}",
    summary: "how a run goes on, or has ended",
    answer: ({ runs }, { name }) => runs.get(name).told,
  }),
  route({
    method: "delete",
    path: "/v1/runs/{name}",
    summary: "end a run, and answer when all that it did is undone",
    answer: ({ runs }, { name }) => runs.get(name).end(),
  }),
  route({
    method: "get",
    path: "/v1/runs/{name}/events",
    summary: "the events of a run, from its first on, as run --json writes them, and in the end ended",
    type: "text/event-stream",
    answer: (service, { name }) => new Response(service.readRun(name), { headers: EVENT_HEADERS }),
  }),
  route({
    method: "get",
    path: "/v1/runs/{name}/report",
    summary: "the report of a run that has ended, a page with its ladder: the run's report is the address",
    query: REPORT_KEY,
    type: "text/html",
    answer: async ({ runs }, { name, query }) =>
      answerBytes(await runs.get(name).file("report.html", query.key), REPORT),
  }),
  route({
    method: "get",
    path: "/v1/runs/{name}/packets",
    summary: "the packets of a run with capture that has ended, as pcapng",
    type: "application/vnd.tcpdump.pcap",
    answer: async ({ runs }, { name }) => answerBytes(await runs.get(name).file("packets.pcapng"), PACKETS),
  }),
];

const REST: Route[] = [
  route({
    method: "post",
    path: "/v1/actions",
    summary:
      "do one operation, {op, …}, or up to 1000 of a list: those that follow each other and are alike in one send",
    body: ONE_OR_LIST,
    answer: async (service, { body, signal }) => {
      if (Array.isArray(body)) return await service.performAll(body);
      const { op, ...input } = body as Record<string, unknown>;
      return await service.perform(operationOf(String(op)), input, signal);
    },
  }),
  route({
    method: "get",
    path: "/v1/events",
    summary: "what happens: holding, ended, changed, cut-short, reset, run-began, run-ended",
    type: "text/event-stream",
    answer: (service) => service.read().response,
  }),
  route({
    method: "get",
    path: "/v1/packets",
    summary: "packets of gates, gate=web, or of plugs on devices, dev=eth0, as they come in and leave: packet, waiting",
    query: WHOSE_PACKETS,
    type: "text/event-stream",
    answer: (service, { query }) => {
      service.checkReaders();
      return tellPackets(service, query);
    },
  }),
  route({
    method: "post",
    path: "/v1/reset",
    summary: "end all holds, and take away all that was made through this server",
    answer: (service) => service.reset(),
  }),
  route({
    method: "get",
    path: "/metrics",
    summary: "counters, in the text format of Prometheus",
    type: "text/plain",
    answer: (service) => answerText(metricsOf(service), "text/plain; version=0.0.4; charset=utf-8"),
  }),
  route({
    method: "get",
    path: "/healthz",
    summary: "whether the server answers",
    answer: ({ version }) => ({ status: "ok", version }),
  }),
];

/** What holds by itself has a lease here. */
const OPERATION_ROUTES = [...OPERATIONS.values()].filter(({ name }) => !OF_HOLDS.includes(name)).map((operation) =>
  route({
    method: "post",
    path: `/v1/${operation.name}`,
    summary: operation.summary.replace("at the end of the session", "with the server"),
    body: operation.schema,
    answer: (service, { body, signal }) => service.perform(operation, body, signal),
  })
);

/** All of them. */
export const ROUTES: readonly Route[] = [...GATES, ...PLUGS, ...HOLDS, ...RUNS, ...REST, ...OPERATION_ROUTES];

function operationOf(name: string): Operation {
  const operation = OF_HOLDS.includes(name) ? undefined : OPERATIONS.get(name);
  if (operation) return operation;
  const names = [...OPERATIONS.keys()].filter((name) => !OF_HOLDS.includes(name)).join(", ");
  throw new RequestError("unknown-operation", `there is no operation ${JSON.stringify(name)}: ${names}`, {
    field: "op",
  });
}

async function first(answers: Promise<unknown>): Promise<unknown> {
  const [answer] = await answers as unknown[];
  return answer;
}

/** Holds as long as somebody reads: says `holding`, and in the end `ended`. */
function holdOpen(service: Service, asked: v.InferOutput<typeof NEW_HOLD>): Response {
  const { holds } = service;
  const { leaseMs = service.desk.maxHoldMs } = asked;
  const hold = holds.begin({ ...asked, leaseMs });
  const stream = new EventStream(() => void holds.release(hold.id, "client"));
  stream.tell("holding", hold);
  holds.whenEnded(hold.id).then((told) => {
    stream.tell("ended", told);
    stream.end();
  });
  return stream.response;
}
