import { assertEquals, assertThrows } from "@std/assert";
import {
  encodeChange,
  encodeRequest,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  type QdiscRequest,
  type Request,
  RTM_DELQDISC,
  RTM_GETLINK,
  RTM_GETQDISC,
  RTM_GETROUTE,
  RTM_NEWQDISC,
  SEND_LEN,
  sendRegion,
  TC_H_ROOT,
} from "../../codec/mod.ts";
import { REQUESTS } from "./captured.ts";

function hexOf(request: Request, { at = 0, sequence = 7 } = {}): string {
  const length = encodeRequest(request, { at, sequence });
  return sendRegion.subarray(at, at + length).toHex();
}

const ROOT = { ifindex: 1, handle: 0, parent: TC_H_ROOT };
const CLASS = { ifindex: 1, handle: 0x400000, parent: 0x10004 };
const CREATE = NLM_F_CREATE | NLM_F_EXCL;

/** What each captured command asks for. */
const ASKED: readonly Omit<QdiscRequest, "type">[] = [
  { ...ROOT, flags: CREATE, plug: "no options" },
  { ...ROOT, flags: CREATE, handle: 0x10000, plug: { action: 3, limit: 32768 } },
  { ...ROOT, plug: { action: 0, limit: 0 } },
  { ...ROOT, plug: { action: 1, limit: 0 } },
  { ...ROOT, plug: { action: 2, limit: 0 } },
  { ...CLASS, plug: { action: 3, limit: 1048576 } },
  { ...ROOT, flags: NLM_F_CREATE | NLM_F_REPLACE, handle: 0x10000, plug: { action: 3, limit: 1000 } },
  { ...ROOT, handle: 0x10000 },
  { ...ROOT, flags: CREATE, plug: { action: 3, limit: 32768 } },
  { ...ROOT, flags: NLM_F_CREATE, plug: { action: 0, limit: 0 } },
  { ...CLASS, flags: NLM_F_CREATE, plug: { action: 1, limit: 0 } },
  { ...CLASS, flags: NLM_F_CREATE, plug: { action: 2, limit: 0 } },
];

/** The captured bytes with our ways: an ACK asked for, the sender's own port id, no NLA_F_NESTED. */
function ourWay(bytes: Uint8Array<ArrayBuffer>): string {
  const ours = bytes.slice();
  ours[6] |= 4;
  ours.fill(0, 12, 16);
  if (ours.length > 51) ours[51] = 0;
  return ours.toHex();
}

Deno.test("encodeRequest() writes what tc and libnl send, for each captured command", () => {
  REQUESTS.forEach(({ command, bytes }, index) => {
    const view = new DataView(bytes.buffer);
    const type = command.includes(" del ") ? RTM_DELQDISC : RTM_NEWQDISC;
    const request = { type, ...ASKED[index] } as const;
    assertEquals(hexOf(request, { sequence: view.getUint32(8, true) }), ourWay(bytes), command);
  });
});

Deno.test("encodeRequest() writes every field at its place, when each has a value of its own", () => {
  const request: QdiscRequest = {
    type: RTM_NEWQDISC,
    flags: 0x0f00,
    ifindex: 0x01020304,
    handle: 0x05060708,
    parent: 0xf9fafbfc,
    plug: { action: 2, limit: 0xe1e2e3e4 },
  };
  assertEquals(
    hexOf(request, { sequence: 0xd1d2d3d4 }),
    "3c0000002400050fd4d3d2d10000000000000000040302010807060" +
      "5fcfbfaf900000000" + "09000100706c756700000000" + "0c00020002000000e4e3e2e1",
  );
});

Deno.test("encodeRequest() asks for a dump without an ACK, and for one thing with one", () => {
  const qdiscs = { type: RTM_GETQDISC, ifindex: 0, handle: 0, parent: 0 } as const;
  const zeros = "00".repeat(20);
  assertEquals(hexOf({ ...qdiscs, flags: NLM_F_DUMP }), `24000000260001030700000000000000${zeros}`);
  assertEquals(hexOf(qdiscs), `24000000260005000700000000000000${zeros}`);
});

Deno.test("encodeRequest() writes a request for links: struct ifinfomsg", () => {
  assertEquals(
    hexOf({ type: RTM_GETLINK, ifindex: 5 }),
    "20000000120005000700000000000000" + "00000000050000000000000000000000",
  );
  assertEquals(
    hexOf({ type: RTM_GETLINK, flags: NLM_F_DUMP, ifindex: 0 }),
    "20000000120001030700000000000000" + "00".repeat(16),
  );
});

Deno.test("encodeRequest() writes a request for routes: struct rtmsg and RTA_DST", () => {
  assertEquals(
    hexOf({ type: RTM_GETROUTE, flags: NLM_F_DUMP, family: 0 }),
    "1c0000001a0001030700000000000000" + "00".repeat(12),
  );
  assertEquals(
    hexOf({ type: RTM_GETROUTE, family: 2, destination: new Uint8Array([10, 0, 0, 1]) }),
    "240000001a0005000700000000000000" + "02200000" + "00".repeat(8) + "080001000a000001",
  );
  assertEquals(
    hexOf({ type: RTM_GETROUTE, family: 10, destination: new Uint8Array(16).fill(0x20) }),
    "300000001a0005000700000000000000" + "0a800000" + "00".repeat(8) + "14000100" + "20".repeat(16),
  );
});

Deno.test("encodeRequest() writes one request behind another, when told where", () => {
  const release = { type: RTM_NEWQDISC, ...ROOT, plug: { action: 2, limit: 0 } } as const;
  const first = encodeRequest(release, { at: 0, sequence: 1 });
  const second = encodeRequest({ type: RTM_DELQDISC, ...ROOT }, { at: first, sequence: 2 });
  assertEquals([first, second], [60, 36]);
  assertEquals(
    sendRegion.subarray(0, 96).toHex(),
    "3c0000002400050001000000000000000000000001000000" + "00000000ffffffff00000000" + "09000100706c756700000000" +
      "0c0002000200000000000000" + "2400000025000500020000000000000000000000010000" + "0000000000ffffffff00000000",
  );
});

const FILLED: readonly (readonly [request: Request, length: number, room: number])[] = [
  [{ type: RTM_NEWQDISC, ...ROOT, plug: { action: 2, limit: 0 } }, 60, 60],
  [{ type: RTM_NEWQDISC, ...ROOT, plug: "no options" }, 48, 60],
  [{ type: RTM_DELQDISC, ...ROOT }, 36, 60],
  [{ type: RTM_GETLINK, ifindex: 1 }, 32, 32],
  [{ type: RTM_GETROUTE, family: 0 }, 28, 28],
];

Deno.test("encodeRequest() fills the send region to its end, and refuses where there is no room", () => {
  for (const [request, length, room] of FILLED) {
    assertEquals(encodeRequest(request, { at: SEND_LEN - room, sequence: 1 }), length);
    for (const at of [SEND_LEN - room + 4, SEND_LEN, SEND_LEN + 4, 0x7fffffff, -4, 2]) {
      const said = at < 0 ? "at is -4, must be" : "Cannot encode request at offset";
      assertThrows(() => encodeRequest(request, { at, sequence: 1 }), RangeError, said);
    }
  }
});

Deno.test("encodeRequest() refuses a number out of its range, and says which", () => {
  const plug = { action: 0, limit: 0 };
  const change = { type: RTM_NEWQDISC, ...ROOT, plug } as const;
  const wrong: readonly (readonly [Request, string])[] = [
    [{ ...change, ifindex: -1 }, "ifindex is -1"],
    [{ ...change, ifindex: 0x80000000 }, "ifindex is 2147483648"],
    [{ ...change, handle: 2 ** 32 }, "handle is 4294967296"],
    [{ ...change, handle: NaN }, "handle is NaN"],
    [{ ...change, parent: -1 }, "parent is -1"],
    [{ ...change, parent: 0.5 }, "parent is 0.5"],
    [{ ...change, flags: 0x10000 }, "flags is 65536"],
    [{ ...change, plug: { action: 4, limit: 0 } }, "action is 4"],
    [{ ...change, plug: { action: -1, limit: 0 } }, "action is -1"],
    [{ ...change, plug: { action: 3, limit: 2 ** 32 } }, "limit is 4294967296"],
    [{ type: RTM_GETLINK, ifindex: 1.5 }, "ifindex is 1.5"],
    [{ type: RTM_GETROUTE, family: 2, destination: new Uint8Array(5) }, "destination has 5 bytes"],
    [{ type: RTM_GETROUTE, family: 256 }, "family is 256"],
  ];
  for (const [request, said] of wrong) {
    assertThrows(() => encodeRequest(request, { at: 0, sequence: 1 }), RangeError, said);
  }
  assertThrows(() => encodeRequest(change, { at: 0, sequence: -1 }), RangeError, "sequence is -1");
});

Deno.test("encodeChange() writes what encodeRequest() writes, and says -1 where there is no room", () => {
  const plug = { action: 3, limit: 0xfedcba98 };
  const place = { ifindex: 0x01020304, handle: 0x504c0000, parent: 0xf9fafbfc };
  const expected = hexOf({ type: RTM_NEWQDISC, ...place, plug }, { sequence: 0xd1d2d3d4 });
  sendRegion.fill(0, 0, 60);
  assertEquals(encodeChange(0, 0xd1d2d3d4, place.ifindex, place.handle, place.parent, 3, 0xfedcba98), 60);
  assertEquals(sendRegion.subarray(0, 60).toHex(), expected);
  assertEquals(encodeChange(SEND_LEN - 60, 1, 1, 0, 0, 0, 0), 60);
  for (const at of [SEND_LEN - 56, -4, 2]) assertEquals(encodeChange(at, 1, 1, 0, 0, 0, 0), -1);
});
