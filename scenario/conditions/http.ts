import * as v from "valibot";
import { fitsNumber, formatNumberTest, type NumberTest } from "../../plug/quantity.ts";
import type { ConditionKind, Look, LookScene } from "../step.ts";
import { type Condition, fitsText, type TextTest } from "../plan.ts";
import { COUNT_TEST, isIp, TEXT_TEST } from "../source/scalar.ts";
import { hostOf, TIMEOUT_MS } from "../source/context.ts";
import { parsed, type Schema } from "../source/check.ts";
import { connectFrom } from "./port.ts";

/** What a web server answers to a GET request. */
export interface HttpCondition extends Condition {
  about: "http";
  url: string;
  status: NumberTest;
  body?: TextTest;
  /** How long an answer may take, in milliseconds. */
  timeoutMs: number;
}

const URL_EXPECTED = "an http:// address with an IP address: http://10.0.0.2:8000/health";
const HTTP_URL: Schema<string> = parsed(v.string(URL_EXPECTED), { parse: parseUrl, expected: URL_EXPECTED });
const ENTRIES = { http: HTTP_URL, status: v.optional(COUNT_TEST), body: v.optional(TEXT_TEST) };
/** How much of an answer is read, in bytes. */
const ANSWER_MAX = 1 << 20;

/** What a web server answers. */
export const HTTP_CONDITION: ConditionKind<HttpCondition, typeof ENTRIES> = {
  about: "http",
  entries: ENTRIES,
  expected: "a condition: { http: http://10.0.0.2:8000/, status: 200 }",
  isOnHost: true,
  plan({ fields: { http, status = { operator: "=", number: 200 }, body }, given, context }) {
    const timeoutMs = context.defaults.timeoutMs ?? TIMEOUT_MS;
    return { condition: { about: "http", url: http, status, body, timeoutMs }, host: hostOf(given, context) };
  },
  describe({ url, status, body }) {
    const what = status.operator === "=" ? status.number : formatNumberTest(status);
    return `${url} answers with status ${what}${body ? ` and ${body.source} in its body` : ""}`;
  },
  timeoutMs: ({ timeoutMs }) => timeoutMs,
  look,
};

function parseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "http:" || !isIp(url.hostname.replace(/^\[|\]$/g, "")) || url.username !== "") {
    throw new SyntaxError(`${text} is not an address`);
  }
  return text;
}

async function look({ url, status, body }: HttpCondition, { host, stage, signal }: LookScene): Promise<Look> {
  const answer = await get(new URL(url), { netns: stage.hosts.netnsOf(host), signal });
  if (typeof answer === "string") return { holds: false, found: answer };
  const isRight = fitsNumber(answer.status, status);
  if (!isRight || !body) return { holds: isRight, found: `status was ${answer.status}` };
  const found = answer.body.length > 200 ? `…${answer.body.slice(-200)}` : answer.body;
  return { holds: fitsText(answer.body, body), found: `body was ${JSON.stringify(found)}` };
}

/** Asks, over a connection of its own; says why where there is no answer. */
async function get(
  { hostname, port, pathname, search, host }: URL,
  { netns, signal }: { netns: string | undefined; signal: AbortSignal },
): Promise<{ status: number; body: string } | string> {
  const address = { hostname: hostname.replace(/^\[|\]$/g, ""), port: Number(port || 80) };
  try {
    using connection = await connectFrom(netns, { ...address, signal });
    const close = () => connection.close();
    signal.addEventListener("abort", close, { once: true });
    const request = `GET ${pathname}${search} HTTP/1.0\r\nHost: ${host}\r\nConnection: close\r\nAccept: */*\r\n\r\n`;
    const writer = connection.writable.getWriter();
    await writer.write(new TextEncoder().encode(request));
    const text = await readAll(connection.readable);
    signal.removeEventListener("abort", close);
    const [, status, body] = /^HTTP\/1\.\d (\d{3})[^\n]*\n(?:.*?\r?\n)?\r?\n(.*)$/s.exec(text) ?? [];
    return status === undefined
      ? `the answer was ${JSON.stringify(text.slice(0, 100))}`
      : { status: Number(status), body };
  } catch (error) {
    if (signal.aborted) return "there is no answer";
    if (!(error instanceof Error)) throw error;
    return `there is no answer: ${error.message}`;
  }
}

async function readAll(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of stream) {
    text += decoder.decode(bytes, { stream: true });
    if (text.length > ANSWER_MAX) break;
  }
  return text;
}
