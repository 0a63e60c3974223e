import { assertEquals, assertThrows } from "@std/assert";
import { waitingIn } from "../../../cli/watch/recorder.ts";
import { QueueError } from "../../../plug/queue_error.ts";

/** What throws where a gate is read. */
function throws(error: Error): () => never {
  return () => {
    throw error;
  };
}

Deno.test("waitingIn() tells of no packets where the gate goes while it is read, at any moment, and throws all else", () => {
  const gone = new QueueError("not-attached", "read", { reason: "no plug is attached" });
  const forbidden = new QueueError("no-permission", "read", { reason: "it takes CAP_NET_ADMIN" });
  const take = () => [];
  assertEquals(waitingIn({ take: throws(gone), waiting: () => [] }, "web"), []);
  assertEquals(waitingIn({ take, waiting: throws(gone) }, "web"), []);
  assertThrows(() => waitingIn({ take, waiting: throws(forbidden) }, "web"), QueueError, "CAP_NET_ADMIN");
});
