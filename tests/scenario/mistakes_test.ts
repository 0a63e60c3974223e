import { assertEquals } from "@std/assert";
import { scenarioJsonSchema } from "../../scenario/schema/json_schema.ts";
import { mistakesIn, unmark, withSteps, withTop } from "./marked.ts";

/** Texts with a mark where the mistake is, and what is said of it. */
type Cases = readonly (readonly [marked: string, what: string, expected: string])[];

const TOP_KEYS = "name, description, timeout, max-hold, seed, vars, defaults, hosts, gates, plugs, steps, cleanup";
const ACTIONS =
  "attach, detach, buffer, release-one, release-indefinite, limit, run, start, stop, join, sleep, wait, " +
  "expect, log, repeat, parallel";
const DURATION = "a duration with its unit, up to 24 days: 200ms, 1.5s, 1m";
const NAME = "a name: a letter, then letters, digits, - and _, up to 32";
const COUNT = 'a whole number from 0, or a comparison with one, such as ">=1"';
const SIZE = "a size from 1 byte to 4 GiB - 1: a number of bytes, 64k, 1m, 1MiB";
const EXIT = 'an exit status from 0 to 255, a comparison such as ">0", a list of them, or any';
const TEXT_TEST = "a text, or a regular expression that JavaScript understands, between slashes: /^ready [0-9]+$/m";
const QUEUES = "the name of a gate or a plug, or a list of them";
const COMMAND = "a line for the shell, or a list of a program and its arguments";
const DEVICE = "a device's name: up to 15 letters, no space, / or :";
const NO_HOST = "none: attach, run, start, and waiting for ports and commands alone are done on a host";
const STEPS = "a list of steps: - buffer: web";
const RANGE = "a duration with its unit, 200ms, or a range of them, 10ms..50ms";
const REPEAT = "how often, or { times: 20, as: round }, or { over: [1, 2], as: value }";

const YAML: Cases = [
  ["‸", "the scenario is no mapping", `keys such as ${TOP_KEYS}`],
  ["‸- name", "the scenario is no mapping", `keys such as ${TOP_KEYS}`],
  ["name: x\n‸name: y\nsteps: [log: x]", "a key is given twice", "each key of a mapping once"],
  [
    "name: x\nsteps: [log: ‸*nosuch]",
    "there is no anchor nosuch",
    "&nosuch before it",
  ],
  ["name: !!binary ‸x\nsteps: [log: x]", "there is a tag tag:yaml.org,2002:binary", "no tag but !!str"],
  [withTop("? ‸[x]\n: y"), "a key is no text", "a word as the key"],
  [withTop("vars: { ‸__proto__: 1 }"), "a key is __proto__", "another name"],
  [withTop("defaults: { env: { ‸constructor: 1 } }"), "a key is constructor", "another name"],
  [withTop("‸bogus: 1"), 'unknown key "bogus"', `one of ${TOP_KEYS}`],
  ["‸steps: [log: x]", "the scenario has no name", "a text"],
  ["‸name: x", "the scenario has no steps", STEPS],
];

const TOP: Cases = [
  ["name:‸\nsteps: [log: x]", "name is empty", "a text"],
  ['name: ‸""\nsteps: [log: x]', 'name is ""', "a text that is not empty"],
  ["name: ‸[x]\nsteps: [log: x]", "name is a list", "a text"],
  [withTop("description: ‸{}"), "description is a mapping", "a text"],
  [withTop("timeout: ‸60"), "timeout is 60", DURATION],
  [withTop("timeout: ‸60 s"), 'timeout is "60 s"', DURATION],
  [withTop("timeout: ‸25h"), "", ""],
  [withTop("timeout: ‸900h"), 'timeout is "900h"', DURATION],
  [withTop("max-hold: ‸never"), 'max-hold is "never"', DURATION],
  [withTop("seed: ‸-1"), "seed is -1", "a whole number from 0 to 4294967295"],
  [withTop("seed: ‸0x10"), 'seed is "0x10"', "a whole number from 0 to 4294967295"],
  [withTop("vars: ‸[1]"), "vars is no mapping", "variables: { port: 8000 }"],
  [
    withTop("vars: { ‸my-var: 1 }"),
    'the variable is "my-var"',
    "a variable's name: a letter or _, then letters, digits and _",
  ],
  [
    withTop("vars: { a: '‸${b}', b: 1 }"),
    "there is no variable ${b}",
    "one that vars defines, or $${ for a ${ that the shell gets",
  ],
  [withTop("vars: { port: ‸}"), "port is empty", "a text or a number"],
  [withTop("vars: { port: ‸[1] }"), "port is an empty list", "a text or a number"],
  [withTop("defaults: ‸1"), "defaults is 1", "defaults: { host: client, timeout: 5s }"],
  [withTop("defaults: { ‸hots: a }"), 'unknown key "hots"', "one of host, timeout, env, cwd"],
  [withTop("defaults: { timeout: ‸5 }"), "timeout is 5", DURATION],
  [withTop("defaults: { host: ‸9 }"), "host is 9", NAME],
  [withTop("defaults: { host: ‸a }"), 'there is no host "a"', "one of here"],
  [withTop("defaults: { env: ‸a }"), 'env is "a"', "environment variables: { NAME: value }"],
  [withTop("defaults: { env: { ‸a-b: 1 } }"), 'the key is "a-b"', "the name of an environment variable"],
  [withTop("defaults: { env: { A: ‸[] } }"), "A is an empty list", "a text"],
  [withTop("defaults: { cwd: ‸{} }"), "cwd is a mapping", "a text"],
];

const HOSTS: Cases = [
  [
    withTop("hosts: ‸[a]"),
    "hosts is no mapping",
    "{ client: { devices: { eth0: { to: server, address: 10.0.0.1/24 } } } }",
  ],
  [withTop("hosts: { ‸9a: {} }"), 'the host is "9a"', NAME],
  [withTop("hosts: { ‸here: {} }"), "the host is called here", "another name"],
  [withTop("hosts: { a: ‸1 }"), "a is 1", "a host: { devices: { eth0: { to: server, address: 10.0.0.1/24 } } }"],
  [withTop("hosts: { a: { ‸device: {} } }"), 'unknown key "device"', "one of devices, routes, forward"],
  [withTop("hosts: { a: { netns: web, ‸forward: true } }"), 'unknown key "forward"', "one of netns"],
  [withTop("hosts: { a: { netns: ‸[] } }"), "netns is an empty list", "a text"],
  [withTop("hosts: { a: { netns: ‸'pid:x' } }"), 'netns is "pid:x"', "a name, a path, or pid: with a process's number"],
  [withTop("hosts: { a: { forward: ‸yes } }"), 'forward is "yes"', "true or false"],
  [
    withTop("hosts: { a: { devices: ‸eth0 } }"),
    'devices is "eth0"',
    "its devices: { eth0: { to: server, address: 10.0.0.1/24 } }",
  ],
  [withTop("hosts: { a: { devices: { ‸eth0/1: { to: a } } } }"), 'the key is "eth0/1"', DEVICE],
  [
    withTop("hosts: { a: { devices: { eth0: ‸b } } }"),
    'eth0 is "b"',
    "an end of a cable: { to: server, address: 10.0.0.1/24 }",
  ],
  [
    withTop("hosts: { a: { devices: { eth0: ‸{ address: 10.0.0.1/24 } } } }"),
    "eth0 has no to",
    "the host at the other end: server, or with its device, server.eth0",
  ],
  [
    withTop("hosts: { a: { devices: { eth0: { to: ‸a b } } } }"),
    'to is "a b"',
    "the host at the other end: server, or with its device, server.eth0",
  ],
  [
    withTop("hosts: { a: { devices: { eth0: { to: a, ‸adress: x } } } }"),
    'unknown key "adress"',
    "one of to, address, mtu",
  ],
  [
    withTop("hosts: { a: { devices: { eth0: { to: a, address: ‸10.0.0.1 } } } }"),
    'address is "10.0.0.1"',
    "an address with its prefix length: 10.0.0.1/24, fd00::1/64",
  ],
  [
    withTop("hosts: { a: { devices: { eth0: { to: a, address: ‸10.0.0.1/33 } } } }"),
    'address is "10.0.0.1/33"',
    "an address with its prefix length: 10.0.0.1/24, fd00::1/64",
  ],
  [
    withTop("hosts: { a: { devices: { eth0: { to: a, address: [‸10.0.0.300/24] } } } }"),
    'address[1] is "10.0.0.300/24"',
    "an address with its prefix length: 10.0.0.1/24, fd00::1/64",
  ],
  [
    withTop("hosts: { a: { devices: { eth0: { to: a, address: ‸{} } } } }"),
    "address is a mapping",
    "an address with its prefix length, 10.0.0.1/24, or a list of them",
  ],
  [withTop("hosts: { a: { devices: { eth0: { to: a, mtu: ‸1 } } } }"), "mtu is 1", "a whole number from 68 to 65535"],
  [withTop("hosts: { a: { routes: ‸default } }"), 'routes is "default"', "routes: { default: 10.0.0.2 }"],
  [
    withTop("hosts: { a: { routes: { ‸10.0.0.1: 10.0.0.2 } } }"),
    'the key is "10.0.0.1"',
    "default, or an address with its prefix length: 10.1.0.0/16",
  ],
  [withTop("hosts: { a: { routes: { default: ‸x } } }"), 'default is "x"', "an IP address: 10.0.0.2, fd00::2"],
  [withTop("hosts: { a: { devices: { eth0: { to: ‸b } } } }"), "a eth0 leads to b, which is no host", "one of a"],
  [
    withTop("hosts: { a: { devices: { eth0: { to: ‸b } } }, b: {} }"),
    "a eth0 leads to b, where no device leads back",
    "one there with to: a",
  ],
  [
    withTop("hosts: { a: { devices: { eth0: { to: ‸b } } }, b: { netns: x } }"),
    "a eth0 leads to b, which is there already",
    "a host that is made here",
  ],
  [
    withTop("hosts: { a: { devices: { eth0: { to: ‸b } } }, b: { devices: { eth0: { to: a }, eth1: { to: a } } } }"),
    "a eth0 leads to b, where 2 devices lead back",
    "HOST.DEVICE at both ends, such as to: b.eth0",
  ],
];

const QUEUE: Cases = [
  [withTop("gates: ‸web"), "gates is no mapping", "{ web: { dev: lo, direction: egress } }"],
  [withTop("plugs: ‸up"), "plugs is no mapping", "{ up: { dev: eth0 } }"],
  [
    withTop("gates: { ‸elevenbytes: { dev: lo, direction: egress } }"),
    'the gate is "elevenbytes"',
    "a gate's name: 1 to 10 letters, no space, /, : or %",
  ],
  [
    withTop("gates: { ‸äöüßäö: { dev: lo, direction: egress } }"),
    'the gate is "äöüßäö"',
    "a gate's name: 1 to 10 letters, no space, /, : or %",
  ],
  [withTop("gates: { web: ‸lo }"), 'web is "lo"', "a mapping: { dev: lo, direction: egress, match: tcp dst port 80 }"],
  [
    withTop("gates: { web: ‸{ dev: lo } }"),
    "web has no direction",
    "ingress, for packets that come in, or egress, for those that leave",
  ],
  [withTop("gates: { web: ‸{ direction: egress } }"), "web has no dev", `${DEVICE}; or a list of them`],
  [withTop("gates: { web: { dev: ‸[], direction: egress } }"), "dev is an empty list", `${DEVICE}; or a list of them`],
  [withTop("gates: { web: { dev: [lo, ‸a b], direction: egress } }"), 'dev[2] is "a b"', DEVICE],
  [
    withTop("gates: { web: ‸{ dev: [lo, lo], direction: egress } }"),
    "gate web cannot be: a gate's devices are lo, lo, must be one or several, each once",
    "something else",
  ],
  [
    withTop("gates: { web: { dev: lo, direction: ‸up } }"),
    'direction is "up"',
    "ingress, for packets that come in, or egress, for those that leave",
  ],
  [withTop("gates: { web: { dev: lo, direction: egress, limit: ‸0 } }"), "limit is 0", SIZE],
  [withTop("gates: { web: { dev: lo, direction: egress, limit: ‸4g } }"), 'limit is "4g"', SIZE],
  [withTop("gates: { web: { dev: lo, direction: egress, limit: ‸[1] } }"), "limit is a list", SIZE],
  [
    withTop("gates: { web: { dev: lo, direction: egress, priority: ‸0 } }"),
    "priority is 0",
    "a whole number from 1 to 65535",
  ],
  [
    withTop("gates: { web: { dev: lo, direction: egress, priority: ‸1.5 } }"),
    "priority is 1.5",
    "a whole number from 1 to 65535",
  ],
  [
    withTop("gates: { web: { dev: lo, direction: egress, ‸matches: x } }"),
    'unknown key "matches"',
    "one of host, dev, direction, match, limit, priority",
  ],
  [
    withTop("gates: { web: { dev: lo, direction: egress, match: ‸{} } }"),
    "match is a mapping",
    "an expression such as tcp dst port 80, or a list of alternatives",
  ],
  [
    withTop("gates: { web: { dev: lo, direction: egress, match: tcp dst ‸prt 80 } }"),
    '"prt" in the match',
    "host or port",
  ],
  [
    withTop('gates: { web: { dev: lo, direction: egress, match: "tcp dst port ‸99999" } }'),
    '"99999" in the match',
    "a port from 1 to 65535, or a range of them, N-M",
  ],
  [withTop("gates: { web: { dev: lo, direction: egress, match: [udp, tcp dst‸] } }"), "the match ends", "host or port"],
  [
    withTop('vars: { p: x }\ngates: { web: { dev: lo, direction: egress, match: ‸"tcp dst port ${p}" } }'),
    '"x" in the match',
    "a port from 1 to 65535, or a range of them, N-M",
  ],
  [withTop("gates: { web: { host: ‸a, dev: lo, direction: egress } }"), 'there is no host "a"', "one of here"],
  [
    withTop("hosts: { a: {} }\ngates: { web: ‸{ dev: lo, direction: egress } }"),
    "gate web names no host",
    "host: with one of hosts, or here",
  ],
  [
    withTop("hosts: { a: {} }\nplugs: { up: ‸{ dev: lo } }"),
    "plug up names no host",
    "host: with one of hosts, or here",
  ],
  [withTop("plugs: { ‸9: { dev: lo } }"), 'the plug is "9"', NAME],
  [withTop("plugs: { up: ‸eth0 }"), 'up is "eth0"', "a mapping: { dev: eth0, limit: 1MiB }"],
  [withTop("plugs: { up: ‸{} }"), "up has no dev", DEVICE],
  [withTop("plugs: { up: { dev: ‸[lo] } }"), "dev is a list", DEVICE],
  [withTop("plugs: { up: { dev: lo, parent: ‸x } }"), 'parent is "x"', "root, or a class, MAJOR:MINOR in hexadecimal"],
  [withTop("plugs: { up: { dev: lo, handle: ‸x } }"), 'handle is "x"', "a handle, MAJOR: in hexadecimal"],
  [
    withTop("plugs: { up: { dev: lo, handle: ‸'ffff:' } }"),
    'handle is "ffff:"',
    "a handle, MAJOR: in hexadecimal",
  ],
  [
    withTop("plugs: { up: { dev: lo, ‸match: udp } }"),
    'unknown key "match"',
    "one of host, dev, parent, handle, limit",
  ],
  [
    withTop("gates: { web: { dev: lo, direction: egress } }\nplugs: { ‸web: { dev: eth0 } }"),
    "web is a gate already",
    "another name",
  ],
];

const STEP: Cases = [
  ["name: x\nsteps:‸", "steps is no list", STEPS],
  ["name: x\nsteps: ‸{}", "steps is no list", STEPS],
  ["name: x\nsteps: ‸[]", "steps has no step", STEPS],
  [withTop("cleanup: ‸[]"), "cleanup has no step", STEPS],
  [withSteps("  - ‸buffer"), "the step is no mapping", "what it does: - buffer: web"],
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
    "ingress, for packets that come in, or egress, for those that leave",
  ],
  [
    withSteps("  - attach: { gate: ‸a b, dev: lo, direction: egress }"),
    'gate is "a b"',
    "a gate's name: 1 to 10 letters, no space, /, : or %",
  ],
  [
    withSteps("  - attach: { gate: g, dev: lo, direction: egress, ‸parent: root }"),
    'unknown key "parent"',
    "one of gate, host, dev, direction, match, limit, priority",
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

const PROCESS: Cases = [
  [withSteps("  - run: ‸[]"), "run is an empty list", COMMAND],
  [withSteps('  - run: ‸""'), 'run is ""', "a text that is not empty"],
  [withSteps("  - run: ['echo', ‸{}]"), "run[2] is a mapping", "a text"],
  [withSteps("  - run: ‸{}"), "run has no command", COMMAND],
  [
    withSteps('  - run: { command: "x", ‸comand: y }'),
    'unknown key "comand"',
    "one of command, env, cwd, stdin, exit, stdout, stderr, timeout",
  ],
  [withSteps("  - run: { command: x, exit: ‸256 }"), "exit is 256", EXIT],
  [withSteps("  - run: { command: x, exit: ‸good }"), 'exit is "good"', EXIT],
  [withSteps("  - run: { command: x, exit: ‸{} }"), "exit is a mapping", EXIT],
  [withSteps("  - run: { command: x, exit: [0, ‸-1] }"), "exit[2] is -1", "a whole number from 0 to 255"],
  [withSteps("  - run: { command: x, exit: ‸[] }"), "exit is an empty list", EXIT],
  [withSteps("  - run: { command: x, stdout: ‸/(/ }"), 'stdout is "/(/"', TEXT_TEST],
  [withSteps("  - run: { command: x, stderr: ‸/x/qq }"), 'stderr is "/x/qq"', TEXT_TEST],
  [withSteps("  - run: { command: x, timeout: ‸1 }"), "timeout is 1", DURATION],
  [withSteps("  - run: { command: x, cwd: ‸[] }"), "cwd is an empty list", "a text"],
  [withSteps("  - run: { command: x, stdin: ‸[] }"), "stdin is an empty list", "a text"],
  [withSteps("  - run: { command: x, env: ‸[] }"), "env is an empty list", "environment variables: { NAME: value }"],
  [withSteps("  - start: ‸load.py"), 'start is "load.py"', "a process: { name: load, command: [python3, load.py] }"],
  [withSteps("  - start: ‸{ name: x }"), "start has no command", COMMAND],
  [withSteps("  - start: ‸{ command: x }"), "start has no name", NAME],
  [withSteps("  - start: { name: ‸a b, command: x }"), 'name is "a b"', NAME],
  [
    withSteps("  - start: { name: x, command: x, ‸exit: 0 }"),
    'unknown key "exit"',
    "one of name, command, env, cwd, stdin",
  ],
  [withSteps("  - stop: ‸nosuch"), 'there is no process "nosuch"', "one of load"],
  [
    "name: x\nsteps:\n  - stop: ‸load",
    'there is no process "load"',
    "one that a step starts: - start: { name: ..., command: ... }",
  ],
  [withSteps("  - stop: ‸[load]"), "stop is a list", "the name of a process, or { name: load, signal: SIGTERM }"],
  [withSteps("  - stop: { name: load, signal: ‸TERM }"), 'signal is "TERM"', "a signal such as SIGTERM"],
  [withSteps("  - stop: { name: load, ‸exit: 0 }"), 'unknown key "exit"', "one of name, signal, timeout"],
  [withSteps("  - join: ‸[load]"), "join is a list", "the name of a process, or { name: load, exit: 0 }"],
  [withSteps("  - join: ‸nosuch"), 'there is no process "nosuch"', "one of load"],
  [withSteps("  - join: { name: load, ‸line: x }"), 'unknown key "line"', "one of name, exit, stdout, stderr, timeout"],
];

const CONDITION: Cases = [
  [withSteps("  - wait: ‸web"), "wait does not say what it is about", "one of the keys gate, plug, process, port"],
  [
    withSteps("  - wait: ‸{ timeout: 5s }"),
    "wait does not say what it is about",
    "one of the keys gate, plug, process, port",
  ],
  [
    withSteps("  - expect: ‸{}"),
    "expect does not say what it is about",
    "one of the keys gate, plug, process, port, command",
  ],
  [
    withSteps("  - wait: ‸{ gate: web, port: 80 }"),
    "wait is about gate and port",
    "one of the keys gate, plug, process, port",
  ],
  [
    withSteps("  - wait: { gate: ‸web }"),
    "wait says nothing of web",
    "one or more of backlog, backlog-bytes, sent, sent-bytes, drops, hits",
  ],
  [withSteps("  - wait: { gate: ‸[], backlog: 1 }"), "gate is an empty list", "a text"],
  [withSteps("  - wait: { gate: ‸up, backlog: 1 }"), "up is a plug, not a gate", "plug: up"],
  [withSteps("  - wait: { plug: ‸web, backlog: 1 }"), "web is a gate, not a plug", "gate: web"],
  [withSteps("  - wait: { gate: web, backlog: ‸-1 }"), "backlog is -1", COUNT],
  [withSteps('  - wait: { gate: web, packets: ‸"=>1" }'), 'packets is "=>1"', COUNT],
  [withSteps("  - wait: { gate: web, sent: ‸[1] }"), "sent is a list", COUNT],
  [withSteps("  - wait: { gate: web, drops: ‸1.5 }"), "drops is 1.5", COUNT],
  [withSteps("  - wait: { gate: web, backlog: 1, timeout: ‸5 }"), "timeout is 5", DURATION],
  [
    withSteps("  - wait: { gate: web, ‸packet: 1 }"),
    'unknown key "packet"',
    "one of gate, backlog, packets, backlog-bytes, sent, sent-bytes, drops, hits, timeout",
  ],
  [
    withSteps("  - wait: { plug: up, ‸hits: 1 }"),
    'unknown key "hits"',
    "one of plug, backlog, packets, backlog-bytes, sent, sent-bytes, drops, timeout",
  ],
  [
    withSteps("  - expect: { gate: web, drops: 0, ‸timeout: 5s }"),
    'unknown key "timeout"',
    "one of gate, backlog, packets, backlog-bytes, sent, sent-bytes, drops, hits",
  ],
  [
    withSteps("  - expect: { plug: up, drops: 0, ‸timeout: 5s }"),
    'unknown key "timeout"',
    "one of plug, backlog, packets, backlog-bytes, sent, sent-bytes, drops",
  ],
  [
    withSteps("  - wait: { process: ‸load }"),
    "wait says nothing of load",
    "either line, or one or more of exit, stdout, stderr",
  ],
  [
    withSteps("  - wait: { process: ‸load, line: x, exit: 0 }"),
    "wait asks for a line and for an end",
    "either line, or one or more of exit, stdout, stderr",
  ],
  [withSteps("  - wait: { process: ‸nosuch, exit: 0 }"), 'there is no process "nosuch"', "one of load"],
  [withSteps("  - wait: { process: load, line: ‸'/[/' }"), 'line is "/[/"', TEXT_TEST],
  [
    withSteps("  - wait: { process: load, ‸output: x }"),
    'unknown key "output"',
    "one of process, exit, stdout, stderr, line, timeout",
  ],
  [
    withSteps("  - expect: { process: load, exit: 0, ‸timeout: 5s }"),
    'unknown key "timeout"',
    "one of process, exit, stdout, stderr, line",
  ],
  [withSteps("  - wait: { port: ‸0 }"), "port is 0", "a whole number from 1 to 65535"],
  [
    withSteps("  - wait: { port: 80, address: ‸localhost }"),
    'address is "localhost"',
    "an IP address: 10.0.0.2, fd00::2",
  ],
  [withSteps("  - wait: { port: 80, answers: ‸no }"), 'answers is "no"', "true or false"],
  [withSteps("  - wait: { port: 80, ‸host: a }"), 'unknown key "host"', "one of port, address, answers, timeout"],
  [withSteps("  - expect: { port: 80, ‸timeout: 5s }"), 'unknown key "timeout"', "one of port, address, answers"],
  [
    withTop("hosts: { a: {} }\ncleanup:\n  - wait: ‸{ port: 80 }"),
    "port 80 names no host",
    "host: with one of hosts, or here",
  ],
  [withSteps("  - expect: { command: ‸[] }"), "command is an empty list", COMMAND],
  [
    withSteps("  - expect: { command: x, ‸line: y }"),
    'unknown key "line"',
    "one of command, env, cwd, stdin, exit, stdout, stderr, timeout",
  ],
];

const NESTED: Cases = [
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
  [withSteps("  - parallel: { a: ‸log }"), "a is no list", STEPS],
  [withSteps("  - parallel: { a: [log: x, buffer: ‸nosuch] }"), 'there is no gate or plug "nosuch"', "one of web, up"],
];

for (const [name, cases] of Object.entries({ YAML, TOP, HOSTS, QUEUE, STEP, PROCESS, CONDITION, NESTED })) {
  Deno.test(`readScenario() says what is wrong, and where to the letter: ${name}`, () => {
    for (const [marked, what, expected] of cases) {
      const { text, places } = unmark(marked);
      assertEquals(mistakesIn(text), what === "" ? [] : places.map((place) => ({ ...place, what, expected })), marked);
    }
  });
}

/** What is chosen by a key of its own, so that nothing else can stand there, or is for editors alone. */
const CHOSEN = /^(hosts|gates|plugs|a (condition|command|gate|plug|host that is there): .*)$/;

Deno.test("the mistakes above meet all that the schema expects of a value", () => {
  const all = [YAML, TOP, HOSTS, QUEUE, STEP, PROCESS, CONDITION, NESTED].flat();
  const met = new Set(all.map(([, , expected]) => expected));
  const missed = [...descriptions(scenarioJsonSchema())].filter((text) => !met.has(text) && !CHOSEN.test(text));
  assertEquals(missed, []);
});

/** What the schema says of each value, which is what is said to be expected. */
function* descriptions(schema: unknown): Generator<string> {
  if (typeof schema !== "object" || schema === null) return;
  for (const [key, value] of Object.entries(schema)) {
    if (key === "description" && typeof value === "string") yield value;
    else yield* descriptions(value);
  }
}
