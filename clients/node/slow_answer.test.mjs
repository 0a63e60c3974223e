// A client that waits for a slow answer, in a test of Node's.
import assert from "node:assert/strict";
import { createServer, get } from "node:http";
import { test } from "node:test";
import { Session } from "./plugctl.mjs";

test("an answer that is held for 300 ms comes late", async () => {
  const server = createServer((_, answer) => answer.end("hello"));
  await new Promise((resolve) => server.listen(8000, "127.0.0.1", resolve));
  const session = await Session.start();
  const answers = await session.gate("lo", "out", "tcp src port 8000");
  const begun = performance.now();
  const hold = session.begin("hold", { on: answers.name, forMs: Number(process.env.HOLD_SECONDS) * 1000 });
  await hold.begun;
  await new Promise((resolve) =>
    get({ port: 8000, host: "127.0.0.1", agent: false }, (answer) => answer.resume().on("end", resolve))
  );
  assert.ok(performance.now() - begun >= 300);
  assert.ok((await hold.answer).queues[0].packets >= 1);
  await assert.rejects(session.request("buffer", { on: "nosuch" }), { code: "no-device" });
  await session.close();
  server.close();
});
