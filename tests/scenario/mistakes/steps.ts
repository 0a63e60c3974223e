import { DURATION, NAME, RANGE, SIZE, STEPS } from "./expected.ts";
import { type Cases, withSteps, withTop } from "../marked.ts";

const ACTIONS =
  "attach, detach, buffer, release-one, release, discard, hold, limit, run, start, stop, signal, send, join, sleep, wait, " +
  "expect, log, set, repeat, parallel";
const QUEUES = "the name of a gate or a plug, or a list of them";
const RELEASED = "the name of a gate or a plug, a list of them, or { gate: web, packets: 3 }";
const DETACHED = "the name of a gate or a plug, a list of them, or { gate: web, drop: true }";
const HOW = "one of packets, rate and over beside the gate: { gate: web, over: 2s }";
const RATE = "packets in a time, up to 1000000/s: 100/s";
const PACKETS = "a whole number from 1 to 2147483647";
const NO_HOST = "none: attach, run, start, and conditions on ports and commands alone are about a host";

const TOOK = 'a comparison with a duration, such as "<2s" or ">=300ms"';
const WHEN = "true, false, or a condition: { gate: web, backlog: 0 }";
const GATE_KEYS =
  "one of gate, backlog, packets, backlog-bytes, sent, sent-bytes, drops, since, hits, packet, waiting, count";
const HOLD = "what to hold, and how long: { gate: web, for: 500ms }";

const VARIABLE = "a variable's name: a letter or _, then letters, digits and _";
const NO_VARIABLES = "one that vars defines, or $${ for a ${ that the shell gets";
const REPEATED = "repeat uses n, which has no value before the steps begin";
const HELD = "hold uses n, which has no value before the steps begin";

const SET_VALUE = "a text, a number, true or false, or { random: [VALUE, …] }";

/** Mistakes in lists of steps, in what every step has, and in steps that move queues, log or sleep. */
export const STEP_MISTAKES: Cases = [
  ["name: x\nsteps:‸", "steps is not a list", STEPS],
  ["name: x\nsteps: ‸{}", "steps is not a list", STEPS],
  ["name: x\nsteps: ‸[]", "steps has no step", STEPS],
  [withTop("cleanup: ‸[]"), "cleanup has no step", STEPS],
  [withSteps("  - ‸buffer"), "the step must be a mapping", "what it does: - buffer: web"],
  [withSteps("  - ‸{}"), "the step does nothing", `one of ${ACTIONS}`],
  [withSteps("  - ‸name: x"), "the step does nothing", `one of ${ACTIONS}`],
  [withSteps("  - ‸bufer: web"), 'unknown key "bufer"', `one of ${ACTIONS}`],
  [
    withSteps("  - buffer: web\n    ‸timeout: 5s"),
    'unknown key "timeout"',
    "buffer with name, host, at, took, break, when",
  ],
  [
    withSteps("  - buffer: web\n    ‸steps: []"),
    'unknown key "steps"',
    "buffer with name, host, at, took, break, when",
  ],
  [withSteps("  - buffer: web\n    ‸run: x"), "run in a step with buffer", "one action a step"],
  [withSteps("  - log: x\n    name: ‸[]"), "name is an empty list", "a text"],
  [withSteps("  - run: x\n    host: ‸a b"), 'host is "a b"', NAME],
  [withSteps("  - run: x\n    host: ‸a"), 'there is no host "a"', "one of here"],
  [withSteps("  - log: x\n    ‸host: here"), "a host for log", NO_HOST],
  [withSteps("  - wait: { gate: web, backlog: 1 }\n    ‸host: here"), "a host for wait", NO_HOST],
  [withSteps("  - log: x\n    at: ‸5"), "at is 5", DURATION],
  [withSteps("  - log: ‸[x]"), "log is a list", "a text"],
  [withSteps("  - sleep: 1s\n    took: ‸2s"), 'took is "2s"', TOOK],
  [withSteps("  - sleep: 1s\n    took: ‸<2"), 'took is "<2"', TOOK],
  [withSteps("  - log: x\n    when: ‸maybe"), 'when is "maybe"', WHEN],
  [withSteps("  - log: x\n    when: { gate: ‸up, backlog: 1 }"), "up is a plug, not a gate", "plug: up"],
  [withSteps("  - log: x\n    when: { gate: web, ‸timeout: 1s }"), 'unknown key "timeout"', GATE_KEYS],
  [withSteps("  - log: x\n    break: ‸yes"), 'break is "yes"', "true or false"],
  [withSteps('  - log: x\n    break: "‸${n}"'), "there is no variable ${n}", NO_VARIABLES],
  [withSteps("  - log: x\n    when: { port: 80 }\n    host: here"), "", ""],
  [
    withSteps("  - log: x\n    ‸timeout: 5s"),
    'unknown key "timeout"',
    "log with name, host, at, took, break, when",
  ],
  [withSteps("  - repeat: 2\n    timeout: ‸5\n    steps: [log: x]"), "timeout is 5", DURATION],
  [withSteps("  - set: ‸x"), 'set is "x"', "variables: { attempt: 2 }"],
  [withSteps("  - set: { ‸1x: 2 }"), 'the key is "1x"', VARIABLE],
  [withSteps("  - set: { x: ‸[] }"), "x is an empty list", SET_VALUE],
  [withSteps("  - set: { x: { random: [1], ‸rand: 2 } }"), 'unknown key "rand"', "one of random"],
  [
    withSteps("  - set: { x: { random: ‸[] } }"),
    "random is an empty list",
    "a list of values: { random: [early, late] }",
  ],
  [withSteps("  - set: { x: { random: ‸3 } }"), "random is 3", "a list of values: { random: [early, late] }"],
  [`${withSteps("  - set: { ‸port: 2 }")}\nvars: { port: 1 }`, "there is a variable port already", "another name"],
  [withSteps("  - set: { port: 80 }\n  - wait: { port: '${port}' }\n  - sleep: '${port}'"), "", ""],
  [withSteps("  - wait: { port: '‸${port}' }\n  - set: { port: 80 }"), "there is no variable ${port}", NO_VARIABLES],
  [withSteps("  - set: { n: 3 }\n  - repeat: ‸'${n}'\n    steps: [log: x]"), REPEATED, "a variable that vars defines"],
  [withSteps("  - set: { n: 3s }\n  - hold: { gate: web, for: ‸'${n}' }"), HELD, "a variable that vars defines"],
  [withSteps("  - set: { n: 3s }\n  - hold: { gate: web, while: [log: '${n}'] }"), "", ""],
  [
    withSteps("  - set: { n: 3 }\n  - buffer: [web, ‸nosuch]\n    name: '${n}'"),
    'there is no gate or plug "nosuch"',
    "one of web, up",
  ],
  [withSteps("  - hold: ‸web"), "hold must be a mapping", HOLD],
  [withSteps("  - hold: { gate: web, plug: up, for: 1s }"), "", ""],
  [withSteps("  - hold: { gate: web, until: { process: load, exit: 0, timeout: 1s } }"), "", ""],
  [withSteps("  - hold: { gate: web, while: [log: x] }"), "", ""],
  [withSteps("  - hold: ‸{ for: 1s }"), "hold does not say what", "gate or plug, with a name"],
  [withSteps("  - hold: ‸{ gate: web }"), "hold does not say how long", "one of for, until, while"],
  [
    withSteps("  - hold: ‸{ gate: web, for: 1s, while: [log: x] }"),
    "hold has for and while",
    "one of for, until, while",
  ],
  [withSteps("  - hold: { gate: web, for: ‸1 }"), "for is 1", DURATION],
  [withSteps("  - hold: { gate: ‸up, for: 1s }"), "up is a plug, not a gate", "plug: up"],
  [withSteps("  - hold: { gate: web, while: ‸[] }"), "while has no step", STEPS],
  [withSteps("  - hold: { gate: web, while: [‸bufer: x] }"), 'unknown key "bufer"', `one of ${ACTIONS}`],
  [withSteps("  - hold: { gate: web, until: { gate: ‸x, backlog: 1 } }"), 'there is no gate "x"', "one of web"],
  [
    withSteps("  - hold: { gate: web, ‸until_: x, for: 1s }"),
    'unknown key "until_"',
    "one of gate, plug, for, until, while",
  ],
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
  [withSteps("  - release:‸"), "release is empty", RELEASED],
  [withSteps("  - release-indefinite:‸"), "release-indefinite is empty", RELEASED],
  [withSteps("  - release: ‸{ gate: web }"), "release has 0 of these", HOW],
  [withSteps("  - release: ‸{ gate: web, packets: 1, over: 1s }"), "release has 2 of these", HOW],
  [withSteps("  - release: { gate: web, rate: ‸5 }"), "rate is 5", RATE],
  [withSteps("  - release: { gate: web, rate: ‸0/s }"), 'rate is "0/s"', RATE],
  [withSteps("  - release: { gate: web, packets: ‸0 }"), "packets is 0", PACKETS],
  [withSteps("  - release: { gate: web, packets: ‸1.5 }"), "packets is 1.5", PACKETS],
  [withSteps("  - release: { gate: ‸up, packets: 1 }"), "up is a plug, not a gate", "plug: up"],
  [withSteps("  - run:‸"), "run is empty", "a command, or { command: ..., exit: 0 }"],
  [withSteps("  - detach:‸"), "detach is empty", DETACHED],
  [withSteps("  - detach: ‸{ drop: true }"), "detach does not say what", "gate or plug, with a name"],
  [withSteps("  - detach: { gate: ‸up, drop: true }"), "up is a plug, not a gate", "plug: up"],
  [withSteps("  - detach: { gate: web, drop: ‸1 }"), "drop is 1", "true or false"],
  [withSteps("  - detach: { gate: web, ‸lose: true }"), 'unknown key "lose"', "one of gate, plug, drop"],
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
    "one of gate, host, dev, direction, match, except, first, with-arp, every, probability, limit, priority, force",
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
  [withSteps("  - set: { a: ‸[], b: 1 }\n  - log: '${a} ${b}'"), "a is an empty list", SET_VALUE],
  [
    withSteps("  - set: { a: '‸${a}' }\n  - log: '${a}'"),
    "there is no variable ${a}",
    NO_VARIABLES,
  ],
  [withSteps("  - sleep: ‸1"), "sleep is 1", RANGE],
  [withSteps("  - sleep: ‸1ms..2"), 'sleep is "1ms..2"', RANGE],
  [
    withSteps("  - sleep: ‸2ms..1ms"),
    'sleep is "2ms..1ms"',
    "at most 24 days, and in a range the shorter duration first: 10ms..50ms",
  ],
];
