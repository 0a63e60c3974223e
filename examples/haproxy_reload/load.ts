/**
 * Clients that connect anew for each request: `load.ts CLIENTS`, until SIGTERM. Then a line of JSON says what they saw.
 *
 * @module
 */

const ADDRESS = { hostname: "127.0.0.1", port: 8000 };
const REQUEST = new TextEncoder().encode("GET / HTTP/1.0\r\n\r\n");

/** What all clients together saw. */
export interface Seen {
  /** Requests that were answered. */
  answered: number;
  /** Connections that were refused, or ended without an answer. */
  lost: number;
  /** The longest that one took from the first packet to the last, in milliseconds. */
  longestMs: number;
}

const seen: Seen = { answered: 0, lost: 0, longestMs: 0 };
let stopping = false;

async function client(): Promise<void> {
  while (!stopping) {
    const start = performance.now();
    if (await isAnswered()) seen.answered++;
    else seen.lost++;
    seen.longestMs = Math.max(seen.longestMs, performance.now() - start);
  }
}

async function isAnswered(): Promise<boolean> {
  try {
    using connection = await Deno.connect(ADDRESS);
    await connection.write(REQUEST);
    const answer = await new Response(connection.readable).text();
    return answer.startsWith("HTTP/1.1 200 ") && answer.endsWith("hello\n");
  } catch (error) {
    const isLost = error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.ConnectionRefused ||
      error instanceof Deno.errors.BrokenPipe;
    if (isLost) return false;
    throw error;
  }
}

if (import.meta.main) {
  Deno.addSignalListener("SIGTERM", () => stopping = true);
  console.log("running");
  await Promise.all(Array.from({ length: Number(Deno.args[0]) }, client));
  console.log(JSON.stringify(seen));
  Deno.exit();
}
