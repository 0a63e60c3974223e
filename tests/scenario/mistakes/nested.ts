import { DURATION, NAME, RANGE, STEPS } from "./expected.ts";
import { type Cases, withSteps } from "../marked.ts";

const REPEAT =
  "how often, or { times: 20, as: round }, or { over: [1, 2], as: value }, or { until: { file: x }, within: 30s }";
const LOOP = "\n    steps: [log: x]";

const SUBJECTS = "one of the keys gate, plug, process, port, command, http, file";

/** Mistakes in steps that hold others. */
export const NESTED_MISTAKES: Cases = [
  [withSteps("  - repeat: ‸3"), "repeat has no steps beside it", "steps: a list of steps"],
  [withSteps("  - repeat: ‸often\n    steps: [log: x]"), 'repeat is "often"', "a whole number from 0 to 1000000"],
  [withSteps("  - repeat: ‸1000001\n    steps: [log: x]"), "repeat is 1000001", "a whole number from 0 to 1000000"],
  [withSteps("  - repeat: ‸[1]\n    steps: [log: x]"), "repeat is a list", REPEAT],
  [withSteps("  - repeat: ‸{ as: i }\n    steps: [log: x]"), "repeat has no times", "a whole number from 0 to 1000000"],
  [
    withSteps("  - repeat: ‸{ over: [1] }\n    steps: [log: x]"),
    "repeat has no as",
    "a variable's name: a letter or _, then letters, digits and _",
  ],
  [withSteps("  - repeat: { over: ‸1, as: i }\n    steps: [log: x]"), "over is 1", "a list of values"],
  [
    withSteps("  - repeat: { over: [1, ‸[]], as: i }\n    steps: [log: x]"),
    "over[2] is an empty list",
    "a text, a number, true or false",
  ],
  [
    withSteps("  - repeat: { over: [1], as: i, ‸times: 2 }\n    steps: [log: x]"),
    'unknown key "times"',
    "one of over, as",
  ],
  [withSteps(`  - repeat: { until: { plug: up, sent: 3 }, times: 5, within: 1s }${LOOP}`), "", ""],
  [withSteps(`  - repeat: { until: { plug: ‸web, sent: 3 } }${LOOP}`), "web is a gate, not a plug", "gate: web"],
  [withSteps(`  - repeat: { until: ‸often }${LOOP}`), "until does not say what it is about", SUBJECTS],
  [withSteps(`  - repeat: { until: { file: x }, within: ‸5 }${LOOP}`), "within is 5", DURATION],
  [withSteps(`  - repeat: { until: { file: x }, times: ‸0 }${LOOP}`), "times is 0", "a whole number from 1 to 1000000"],
  [
    withSteps(`  - repeat: { until: { file: x }, ‸over: [1] }${LOOP}`),
    'unknown key "over"',
    "one of until, times, within, as",
  ],
  [withSteps("  - repeat: { times: 1, ‸in: i }\n    steps: [log: x]"), 'unknown key "in"', "one of times, as"],
  [
    withSteps("  - repeat: { times: 1, as: ‸1st }\n    steps: [log: x]"),
    'as is "1st"',
    "a variable's name: a letter or _, then letters, digits and _",
  ],
  [
    withSteps(
      "  - repeat: { times: 2, as: i }\n    steps:\n      - repeat: { times: 2, as: ‸i }\n        steps: [log: x]",
    ),
    "there is a variable i already",
    "another name",
  ],
  [withSteps("  - repeat: 2\n    steps: ‸[]"), "steps has no step", STEPS],
  [
    withSteps("  - repeat: 2\n    steps:\n      - buffer: ‸nosuch"),
    'there is no gate or plug "nosuch"',
    "one of web, up",
  ],
  [withSteps("  - repeat: { over: [1ms, 2], as: t }\n    steps: [sleep: ‸'${t}']"), "sleep is 2", RANGE],
  [
    withSteps(
      "  - repeat: { times: 1000, as: i }\n    steps:\n      - repeat: { times: 1000, as: j }\n        steps: [‸log: '${i} ${j}']",
    ),
    "there are too many steps, those of every round counted",
    "at most 100000",
  ],
  [
    withSteps("  - parallel: ‸[]"),
    "parallel has no branches",
    "lists of steps by name: { client: [...], server: [...] }",
  ],
  [
    withSteps("  - parallel: ‸{}"),
    "parallel has no branches",
    "lists of steps by name: { client: [...], server: [...] }",
  ],
  [withSteps("  - parallel: { ‸a b: [log: x] }"), 'the branch is "a b"', NAME],
  [withSteps("  - parallel: { a: ‸log }"), "a is not a list", STEPS],
  [withSteps("  - parallel: { a: [log: x, buffer: ‸nosuch] }"), 'there is no gate or plug "nosuch"', "one of web, up"],
];
