import { COMMAND, DURATION, NAME, TEXT_TEST } from "./expected.ts";
import { type Cases, withSteps, withTop } from "../marked.ts";

const EXIT = 'an exit status from 0 to 255, a comparison such as ">0", a list of them, or any';

const NO_VARIABLES = "one that vars defines, or $${ for a ${ that the shell gets";

const TOOK = 'a comparison with a duration, such as "<2s" or ">=300ms"';
const SEND = 'a process and a text: { name: shell, text: "quit\\n" }';
const CAPTURE = "a variable, or variables with what to find: { port: /port ([0-9]+)/ }";
const NO_HOST = "none: attach, run, start, and conditions on ports and commands alone are about a host";

/** Mistakes in steps that run commands, and start and end processes. */
export const PROCESS_MISTAKES: Cases = [
  [withSteps("  - run: ‸[]"), "run is an empty list", COMMAND],
  [withSteps('  - run: ‸""'), 'run is ""', "a text that is not empty"],
  [withSteps("  - run: ['echo', ‸{}]"), "run[2] is a mapping", "a text"],
  [withSteps("  - run: ‸{}"), "run has no command", COMMAND],
  [
    withSteps('  - run: { command: "x", ‸comand: y }'),
    'unknown key "comand"',
    "one of command, env, cwd, user, stdin, exit, stdout, stderr, took, timeout, capture, retry",
  ],
  [withSteps("  - run: { command: x, took: ‸fast }"), 'took is "fast"', TOOK],
  [withSteps("  - run: { command: x, exit: ‸256 }"), "exit is 256", EXIT],
  [withSteps("  - run: { command: x, exit: ‸good }"), 'exit is "good"', EXIT],
  [withSteps("  - run: { command: x, exit: ‸{} }"), "exit is a mapping", EXIT],
  [withSteps("  - run: { command: x, exit: [0, ‸-1] }"), "exit[2] is -1", "a whole number from 0 to 255"],
  [withSteps("  - run: { command: x, exit: ‸[] }"), "exit is an empty list", EXIT],
  [withSteps("  - run: { command: x, stdout: ‸/(/ }"), 'stdout is "/(/"', TEXT_TEST],
  [withSteps("  - run: { command: x, stderr: ‸/x/qq }"), 'stderr is "/x/qq"', TEXT_TEST],
  [withSteps("  - run: { command: x, timeout: ‸1 }"), "timeout is 1", DURATION],
  [withSteps("  - run: { command: x, cwd: ‸[] }"), "cwd is an empty list", "a text"],
  [
    withSteps("  - run: { command: x, user: ‸www data }"),
    'user is "www data"',
    "the name of a user, or a user's number",
  ],
  [withTop("hosts: { a: { user: ‸-1 } }"), "user is -1", "the name of a user, or a user's number"],
  [withSteps("  - run: { command: x, stdin: ‸[] }"), "stdin is an empty list", "a text"],
  [withSteps("  - run: { command: x, env: ‸[] }"), "env is an empty list", "environment variables: { NAME: value }"],
  [
    withSteps("  - run: { command: x, capture: ‸1x }"),
    'capture is "1x"',
    "a variable's name: a letter or _, then letters, digits and _",
  ],
  [withSteps("  - run: { command: x, capture: ‸[] }"), "capture is an empty list", CAPTURE],
  [withSteps("  - run: { command: x, capture: { port: ‸/(/ } }"), 'port is "/(/"', TEXT_TEST],
  [
    `${withSteps("  - run: { command: x, capture: ‸port }")}\nvars: { port: 1 }`,
    "there is a variable port already",
    "another name",
  ],
  // Its variables are set all the same, for who uses them.
  [
    withSteps("  - run: { command: ‸[], capture: n }\n  - sleep: '${n}'\n  - log: '${n}'"),
    "command is an empty list",
    COMMAND,
  ],
  [
    withSteps("  - run: { command: x, capture: { n: x, m: ‸/(/ } }\n  - log: '${n} ${m}'"),
    'm is "/(/"',
    TEXT_TEST,
  ],
  [withSteps("  - run: { command: x, capture: n }\n    at: ‸x\n  - log: '${n}'"), 'at is "x"', DURATION],
  [withSteps("  - start: { name: p, command: x }\n    at: ‸x\n  - stop: p"), 'at is "x"', DURATION],
  [withSteps("  - run: { command: x, retry: ‸0 }"), "retry is 0", "a whole number from 1 to 1000"],
  [withSteps("  - start: ‸load.py"), 'start is "load.py"', "a process: { name: load, command: [python3, load.py] }"],
  [withSteps("  - start: ‸{ name: x }"), "start has no command", COMMAND],
  [withSteps("  - start: ‸{ command: x }"), "start has no name", NAME],
  [withSteps("  - start: { name: x, command: x, exit: ‸good }"), 'exit is "good"', EXIT],
  [withSteps('  - start: { name: x, command: "‸${y}" }\n  - stop: x'), "there is no variable ${y}", NO_VARIABLES],
  [withSteps('  - start: { name: "‸${y}", command: x }\n  - stop: x'), "there is no variable ${y}", NO_VARIABLES],
  [
    withSteps('  - attach: { plug: p, dev: "‸${y}" }\n  - buffer: p\n  - wait: { plug: p, backlog: 1 }'),
    "there is no variable ${y}",
    NO_VARIABLES,
  ],
  [
    withSteps('  - attach: { gate: "‸${y}", dev: lo, direction: egress }\n  - buffer: p'),
    "there is no variable ${y}",
    NO_VARIABLES,
  ],
  [withSteps("  - start: { name: ‸a b, command: x }"), 'name is "a b"', NAME],
  [
    withSteps("  - start: { name: x, command: x, ‸stdout: x }"),
    'unknown key "stdout"',
    "one of name, command, env, cwd, user, stdin, exit",
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
  [withSteps("  - signal: ‸load"), 'signal is "load"', "a process and a signal: { name: load, signal: SIGHUP }"],
  [withSteps("  - signal: { name: ‸nosuch, signal: SIGHUP }"), 'there is no process "nosuch"', "one of load"],
  [withSteps("  - signal: ‸{ name: load }"), "signal has no signal", "a signal such as SIGTERM"],
  [withSteps("  - signal: { name: load, signal: ‸HUP }"), 'signal is "HUP"', "a signal such as SIGTERM"],
  [withSteps("  - signal: { name: load, signal: SIGHUP }\n    ‸host: here"), "a host for signal", NO_HOST],
  [withSteps("  - send: ‸load"), 'send is "load"', SEND],
  [withSteps("  - send: { name: ‸nosuch, text: x }"), 'there is no process "nosuch"', "one of load"],
  [withSteps("  - send: { name: load, text: ‸[] }"), "text is an empty list", "a text"],
  [withSteps("  - send: { name: load, close: ‸yes }"), 'close is "yes"', "true or false"],
  [withSteps("  - send: { name: load, ‸line: x }"), 'unknown key "line"', "one of name, text, close"],
  [withSteps("  - join: ‸[load]"), "join is a list", "the name of a process, or { name: load, exit: 0 }"],
  [withSteps("  - join: ‸nosuch"), 'there is no process "nosuch"', "one of load"],
  [withSteps("  - join: { name: load, ‸line: x }"), 'unknown key "line"', "one of name, exit, stdout, stderr, timeout"],
];
