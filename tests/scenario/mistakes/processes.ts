import { COMMAND, DURATION, NAME, TEXT_TEST } from "./expected.ts";
import { type Cases, withSteps } from "../marked.ts";

const EXIT = 'an exit status from 0 to 255, a comparison such as ">0", a list of them, or any';

const NO_VARIABLES = "one that vars defines, or $${ for a ${ that the shell gets";

/** Mistakes in steps that run commands, and start and end processes. */
export const PROCESS_MISTAKES: Cases = [
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
    "one of name, command, env, cwd, stdin, exit",
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
