/**
 * A web client, as a program: `client.ts URL`. Says `ready`, then makes a request for each line of
 * its input, on a connection of its own, and writes an {@linkcode Answer} as a line of JSON. Ends
 * when its input does, whatever it waits for.
 *
 * @module
 */

import { readLines } from "../linux/incoming.ts";

/** What came of a request. */
export interface Answer {
  status: number;
  body: string;
  /** From the call to the last byte, in milliseconds */
  ms: number;
}

async function request(url: string): Promise<Answer> {
  using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const start = performance.now();
  const response = await fetch(url, { client });
  const body = await response.text();
  return {
    status: response.status,
    body,
    ms: Math.round(performance.now() - start),
  };
}

if (import.meta.main) {
  const [url] = Deno.args;
  console.log("ready");
  for await (const _ of readLines(Deno.stdin.readable)) {
    request(url).then((answer) => console.log(JSON.stringify(answer)));
  }
  Deno.exit();
}
