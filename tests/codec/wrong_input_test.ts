import { assert, assertEquals } from "@std/assert";
import * as core from "../../codec/mod.ts";
import * as family from "../../codec/family.ts";

/** What a caller in JavaScript may give by mistake. */
const VALUES: Readonly<Record<string, unknown>> = {
  "a string": "zz",
  "a number": 5,
  "a fraction": 1.5,
  "less than nothing": -1,
  "no number": NaN,
  "a bigint": 1n,
  "a Boolean": true,
  "null": null,
  "undefined": undefined,
  "an object": {},
  "an array": [],
  "an array of null": [null],
  "a function": () => 0,
  "bytes": new Uint8Array(0),
};

/** A call with one argument wrong, and which of the values above are right there. */
type Call = readonly [call: (wrong: never) => unknown, ...right: string[]];

const bytes = Uint8Array.fromHex("1400000012000103010000000000000000000000");
const message = family.decode(bytes);
const qdisc = { type: core.RTM_NEWQDISC, ifindex: 1, handle: 0, parent: 0 } as const;
const place = { at: 0, sequence: 1 };
const values = { body: {}, attributes: {} };
const NUMBERS = ["a number", "a fraction", "less than nothing", "no number"];
const field = (more: object) => core.encode({ name: "message", fields: [{ name: "each", ...more }] });

const CORE: Readonly<Record<string, readonly Call[]>> = {
  DecodeError: [
    [(wrong) => new core.DecodeError(wrong, 0), "a string"],
    [(wrong) => new core.DecodeError("", wrong), "a number", "less than nothing"],
  ],
  encode: [
    [(wrong) => core.encode(wrong)],
    [(wrong) => core.encode({ name: "message", fields: wrong })],
    [(wrong) => core.encode({ name: "message", fields: [wrong] })],
    [(wrong) => core.encode({ name: "message", fields: [{ name: "a", fields: wrong }] })],
    [(wrong) => field({ value: wrong })],
    [(wrong) => field({ value: 1, length: wrong })],
    [(wrong) => field({ value: 1, attributeType: wrong })],
  ],
  errnoName: [[(wrong) => core.errnoName(wrong), "a number", "less than nothing"]],
  formatHex: [[(wrong) => core.formatHex(wrong), "bytes"]],
  formatHandle: [[(wrong) => core.formatHandle(wrong), "a number"]],
  formatParent: [[(wrong) => core.formatParent(wrong), "a number"]],
  parseHandle: [[(wrong) => core.parseHandle(wrong), "a string"]],
  parseParent: [[(wrong) => core.parseParent(wrong), "a string"]],
  decodeReceived: [[(wrong) => core.decodeReceived(wrong)]],
  readReceived: [[(wrong) => core.readReceived(wrong)]],
  decodeSlots: [[(wrong) => core.decodeSlots(wrong), "a number"]],
  verifyAcks: [
    [(wrong) => core.verifyAcks(wrong, 1), "a number"],
    [(wrong) => core.verifyAcks(0, wrong), "a number"],
  ],
  Records: [
    [(wrong) => new core.Records(wrong), "a number"],
    [(wrong) => new core.Records(1).moveTo(wrong)],
    [(wrong) => new core.Records(1).moveTo(0).word(wrong), "a number"],
  ],
  treeRequest: [
    [(wrong) => core.treeRequest(wrong)],
    [(wrong) => core.treeRequest({ type: core.RTM_NEWLINK, ifindex: wrong }), "a number"],
    [(wrong) => core.treeRequest({ type: wrong, ifindex: 1 }), "a number"],
    [(wrong) => core.treeRequest({ type: core.RTM_NEWLINK, ifindex: 1, name: wrong }), "a string", "undefined"],
    [(wrong) => core.treeRequest({ type: core.RTM_NEWLINK, ifindex: 1, kind: wrong }), "a string", "undefined"],
    [(wrong) => core.treeRequest({ type: core.RTM_NEWLINK, ifindex: 1, alias: wrong }), "a string", "undefined"],
    [(wrong) => core.treeRequest({ type: core.RTM_NEWLINK, ifindex: 1, txqueuelen: wrong }), "a number", "undefined"],
    [(wrong) => core.treeRequest({ type: core.RTM_NEWLINK, ifindex: 1, flags: wrong }), "a number", "undefined"],
  ],
  encodeRequest: [
    [(wrong) => core.encodeRequest(wrong, place)],
    // Of these two the engine says it, since to say more costs every request time
    [(wrong) => core.encodeRequest(qdisc, wrong), "null"],
    [(wrong) => core.encodeRequest(qdisc, { at: wrong, sequence: 1 }), "a bigint"],
    [(wrong) => core.encodeRequest(qdisc, { at: 0, sequence: wrong }), "a number"],
    [(wrong) => core.encodeRequest({ ...qdisc, type: wrong }, place)],
    [(wrong) => core.encodeRequest({ ...qdisc, flags: wrong }, place), "a number", "undefined"],
    [(wrong) => core.encodeRequest({ ...qdisc, ifindex: wrong }, place), "a number"],
    [(wrong) => core.encodeRequest({ ...qdisc, handle: wrong }, place), "a number"],
    [(wrong) => core.encodeRequest({ ...qdisc, parent: wrong }, place), "a number"],
    [(wrong) => core.encodeRequest({ ...qdisc, plug: wrong }, place), "undefined"],
    [(wrong) => core.encodeRequest({ ...qdisc, plug: { action: wrong, limit: 0 } }, place)],
    [(wrong) => core.encodeRequest({ ...qdisc, plug: { action: 0, limit: wrong } }, place), "a number"],
    [(wrong) => core.encodeRequest({ type: core.RTM_GETLINK, ifindex: wrong }, place), "a number"],
    [(wrong) => core.encodeRequest({ type: core.RTM_GETROUTE, family: wrong }, place), "a number"],
    [
      (wrong) => core.encodeRequest({ type: core.RTM_GETROUTE, family: 2, destination: wrong }, place),
      "bytes",
      "undefined",
    ],
    [(wrong) => core.encodeRequest({ type: 16, fields: wrong }, place), "an array"],
    [(wrong) => core.encodeRequest({ type: 16, fields: [wrong] }, place)],
    [(wrong) => core.encodeRequest({ type: wrong, fields: [] }, place), "a number"],
    [(wrong) => core.encodeRequest({ type: 16, flags: wrong, fields: [] }, place), "a number", "undefined"],
  ],
  encodeChange: [0, 1, 2, 3, 4, 5, 6].map((index): Call => {
    // Documented: of a number the low 32 bits count
    return [(wrong) => {
      const numbers: [number, number, number, number, number, number, number] = [0, 1, 1, 0, 0, 0, 0];
      numbers[index] = wrong;
      return core.encodeChange(...numbers);
    }, ...NUMBERS];
  }),
};

const FAMILY: Readonly<Record<string, readonly Call[]>> = {
  DecodeError: CORE.DecodeError,
  encode: CORE.encode,
  formatHex: CORE.formatHex,
  decode: [[(wrong) => family.decode(wrong)], [(wrong) => family.decode(bytes, wrong), "undefined"]],
  decodeAll: [[(wrong) => family.decodeAll(wrong), "bytes"], [(wrong) => family.decodeAll(bytes, wrong), "undefined"]],
  buildMessage: [
    [(wrong) => family.buildMessage(wrong, "RTM_NEWLINK", values)],
    [(wrong) => family.buildMessage(family.ROUTE_FAMILY, wrong, values)],
    [(wrong) => family.buildMessage(family.ROUTE_FAMILY, "RTM_NEWLINK", wrong), "an object", "bytes"],
    ...["body", "attributes"].map((name): Call => [
      (wrong) => family.buildMessage(family.ROUTE_FAMILY, "RTM_NEWLINK", { [name]: wrong }),
      "undefined",
      "an object",
    ]),
    ...["flags", "sequence"].map((name): Call => [
      (wrong) => family.buildMessage(family.ROUTE_FAMILY, "RTM_NEWLINK", { [name]: wrong }),
      "undefined",
      "a number",
    ]),
    [(wrong) => attribute({ IFNAME: wrong }), "a string"],
    [(wrong) => attribute({ MTU: wrong }), ...NUMBERS, "a bigint"],
    [(wrong) => attribute({ LINKINFO: wrong }), "an object"],
    [(wrong) => attribute({ ADDRESS: wrong }), "a Boolean", "bytes"],
    [
      (wrong) => family.buildMessage(family.ROUTE_FAMILY, "RTM_NEWLINK", { body: { ifindex: wrong } }),
      ...NUMBERS,
      "a bigint",
      "undefined",
    ],
  ],
  aboutPlugs: [
    [(wrong) => [...family.aboutPlugs(wrong)], "an array", "bytes"],
    [(wrong) => [...family.aboutPlugs([wrong])]],
    [(wrong) => [...family.aboutPlugs([{ timeNs: 0n, bytes: wrong }])], "bytes"],
  ],
  plugFilter: [[(wrong) => family.plugFilter()(wrong)], [(wrong) => family.plugFilter()({ bytes: wrong }), "bytes"]],
  CaptureReader: [[(wrong) => new family.CaptureReader().read(wrong), "bytes"]],
  readCapture: [[(wrong) => family.readCapture(wrong), "bytes"]],
  formatTime: [[(wrong) => family.formatTime(wrong), "a bigint"]],
  fieldAt: [[(wrong) => family.fieldAt(wrong, 0)], [(wrong) => family.fieldAt(message, wrong), "a number"]],
  formatMessage: [
    [(wrong) => family.formatMessage(wrong)],
    [(wrong) => family.formatMessage(message, wrong), "undefined", "an object", "bytes"],
    [(wrong) => family.formatMessage({ ...message, fields: wrong })],
    [(wrong) => family.formatMessage({ ...message, fields: [...message.fields ?? [], wrong] })],
  ],
  formatSummary: [
    [(wrong) => family.formatSummary(wrong)],
    [(wrong) => family.formatSummary({ ...message, fields: wrong })],
    [(wrong) => family.formatSummary({ ...message, fields: [...message.fields ?? [], wrong] })],
  ],
  numberNamed: [
    [(wrong) => family.numberNamed(wrong, family.ROUTE_FAMILY), "a string"],
    [(wrong) => family.numberNamed("RTM_NEWLINK", wrong)],
  ],
  genericFamily: [
    [(wrong) => family.genericFamily(wrong), "an object", "bytes", "undefined"],
    [(wrong) => family.genericFamily({ 31: wrong }), "a string"],
  ],
};

function attribute(attributes: family.Values): Uint8Array {
  return core.encode(family.buildMessage(family.ROUTE_FAMILY, "RTM_NEWLINK", { attributes }));
}

/** What a call throws. */
function thrownBy(call: (wrong: never) => unknown, value: unknown): unknown {
  try {
    call(value as never);
  } catch (error) {
    return error;
  }
  return undefined;
}

/** What engines say of mistakes in a program, not of input. */
const ENGINES =
  /undefined \(|not iterable|is not a function|Cannot (?:convert|mix|use 'in'|read propert|destructure)|Invalid|\[object/;

for (const [name, calls, exports] of [["mod.ts", CORE, core], ["family.ts", FAMILY, family]] as const) {
  Deno.test(`every export of codec/${name} refuses what is not of its kind, and says what it wants`, () => {
    const functions = Object.entries(exports).filter(([, each]) => typeof each === "function").map(([each]) => each);
    assertEquals(Object.keys(calls).toSorted(), functions.toSorted());
    const silent: string[] = [];
    for (const [name, each] of Object.entries(calls)) {
      each.forEach(([call, ...right], index) => {
        for (const [what, value] of Object.entries(VALUES)) {
          if (right.includes(what)) continue;
          const error = thrownBy(call, value);
          const isClear = (error instanceof TypeError || error instanceof RangeError) && !ENGINES.test(error.message);
          if (!isClear) silent.push(`${name}, call ${index}, ${what}: ${error ?? "nothing thrown"}`);
        }
      });
    }
    assert(silent.length === 0, silent.join("\n"));
  });
}
