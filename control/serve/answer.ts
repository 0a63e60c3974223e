import { problemOf } from "../problem.ts";

/** The status of each kind of problem; one that is not here stands in the way as things are. */
const STATUSES: Readonly<Record<string, number>> = {
  "invalid": 400,
  "unauthorized": 401,
  "EPERM": 403,
  "EACCES": 403,
  "forbidden": 403,
  "policy": 403,
  "no-permission": 403,
  "wrong-host": 403,
  "wrong-origin": 403,
  "ENODEV": 404,
  "no-device": 404,
  "no-gate": 404,
  "no-hold": 404,
  "no-run": 404,
  "no-route": 404,
  "not-attached": 404,
  "unknown-operation": 404,
  "slow": 408,
  "too-long": 413,
  "wrong-type": 415,
  "failed": 500,
  "no-module": 501,
  "busy": 503,
  "timeout": 504,
};
const CONFLICT = 409;
const TITLES: Readonly<Record<number, string>> = {
  400: "The request is not understood",
  401: "The request has no token that is right",
  403: "Not allowed",
  404: "Not there",
  408: "Too slow",
  409: "Something stands in the way",
  413: "Too long",
  415: "Of the wrong type",
  500: "It went wrong",
  501: "This kernel cannot do it",
  503: "Too much at once",
  504: "Not so in time",
};

/** Every status that an answer may have besides those of success. */
export const PROBLEM_STATUSES: readonly number[] = Object.keys(TITLES).map(Number);

const COMMON = { "cache-control": "no-store", "x-content-type-options": "nosniff" };

/** An answer in JSON. */
export function answerWith(value: unknown, status = 200): Response {
  return Response.json(value ?? null, { status, headers: COMMON });
}

/** An answer in text. */
export function answerText(text: string, type: string): Response {
  return new Response(text, { headers: { ...COMMON, "content-type": type } });
}

/** An answer in bytes. */
export function answerBytes(bytes: Uint8Array<ArrayBuffer>, headers: Record<string, string>): Response {
  return new Response(bytes, { headers: { ...COMMON, ...headers } });
}

/** What went wrong, as RFC 9457 has it, with the kernel's errno and sentence where it was the kernel that refused. */
export function answerProblem(error: unknown): Response {
  const { code, message, ...rest } = problemOf(error);
  const status = STATUSES[code] ?? CONFLICT;
  const problem = {
    type: `urn:plugctl:problem:${code}`,
    title: TITLES[status],
    status,
    detail: message,
    code,
    ...rest,
  };
  const headers = {
    ...COMMON,
    "content-type": "application/problem+json",
    ...status === 401 ? { "www-authenticate": "Bearer" } : {},
    ...status === 503 ? { "retry-after": "1" } : {},
  };
  return new Response(JSON.stringify(problem), { status, headers });
}
