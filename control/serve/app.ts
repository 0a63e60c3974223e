import { Hono, type HonoRequest } from "hono";
import * as v from "valibot";
import { mistakeIn, RequestError } from "../problem.ts";
import { answerProblem, answerWith } from "./answer.ts";
import { openApi } from "./openapi.ts";
import { PAGE } from "./page.ts";
import { type Route, ROUTES } from "./routes.ts";
import type { Service } from "./service.ts";
import { type Admission, admit, readJson } from "./visitor.ts";

/** How many requests are answered at a time, those aside that read events. */
const OPEN_MAX = 200;

/** Answers requests, each with what it asked for or with a problem. */
export function makeApp(service: Service, admission: Admission): (request: Request) => Promise<Response> {
  const app = new Hono();
  let open = 0;
  app.use(async ({ req }, next) => {
    admit(req.raw, admission);
    if (open >= OPEN_MAX) throw new RequestError("busy", `${OPEN_MAX} requests are being answered`);
    open++;
    try {
      await next();
    } finally {
      open--;
    }
  });
  app.get("/openapi.json", () => answerWith(openApi(service.version)));
  for (const [path, part] of Object.entries(PAGE)) app.get(path, part);
  for (const route of ROUTES) {
    app.on(route.method, route.path.replace("{name}", ":name"), ({ req }) => answer(route, { req, service }));
  }
  app.notFound(({ req }) => {
    const there = ROUTES.filter(({ path }) => isAt(path, req.path)).map(({ method }) => method.toUpperCase());
    const what = `there is no ${req.method} ${req.path}`;
    return answerProblem(
      new RequestError("no-route", there.length > 0 ? `${what}: ${there.join(", ")}` : `${what}: see /openapi.json`),
    );
  });
  app.onError((error) => answerProblem(error));
  return async (request) => await app.fetch(request);
}

async function answer(route: Route, { req, service }: { req: HonoRequest; service: Service }): Promise<Response> {
  const what = route.path.split("/").filter((part) => part !== "{name}").at(-1) ?? "";
  const query = understand(route.query ?? NOTHING, { given: Object.fromEntries(new URL(req.url).searchParams), what });
  const body = route.body ? understand(route.body, { given: await readJson(req.raw), what }) : undefined;
  const result = await route.answer(service, {
    name: req.param("name") ?? "",
    query,
    body,
    signal: req.raw.signal,
    wantsEvents: /\btext\/event-stream\b/.test(req.header("accept") ?? ""),
  });
  return result instanceof Response ? result : answerWith(result, route.status);
}

const NOTHING = v.strictObject({});

/** @throws {RequestError} where it is not what is taken */
function understand<T>(schema: v.GenericSchema<unknown, T>, { given, what }: { given: unknown; what: string }): T {
  // An array is an object, too.
  if (Array.isArray(given) && schema.type === "strict_object") {
    throw new RequestError("invalid", `${what} takes an object, not a list`);
  }
  const result = v.safeParse(schema, given, { abortEarly: true });
  if (result.success) return result.output;
  throw mistakeIn(what, result.issues);
}

function isAt(path: string, asked: string): boolean {
  const [parts, others] = [path, asked].map((text) => text.split("/"));
  return parts.length === others.length && parts.every((part, index) => part === "{name}" || part === others[index]);
}
