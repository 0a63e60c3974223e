/** Names by which processes tell each other what they do: who has one is found, whatever else that process does. */

import { assert, assertEquals } from "@std/assert";
import { bindName, holdersOfSocket, socketOfName } from "../../linux/unix_socket.ts";

const LOOKS = 10;
/** Opens and closes files without end. */
const BUSY = `self.postMessage("begun"); for (;;) Deno.openSync("/proc/self/stat").close();`;

Deno.test("holdersOfSocket() finds a process that opens and closes files meanwhile", async () => {
  const name = `plugctl/test/${crypto.randomUUID()}`;
  // What is opened and closed has a lower number than the name's socket, and is looked at first
  const lower = Array.from({ length: 64 }, () => Deno.openSync("/proc/self/stat"));
  using bound = bindName(name);
  for (const file of lower) file.close();
  assert(bound);
  assertEquals(bindName(name), undefined);
  const socket = socketOfName(name) ?? "";
  const worker = new Worker(`data:text/javascript,${encodeURIComponent(BUSY)}`, { type: "module" });
  try {
    await new Promise((resolve) => worker.onmessage = resolve);
    for (let look = 0; look < LOOKS; look++) assertEquals(holdersOfSocket(socket), [Deno.pid], `look ${look}`);
  } finally {
    worker.terminate();
  }
});

Deno.test("socketOfName() tells one that has a name from the next, and nothing where nobody has it", () => {
  const name = `plugctl/test/${crypto.randomUUID()}`;
  assertEquals(socketOfName(name), undefined);
  const first = bindName(name);
  const socket = socketOfName(name);
  first?.[Symbol.dispose]();
  assertEquals(socketOfName(name), undefined);
  using _next = bindName(name);
  assert(socketOfName(name) !== undefined && socketOfName(name) !== socket);
});
