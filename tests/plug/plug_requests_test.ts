// The bytes of each request, against those that iproute2 sends.
import { assertEquals, assertThrows } from "@std/assert";
import { encodeRequest, type QdiscRequest, sendRegion, TC_H_ROOT } from "../../codec/mod.ts";
import {
  changeRequest,
  changeRequests,
  createRequest,
  deleteRequest,
  LIMIT_MAX,
  type QdiscPlace,
  RANKED_HANDLE,
  wholePlace,
} from "../../plug/plug_requests.ts";

interface Vector {
  command: string;
  hex: string;
}

const VECTORS: Vector[] = JSON.parse(
  Deno.readTextFileSync(new URL("../codec/vectors/requests.json", import.meta.url)),
);
const ROOT: QdiscPlace = { ifindex: 1, parent: TC_H_ROOT, handle: 0 };
const ROOT_1: QdiscPlace = { ...ROOT, handle: 0x10000 };

/** Asserts that a request is what `command` sends, in all but the sequence number. */
function assertSends(request: QdiscRequest, command: string): void {
  const vector = VECTORS.find((each) => each.command === command);
  const wanted = Uint8Array.fromHex(vector?.hex ?? "");
  const sequence = new DataView(wanted.buffer).getUint32(8, true);
  const length = encodeRequest(request, { at: 0, sequence });
  assertEquals(sendRegion.slice(0, length).toHex(), wanted.toHex());
}

Deno.test("createRequest() sends what tc does, when there is no limit", () => {
  assertSends(createRequest(ROOT), "tc qdisc add dev lo root plug");
});

Deno.test("createRequest() sends what tc does, when there is a limit", () => {
  assertSends(createRequest(ROOT_1, { limitBytes: 32768 }), "tc qdisc add dev lo root handle 1: plug limit 32768");
});

Deno.test("createRequest() sends what tc does, when it replaces", () => {
  assertSends(
    createRequest(ROOT_1, { limitBytes: 1000, replace: true }),
    "tc qdisc replace dev lo root handle 1: plug limit 1000",
  );
});

Deno.test("changeRequest() sends what tc does, with each action", () => {
  assertSends(changeRequest(ROOT, "buffer"), "tc qdisc change dev lo root plug block");
  assertSends(changeRequest(ROOT, "release-one"), "tc qdisc change dev lo root plug release");
  assertSends(changeRequest(ROOT, "release-indefinite"), "tc qdisc change dev lo root plug release_indefinite");
  assertSends(
    changeRequest({ ifindex: 1, parent: 0x10004, handle: 0x400000 }, "limit", 1 << 20),
    "tc qdisc change dev lo parent 1:4 handle 40: plug limit 1048576",
  );
});

Deno.test("changeRequests() asks both plugs of a queue of two ranks by their handles, and wholePlace() finds it again", () => {
  const place = { ifindex: 7, parent: TC_H_ROOT, handle: RANKED_HANDLE };
  const requests = changeRequests(place, "buffer");
  const handles = requests.map(({ ifindex, parent, handle, flags }) => ({ ifindex, parent, handle, flags }));
  // NLM_F_CREATE is not among the flags: where one is not there, none is made.
  assertEquals(
    handles,
    [0x504a0000, 0x50490000].map((handle) => ({ ifindex: 7, parent: 0, handle, flags: undefined })),
  );
  assertEquals(changeRequests(ROOT_1, "buffer"), [changeRequest(ROOT_1, "buffer")]);
  assertEquals(requests.map(wholePlace), [undefined, place]);
  assertEquals(wholePlace({ ifindex: 7, parent: 0x504b0002, handle: 0x50490000 }), place);
  assertEquals(wholePlace(ROOT_1), ROOT_1);
  // Somebody's own plug of that handle
  const foreign = { ifindex: 7, parent: 0x10002, handle: 0x50490000 };
  assertEquals(wholePlace(foreign), foreign);
});

Deno.test("deleteRequest() sends what tc does", () => {
  assertSends(deleteRequest(ROOT_1), "tc qdisc del dev lo handle 1: root");
});

Deno.test("createRequest() and changeRequest() take a limit from 1 to 2^32 - 1", () => {
  for (const limitBytes of [1, LIMIT_MAX]) {
    assertEquals(createRequest(ROOT, { limitBytes }).plug, { action: 3, limit: limitBytes });
    assertEquals(changeRequest(ROOT, "limit", limitBytes).plug, { action: 3, limit: limitBytes });
  }
});

Deno.test("createRequest() and changeRequest() throw a RangeError that names it, when a limit is out of range", () => {
  for (const limitBytes of [0, -1, 1.5, LIMIT_MAX + 1, NaN, Infinity]) {
    const message = `limit is ${limitBytes} bytes, must be a whole number from 1 to 4294967295`;
    assertThrows(() => createRequest(ROOT, { limitBytes }), RangeError, message);
    assertThrows(() => changeRequest(ROOT, "limit", limitBytes), RangeError, message);
  }
  assertThrows(() => changeRequest(ROOT, "limit"), RangeError, "limit is 0 bytes");
});
