import { timingSafeEqual } from "node:crypto";
import { RequestError } from "../problem.ts";

/** How a server is reached, and who may ask it. */
export interface Admission {
  /**
   * The names by which it is asked over TCP, with its port: a page of another site that has a name of its own lead here is
   * turned away. Absent on a Unix socket, which no page can reach.
   */
  hosts?: ReadonlySet<string>;
  /** What every request must have, but for the page and `/healthz`; absent on a Unix socket, which is its owner's alone. */
  token?: string;
}

/** What may be had without a token: it tells nothing of this machine. */
const OPEN_TO_ALL = new Set(["/", "/page.js", "/page.css", "/healthz"]);
/** What has a key of its own, which a browser cannot be asked without in a frame. */
const HAS_KEY = /^\/v1\/runs\/[^/]+\/report$/;

/**
 * Refuses a request that does not come from whom it should.
 *
 * @throws {RequestError} `wrong-host`, `wrong-origin`, `unauthorized`
 */
export function admit(request: Request, { hosts, token }: Admission): void {
  const host = request.headers.get("host")?.toLowerCase() ?? "";
  if (hosts && !hosts.has(host)) {
    throw new RequestError("wrong-host", `the Host is ${JSON.stringify(host)}, must be ${[...hosts].join(" or ")}`);
  }
  const origin = request.headers.get("origin");
  if (origin !== null && (!hosts || origin.toLowerCase() !== `http://${host}`)) {
    throw new RequestError("wrong-origin", `a page of ${JSON.stringify(origin)} may not ask`);
  }
  const { pathname, searchParams } = new URL(request.url);
  if (token === undefined || OPEN_TO_ALL.has(pathname)) return;
  if (HAS_KEY.test(pathname) && searchParams.has("key")) return;
  const given = /^Bearer (.+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
  if (given === undefined) {
    throw new RequestError("unauthorized", "a request needs the header Authorization: Bearer TOKEN");
  }
  if (!isSame(given, token)) throw new RequestError("unauthorized", "the token is not the right one");
}

/** Whether two texts are the same, in a time that tells nothing of where they differ. */
export function isSame(one: string, other: string): boolean {
  const [first, second] = [one, other].map((text) => new TextEncoder().encode(text));
  return first.length === second.length && timingSafeEqual(first, second);
}

/** How long a body may be, in bytes, */
export const BODY_MAX = 1 << 20;
/** and how long it may take to come. */
const BODY_MS = 10_000;

/**
 * Reads a body, which is JSON.
 *
 * @throws {RequestError} where it is of another kind, is too long, comes too slowly or cannot be read
 */
export async function readJson(request: Request, { withinMs = BODY_MS } = {}): Promise<unknown> {
  const kind = request.headers.get("content-type")?.split(";")[0].trim().toLowerCase();
  if (kind !== "application/json") {
    throw new RequestError("wrong-type", `the body is ${kind ?? "of no type"}, must be application/json`);
  }
  const text = await readBody(request, withinMs);
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new RequestError("invalid", `the body must be JSON: ${reason}`, { cause: error });
  }
}

async function readBody({ body }: Request, withinMs: number): Promise<string> {
  const reader = body?.getReader();
  if (!reader) return "";
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let [length, isLate] = [0, false];
  const timer = setTimeout(() => {
    isLate = true;
    // The read that waits ends with it.
    reader.cancel().catch(() => {});
  }, withinMs);
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (isLate) throw new RequestError("slow", `the body did not come within ${withinMs} ms`);
      if (done) break;
      length += value.length;
      if (length > BODY_MAX) throw new RequestError("too-long", `the body is longer than ${BODY_MAX} bytes`);
      parts.push(new Uint8Array(value));
    }
  } catch (error) {
    reader.cancel().catch(() => {});
    throw error;
  } finally {
    clearTimeout(timer);
  }
  return await new Blob(parts).text();
}
