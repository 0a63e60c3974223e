import * as v from "valibot";
import { ADDRESS, DESTINATION, IP } from "./address.ts";
import { ENV } from "./command.ts";
import { byName, mapping } from "./mapping.ts";
import { DEVICE } from "./queue.ts";
import { DURATION, FLAG, NAME, oneOrMore, SOME_TEXT, TEXT, wholeNumber } from "./scalar.ts";

const TO_EXPECTED = "the host at the other end: server, or with its device, server.eth0";
const TO = v.pipe(
  v.string(TO_EXPECTED),
  v.regex(/^[A-Za-z][A-Za-z0-9_-]{0,31}(\.[^\s/:\0]{1,15})?$/, TO_EXPECTED),
);

const CABLE = mapping({
  to: TO,
  address: v.optional(oneOrMore(ADDRESS, "an address with its prefix length, 10.0.0.1/24, or a list of them")),
  mtu: v.optional(wholeNumber(68, 65535)),
}, "an end of a cable: { to: server, address: 10.0.0.1/24 }");

/** A host that is made. */
export const MADE_HOST = mapping({
  devices: v.optional(byName(DEVICE, CABLE, "its devices: { eth0: { to: server, address: 10.0.0.1/24 } }"), {}),
  routes: v.optional(byName(DESTINATION, IP, "routes: { default: 10.0.0.2 }"), {}),
  forward: v.optional(FLAG, false),
}, "a host: { devices: { eth0: { to: server, address: 10.0.0.1/24 } } }");

/** A host that is there. */
export const FOUND_HOST = mapping({ netns: SOME_TEXT }, "a host that is there: { netns: NAME }");

/** What stands at the top of a scenario, beside what is read piece by piece. */
export const TOP_ENTRIES = {
  name: SOME_TEXT,
  description: v.optional(TEXT),
  timeout: v.optional(DURATION, "10m"),
  "max-hold": v.optional(DURATION, "30s"),
  seed: v.optional(wholeNumber(0, 0xffffffff)),
};

/** What stands under `defaults:`. */
export const DEFAULTS = mapping({
  host: v.optional(NAME),
  timeout: v.optional(DURATION),
  env: v.optional(ENV, {}),
  cwd: v.optional(SOME_TEXT),
}, "defaults: { host: client, timeout: 5s }");
