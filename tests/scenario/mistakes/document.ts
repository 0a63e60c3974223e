import { DURATION, NAME, STEPS } from "./expected.ts";
import { type Cases, withTop } from "../marked.ts";

const TOP_KEYS =
  "name, description, timeout, max-hold, seed, capture, include, vars, matrix, defaults, hosts, gates, plugs, steps, cleanup";

const MATRIX = "variables with lists of values, { port: [80, 443] }, or a list of rows, [{ port: 80 }, { port: 443 }]";
const MANY = Array.from({ length: 32 }, (_, index) => index).join(", ");

/** In YAML itself. */
export const YAML_MISTAKES: Cases = [
  ["‸", "the scenario must be a mapping", `keys such as ${TOP_KEYS}`],
  ["‸- name", "the scenario must be a mapping", `keys such as ${TOP_KEYS}`],
  ["name: x\nsteps: [log: x]\n‸---\nname: y", "another document begins", "one scenario in a file"],
  ["name: x\n‸name: y\nsteps: [log: x]", "a key is given twice", "each key of a mapping once"],
  [
    "name: x\nsteps: [log: ‸*nosuch]",
    "there is no anchor nosuch",
    "&nosuch before it",
  ],
  ["name: !!binary ‸x\nsteps: [log: x]", "there is a tag tag:yaml.org,2002:binary", "no tag but !!str"],
  [withTop("? ‸[x]\n: y"), "a key is not a text", "a word as the key"],
  [withTop("vars: { ‸__proto__: 1 }"), "a key is __proto__", "another name"],
  [withTop("defaults: { env: { ‸constructor: 1 } }"), "a key is constructor", "another name"],
  [withTop("‸bogus: 1"), 'unknown key "bogus"', `one of ${TOP_KEYS}`],
  ["‸steps: [log: x]", "the scenario has no name", "a text"],
  ["‸name: x", "the scenario has no steps", STEPS],
];

/** In what stands at the top of a scenario. */
export const TOP_MISTAKES: Cases = [
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
  [withTop("capture: ‸web"), 'capture is "web"', "true, false, or a list of gates: [web]"],
  [withTop("capture: [‸web]"), 'there is no gate "web"', "one under gates:, or attached by a step"],
  [withTop("capture: ‸[1]"), "capture is a list", "true, false, or a list of gates: [web]"],
  [withTop("vars: ‸[1]"), "vars must be a mapping", "variables: { port: 8000 }"],
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
  // What is wrong is said once, and not of each who uses it.
  [
    "name: x\nvars: { a: ‸[1], b: '${a}' }\nsteps: [sleep: '${a}', log: '${b} ${a}']",
    "a is an empty list",
    "a text or a number",
  ],
  ["name: x\nmatrix: { a: ‸1, b: [2] }\nsteps: [sleep: '${a}', log: '${b}']", "a is 1", "a list of values: [80, 443]"],
  [
    "name: x\nmatrix: [{ a: 1 }, { a: ‸[] }]\nsteps: [sleep: '${a}', log: '${a}']",
    "a is an empty list",
    "a text, a number, true or false",
  ],
  [
    "name: x\nmatrix: { a: [1] }\nsteps: [log: '‸${a', log: '${a}']",
    "there is no variable ${a",
    "${a}, or $${ for a ${ that the shell gets",
  ],
  [withTop("include: ‸3"), "include names no file", "a file, other.yaml, or { file: other.yaml, with: { port: 80 } }"],
  [
    "name: x\nsteps: [log: '‸${a} ${a}', run: { command: 'true', stdin: '${a}' }]",
    "there is no variable ${a}, used 3 times",
    "one that vars defines, or $${ for a ${ that the shell gets",
  ],
  [withTop("matrix: ‸1"), "matrix is 1", MATRIX],
  [withTop("matrix: ‸[]"), "matrix is an empty list", MATRIX],
  [withTop("matrix: { a: ‸1 }"), "a is 1", "a list of values: [80, 443]"],
  [withTop("matrix: { a: ‸[] }"), "a is an empty list", "a list of values: [80, 443]"],
  [withTop("matrix: { a: [‸{}] }"), "a[1] is a mapping", "a text, a number, true or false"],
  [
    withTop("matrix: { ‸my-var: [1] }"),
    'the key is "my-var"',
    "a variable's name: a letter or _, then letters, digits and _",
  ],
  [withTop("matrix: [‸x]"), 'matrix[1] is "x"', "a row: { port: 80, reply: late }"],
  [withTop("matrix: [{ a: 1, b: 2 }, ‸{ a: 3 }]"), "row 2 has no b", "what the first row has"],
  [withTop("matrix: [{ a: 1 }, { a: 3, ‸b: 1 }]"), "row 1 has no b", "what the first row has"],
  [withTop("vars: { a: 1 }\nmatrix: { ‸a: [2] }"), "there is a variable a already", "another name"],
  [
    withTop("matrix: { a: ['‸${b}'] }"),
    "there is no variable ${b}",
    "one that vars defines, or $${ for a ${ that the shell gets",
  ],
  [
    withTop(`matrix: ‸{ a: [${MANY}], b: [${MANY}] }`),
    "the matrix has 1024 rows",
    "at most 1000",
  ],
  [withTop("defaults: ‸1"), "defaults is 1", "defaults: { host: client, timeout: 5s }"],
  [withTop("defaults: { ‸hots: a }"), 'unknown key "hots"', "one of host, timeout, env, cwd, user"],
  [withTop("defaults: { timeout: ‸5 }"), "timeout is 5", DURATION],
  [withTop("defaults: { host: ‸9 }"), "host is 9", NAME],
  [withTop("defaults: { host: ‸a }"), 'there is no host "a"', "one of here"],
  [withTop("defaults: { env: ‸a }"), 'env is "a"', "environment variables: { NAME: value }"],
  [withTop("defaults: { env: { ‸a-b: 1 } }"), 'the key is "a-b"', "the name of an environment variable"],
  [withTop("defaults: { env: { A: ‸[] } }"), "A is an empty list", "a text"],
  [withTop("defaults: { cwd: ‸{} }"), "cwd is a mapping", "a text"],
];
