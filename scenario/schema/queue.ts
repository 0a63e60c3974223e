import * as v from "valibot";
import { parseHandle, parseParent } from "../../codec/handle.ts";
import { gateDevice } from "../../gate/gate_name.ts";
import { mapping, parsed } from "./mapping.ts";
import { NAME, oneOrMore, SIZE, SOME_TEXT, wholeNumber } from "./scalar.ts";

const DEVICE_EXPECTED = "a device's name: up to 15 letters, no space, / or :";
/** A network device. */
export const DEVICE = v.pipe(v.string(DEVICE_EXPECTED), v.regex(/^(?!\.{1,2}$)[^\s/:\0]{1,15}$/, DEVICE_EXPECTED));

const GATE_EXPECTED = "a gate's name: 1 to 10 letters, no space, /, : or %";
/** A gate. */
export const GATE_NAME = parsed(v.pipe(v.string(GATE_EXPECTED), v.regex(/^[^\s/:%]{1,10}$/, GATE_EXPECTED)), {
  parse: (name) => gateDevice(name) && name,
  expected: GATE_EXPECTED,
});

/** Gates and plugs, by name: one or a list. */
export const QUEUES = oneOrMore(SOME_TEXT, "the name of a gate or a plug, or a list of them");

/** What defines a gate. */
export const GATE_ENTRIES = {
  host: v.optional(NAME),
  dev: oneOrMore(DEVICE, `${DEVICE_EXPECTED}; or a list of them`),
  direction: v.picklist(
    ["in", "out", "both", "ingress", "egress"],
    "in (ingress) for packets that come in, out (egress) for those that leave, or both",
  ),
  match: v.optional(oneOrMore(SOME_TEXT, "an expression such as tcp dst port 80, or a list of alternatives")),
  limit: v.optional(SIZE),
  priority: v.optional(wholeNumber(1, 65535)),
  force: v.optional(v.literal(true, "true: its packets may bypass filters that others have put behind it")),
};

const PARENT_EXPECTED = "root, or a class, MAJOR:MINOR in hexadecimal";
const HANDLE_EXPECTED = "a handle, MAJOR: in hexadecimal";

/** What defines a plug. */
export const PLUG_ENTRIES = {
  host: v.optional(NAME),
  dev: DEVICE,
  parent: v.optional(parsed(v.string(PARENT_EXPECTED), { parse: parseParent, expected: PARENT_EXPECTED })),
  handle: v.optional(parsed(v.string(HANDLE_EXPECTED), { parse: parseHandle, expected: HANDLE_EXPECTED })),
  limit: v.optional(SIZE),
};

/** What is written of a gate. */
export type GateFields = v.InferOutput<v.ObjectSchema<typeof GATE_ENTRIES, string>>;
/** What is written of a plug. */
export type PlugFields = v.InferOutput<v.ObjectSchema<typeof PLUG_ENTRIES, string>>;

/** A gate under `gates:`. */
export const GATE = mapping(GATE_ENTRIES, "a mapping: { dev: lo, direction: egress, match: tcp dst port 80 }");

/** A plug under `plugs:`. */
export const PLUG = mapping(PLUG_ENTRIES, "a mapping: { dev: eth0, limit: 1MiB }");
