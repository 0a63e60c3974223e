/** What requests are made of: the schemas of their fields. */

import * as v from "valibot";
import { LONGEST_MS } from "../plug/quantity.ts";
import { LIMIT_MAX } from "../plug/plug_requests.ts";

/** A text that says something. */
export const TEXT = v.pipe(v.string("a text"), v.nonEmpty("a text that is not empty"));
const NAMES = v.pipe(v.array(TEXT), v.nonEmpty("at least one name"));

/** One name or several. */
export const ONE_OR_MORE = v.pipe(
  v.union([TEXT, NAMES], "a name, or a list of names"),
  v.transform((names) => [names].flat()),
);

/** A number of milliseconds that can be waited for. */
export const MILLISECONDS = v.pipe(
  v.number("a number of milliseconds"),
  v.minValue(0, "at least 0"),
  v.maxValue(LONGEST_MS, `at most ${LONGEST_MS}, 24 days`),
);

/** For how long something is held. */
export const HOLD_MS = v.pipe(MILLISECONDS, v.gtValue(0, "more than 0"));

/** How much is held, with link headers. */
export const LIMIT_BYTES = v.pipe(
  v.number("a number of bytes"),
  v.integer("a whole number"),
  v.minValue(1, "at least 1: with 0 every packet is dropped"),
  v.maxValue(LIMIT_MAX, `at most ${LIMIT_MAX}`),
);

/** Where it is: a network namespace other than that of the one who is asked. */
export const NETNS = { netns: v.optional(TEXT) };

/** A class and a handle, as tc writes them. */
export const PLACE = { parent: v.optional(TEXT), handle: v.optional(TEXT) };

/** Gates and plugs that are there: by `on` either, a gate's name or a device's; or, where both have the name, by one word. */
export const ON = {
  on: v.optional(ONE_OR_MORE),
  gate: v.optional(ONE_OR_MORE),
  dev: v.optional(ONE_OR_MORE),
  ...PLACE,
  ...NETNS,
};

/** How long what is held may take to leave, and whether it is discarded instead. */
export const DETACH = { drop: v.optional(v.boolean()), timeoutMs: v.optional(MILLISECONDS) };
