import { DURATION, NAME, RANGE, SIZE, STEPS } from "./expected.ts";
import { type Cases, withSteps, withTop } from "../marked.ts";

const ACTIONS = "attach, detach, buffer, release-one, release, limit, run, start, stop, join, sleep, wait, " +
  "expect, log, repeat, parallel";
const QUEUES = "the name of a gate or a plug, or a list of them";
const NO_HOST = "none: attach, run, start, and conditions on ports and commands alone are about a host";

/** Mistakes in lists of steps, in what every step has, and in steps that move queues, log or sleep. */
export const STEP_MISTAKES: Cases = [
  ["name: x\nsteps:‸", "steps is no list", STEPS],
  ["name: x\nsteps: ‸{}", "steps is no list", STEPS],
  ["name: x\nsteps: ‸[]", "steps has no step", STEPS],
  [withTop("cleanup: ‸[]"), "cleanup has no step", STEPS],
  [withSteps("  - ‸buffer"), "the step must be a mapping", "what it does: - buffer: web"],
  [withSteps("  - ‸{}"), "the step does nothing", `one of ${ACTIONS}`],
  [withSteps("  - ‸name: x"), "the step does nothing", `one of ${ACTIONS}`],
  [withSteps("  - ‸bufer: web"), 'unknown key "bufer"', `one of ${ACTIONS}`],
  [withSteps("  - buffer: web\n    ‸timeout: 5s"), 'unknown key "timeout"', "buffer with name, host, at"],
  [withSteps("  - buffer: web\n    ‸steps: []"), 'unknown key "steps"', "buffer with name, host, at"],
  [withSteps("  - buffer: web\n    ‸run: x"), "run in a step with buffer", "one action a step"],
  [withSteps("  - log: x\n    name: ‸[]"), "name is an empty list", "a text"],
  [withSteps("  - run: x\n    host: ‸a b"), 'host is "a b"', NAME],
  [withSteps("  - run: x\n    host: ‸a"), 'there is no host "a"', "one of here"],
  [withSteps("  - log: x\n    ‸host: here"), "a host for log", NO_HOST],
  [withSteps("  - wait: { gate: web, backlog: 1 }\n    ‸host: here"), "a host for wait", NO_HOST],
  [withSteps("  - log: x\n    at: ‸5"), "at is 5", DURATION],
  [withSteps("  - log: ‸[x]"), "log is a list", "a text"],
  [
    withSteps("  - log: x ‸${y} z"),
    "there is no variable ${y}",
    "one that vars defines, or $${ for a ${ that the shell gets",
  ],
  [
    withTop("vars: { a: 1 }\ncleanup: [run: 'x ‸${a:-1}']"),
    "there is no variable ${a:-1}",
    "${a}, or $${ for a ${ that the shell gets",
  ],
  [
    withSteps("  - log: x ‸${y z"),
    "there is no variable ${y z",
    "one that vars defines, or $${ for a ${ that the shell gets",
  ],
  [withSteps("  - buffer: ‸nosuch"), 'there is no gate or plug "nosuch"', "one of web, up"],
  ["name: x\nsteps:\n  - buffer: ‸web", 'there is no gate or plug "web"', "one under gates:, or attached by a step"],
  [withSteps("  - buffer: ‸{}"), "buffer is a mapping", QUEUES],
  [withSteps("  - buffer: ‸[]"), "buffer is an empty list", QUEUES],
  [withSteps("  - buffer: [web, ‸web]"), "web is given twice", "each name once"],
  [withSteps("  - release-one: [web, ‸{}]"), "release-one[2] is a mapping", "a text"],
  [withSteps("  - release:‸"), "release is empty", QUEUES],
  [withSteps("  - release-indefinite:‸"), "release-indefinite is empty", QUEUES],
  [withSteps("  - run:‸"), "run is empty", "a command, or { command: ..., exit: 0 }"],
  [withSteps("  - detach: ‸x"), 'there is no gate or plug "x"', "one of web, up"],
  [
    withSteps("  - attach: ‸web"),
    "attach does not say what",
    "a gate, { gate: web, dev: lo, direction: egress }, or a plug, { plug: up, dev: eth0 }",
  ],
  [
    withSteps("  - attach: ‸{ gate: g, dev: lo }"),
    "attach has no direction",
    "in (ingress) for packets that come in, out (egress) for those that leave, or both",
  ],
  [
    withSteps("  - attach: { gate: ‸a b, dev: lo, direction: egress }"),
    'gate is "a b"',
    "a gate's name: 1 to 10 letters, no space, /, : or %",
  ],
  [
    withSteps("  - attach: { gate: g, dev: lo, direction: egress, ‸parent: root }"),
    'unknown key "parent"',
    "one of gate, host, dev, direction, match, limit, priority, force",
  ],
  [
    withSteps("  - attach: { plug: p, dev: lo, ‸match: udp }"),
    'unknown key "match"',
    "one of plug, host, dev, parent, handle, limit",
  ],
  [withSteps("  - attach: { ‸plug: web, dev: lo }"), "web is a gate already", "another name"],
  [withSteps("  - limit: ‸web"), 'limit is "web"', "a size for a gate or a plug: { gate: web, size: 4MiB }"],
  [withSteps("  - limit: ‸{ gate: web }"), "limit has no size", SIZE],
  [withSteps("  - limit: ‸{ size: 1k }"), "limit does not say of what", "gate or plug, with a name"],
  [withSteps("  - limit: { gate: ‸up, size: 1k }"), "up is a plug, not a gate", "plug: up"],
  [withSteps("  - limit: { plug: ‸nosuch, size: 1k }"), 'there is no plug "nosuch"', "one of up"],
  [withSteps("  - limit: { gate: web, size: 1k, ‸dev: lo }"), 'unknown key "dev"', "one of gate, plug, size"],
  [withSteps("  - sleep: ‸1"), "sleep is 1", RANGE],
  [withSteps("  - sleep: ‸1ms..2"), 'sleep is "1ms..2"', RANGE],
  [withSteps("  - sleep: ‸2ms..1ms"), 'sleep is "2ms..1ms"', "a range with the shorter duration first: 10ms..50ms"],
];
