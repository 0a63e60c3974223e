/**
 * A test of a client against a real server, whose answers are held while the client waits: what the client does about
 * it is seen, not guessed. `deno test -A client_test.ts`, as root, on a kernel with sch_plug.
 *
 * @module
 */

import { Gate } from "@plugctl/plugctl";
import { assert, assertEquals, assertRejects } from "@std/assert";

/** How to ask. */
interface AskOptions {
  /** How long to wait for an answer, in milliseconds. */
  patienceMs: number;
  /** Called before it asks once more. */
  onRetry?: () => void;
}

/** What is tested: asks a server, and asks once more where it has not answered in time. */
async function ask(url: string, { patienceMs, onRetry }: AskOptions): Promise<{ answer: string; attempts: number }> {
  for (let attempts = 1;; attempts++) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(patienceMs) });
      return { answer: await response.text(), attempts };
    } catch (error) {
      if (attempts === 2) throw error;
      onRetry?.();
    }
  }
}

/** A server, and which packets are its answers, those that open a connection among them. */
function serve() {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => new Response("hello"));
  const { port } = server.addr;
  return { server, url: `http://127.0.0.1:${port}/`, answers: `tcp src port ${port}` };
}

Deno.test("ask() asks once where the server answers", async () => {
  const { server, url } = serve();
  await using _server = server;
  assertEquals(await ask(url, { patienceMs: 60_000 }), { answer: "hello", attempts: 1 });
});

Deno.test("ask() gives up where answers are held twice, and is answered when they are let go", async () => {
  const { server, url, answers } = serve();
  await using _server = server;
  using gate = Gate.open({ dev: "lo", direction: "egress", match: answers });
  {
    using hold = gate.hold({ maxMs: 60_000 });
    await assertRejects(() => ask(url, { patienceMs: 200 }), DOMException);
    assert(hold.counts().backlogPackets >= 2);
  } // here what was held goes on
  assertEquals(await ask(url, { patienceMs: 60_000 }), { answer: "hello", attempts: 1 });
});

Deno.test("ask() is answered the second time where the first answer is held for too long", async () => {
  const { server, url, answers } = serve();
  await using _server = server;
  using gate = Gate.open({ dev: "lo", direction: "egress", match: answers });
  using hold = gate.hold({ maxMs: 60_000 });
  const onRetry = () => void hold.release();
  assertEquals(await ask(url, { patienceMs: 2000, onRetry }), { answer: "hello", attempts: 2 });
});
