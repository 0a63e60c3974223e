/**
 * For every step and condition, and each of their options: how it is done, how it fails, and where nothing can fail, why.
 *
 * @module
 */

/** What is tried of a step or a condition. */
export interface Row {
  /** Steps that are done; every option stands in one of them, or in a test of the kernel. */
  done: readonly string[];
  /** Steps that fail, or are not met, and how the sentence about that begins. */
  fails: readonly (readonly [steps: string, message: RegExp])[];
  /** Options that no run can fail by, and why. */
  harmless?: Readonly<Record<string, string>>;
  /** Tests of the kernel that have what a kernel that is none cannot do, by the option; an empty one stands for all of it. */
  kernel?: Readonly<Record<string, { file: string; has: RegExp }>>;
}

/** Sends three packets through `up`, which is on eth0. */
export const TRAFFIC = "- log: traffic";

const PACKETS_TEST = { file: "scenario_packets_test.ts", has: /packet: |waiting: / };
const START = "- start: { name: p, command: sleep 3600 }";
/** Anybody may run a program as the user that he is. */
const OWN = Deno.uid();
const NEVER = "is checked before anything is run";
const COMMAND_HARMLESS = { env: "any text will do", stdin: "any text will do", name: NEVER };

export const STEP_ROWS: Readonly<Record<string, Row>> = {
  attach: {
    done: [
      "- attach: { gate: more, dev: eth1, direction: in, match: tcp dst port 81, except: src host 10.0.0.9, first: fin, limit: 1MiB, priority: 7 }",
      "- attach: { gate: more, host: here, dev: eth1, direction: in, with-arp: true, force: true }",
      "- attach: { gate: more, dev: eth1, direction: in, match: tcp dst port 81, every: 10 }",
      "- attach: { gate: more, dev: eth1, direction: in, match: tcp dst port 81, probability: 5% }",
      "- attach: { plug: more, host: here, dev: eth2, parent: root, handle: '5:', limit: 64k }",
    ],
    fails: [
      ["- attach: { gate: more, dev: nosuch, direction: in }", /nosuch/],
      ["- attach: { plug: more, dev: nosuch }", /nosuch/],
      ["- attach: { plug: more, dev: eth0 }", /a plug is there already/],
      ["- attach: { plug: more, dev: eth2, parent: '9:1' }", /no such parent/],
    ],
    harmless: {
      gate: NEVER,
      plug: NEVER,
      host: NEVER,
      direction: NEVER,
      match: NEVER,
      except: NEVER,
      first: NEVER,
      "with-arp": "holds more",
      limit: NEVER,
      priority: NEVER,
      every: NEVER,
      probability: NEVER,
      force: "refuses less",
      handle: NEVER,
    },
  },
  detach: {
    done: ["- detach: up", "- detach: { plug: up, drop: true }", "- detach: { gate: web }"],
    fails: [["- detach: up\n- detach: up", /^Cannot [a-z-]+ up: it is not attached now$/], [
      "- detach: { plug: up, drop: true }\n- detach: up",
      /^Cannot detach up: it is not attached now$/,
    ]],
    harmless: { gate: NEVER },
  },
  buffer: {
    done: ["- buffer: [up, web]\n- block: up"],
    fails: [["- detach: up\n- buffer: up", /^Cannot [a-z-]+ up: it is not attached now$/]],
  },
  "release-one": {
    done: ["- buffer: up\n- buffer: up\n- release-one: up"],
    fails: [["- detach: up\n- release-one: up", /^Cannot [a-z-]+ up: it is not attached now$/]],
  },
  "release-indefinite": {
    done: ["- buffer: up\n- release: up", "- release-indefinite: [up, web]\n- release_indefinite: up"],
    fails: [
      ["- detach: up\n- release: up", /^Cannot release up: it is not attached now$/],
      ["- detach: web\n- release: { gate: web, packets: 1 }", /^Cannot [a-z-]+ web: it is not attached now$/],
      ["- detach: web\n- release: { gate: web, rate: 100/s }", /^Cannot [a-z-]+ web: it is not attached now$/],
      ["- detach: web\n- release: { gate: web, over: 1s }", /^Cannot [a-z-]+ web: it is not attached now$/],
    ],
    kernel: {
      gate: { file: "release_paced_test.ts", has: /release: \{ gate: / },
      packets: { file: "scenario_packets_test.ts", has: /packets: \d/ },
      rate: { file: "release_paced_test.ts", has: /gate: web, rate: \d/ },
      over: { file: "release_paced_test.ts", has: /gate: web, over: \d/ },
    },
  },
  "release-packets": { done: [], fails: [], kernel: { "": { file: "scenario_packets_test.ts", has: /packets: \d/ } } },
  discard: { done: [], fails: [], kernel: { "": { file: "discard_test.ts", has: /discard: / } } },
  hold: {
    done: [
      "- hold: { plug: up, for: 1ms }",
      "- hold: { gate: web, until: { plug: up, sent: 0 } }",
      "- hold: { gate: web, plug: up, while: [log: x] }",
    ],
    fails: [
      ["- detach: up\n- hold: { plug: up, for: 1ms }", /^Cannot [a-z-]+ up: it is not attached now$/],
      ["- hold: { gate: web, until: { plug: up, sent: 1, timeout: 5ms } }", /^Timed out after 5ms/],
      ["- hold: { gate: web, while: [run: exit 3] }", /exit status 3/],
    ],
    harmless: { for: "a time passes" },
  },
  limit: {
    done: ["- limit: { gate: web, plug: up, size: 64k }"],
    fails: [
      ["- detach: up\n- limit: { plug: up, size: 64k }", /^Cannot set the limit of up: it is not attached now$/],
      [
        "- detach: web\n- limit: { gate: web, size: 64k }",
        /^Cannot set the limit of web: it is not attached now$/,
      ],
    ],
    harmless: { size: NEVER },
  },
  run: {
    done: [
      "- run: [echo, x]",
      `- run: { command: 'cat; echo $A >&2; exit 3', env: { A: b }, cwd: /, user: ${OWN}, stdin: in, exit: 3, stdout: in, stderr: b, took: "<60s", timeout: 60s }`,
      "- run: { command: echo 3, capture: n, retry: 2 }\n- run: test ${n} = 3",
    ],
    fails: [
      ["- run: exit 3", /ended with exit status 3$/],
      ["- run: /no/such", /exit status 127; it says: .*not found/],
      ["- run: { command: exit 3, exit: 4 }", /it ended with exit status 3/],
      ["- run: { command: echo a, stdout: b }", /stdout was "a/],
      ["- run: { command: echo a >&2, stderr: b }", /stderr was "a/],
      ['- run: { command: sleep 0.1, took: "<1ms" }', /it took/],
      ["- run: { command: sleep 3600, timeout: 20ms }", /20ms/],
      ['- run: { command: echo a, capture: { n: "/b/" } }', /stdout was "a/],
      ["- run: { command: exit 3, retry: 1 }", /ended with exit status 3/],
      ["- run: { command: 'true', cwd: /no/such }", /no\/such/],
      ["- run: { command: 'true', user: nosuchuser }", /there is no user nosuchuser/],
    ],
    harmless: COMMAND_HARMLESS,
  },
  start: {
    done: [
      START,
      `- start: { name: p, command: 'cat; echo $A', env: { A: b }, cwd: /, user: ${OWN}, stdin: in, exit: 0 }\n- join: { name: p, stdout: b }`,
    ],
    fails: [
      ["- start: { name: p, command: [/no/such] }", /no\/such/],
      ["- start: { name: p, command: [echo], cwd: /no/such }", /no\/such/],
      ["- start: { name: p, command: [echo], user: nosuchuser }", /there is no user nosuchuser/],
      ["- start: { name: p, command: exit 3 }\n- sleep: 60s", /exit status 3/],
      ["- start: { name: p, command: exit 3, exit: 0 }\n- sleep: 60s", /exit status 3/],
    ],
    harmless: COMMAND_HARMLESS,
  },
  stop: {
    done: [`${START}\n- stop: p`, `${START}\n- stop: { name: p, signal: SIGINT, timeout: 60s }`],
    fails: [
      [`${START}\n  when: false\n- stop: p`, /^Cannot find process p: it has not been started$/],
    ],
    harmless: { signal: NEVER, timeout: "it is killed then", name: NEVER },
  },
  signal: {
    done: [
      "- start: { name: p, command: 'trap \"echo heard\" HUP; echo ready; while :; do sleep 0.01; done' }\n- wait: { process: p, line: ready }\n- signal: { name: p, signal: SIGHUP }\n- wait: { process: p, line: heard }",
    ],
    fails: [
      [
        "- start: { name: p, command: 'true', exit: 0 }\n- wait: { process: p, running: false }\n- signal: { name: p, signal: SIGHUP }",
        /^Cannot send SIGHUP to p: it has ended$/,
      ],
    ],
    harmless: { signal: NEVER, name: NEVER },
  },
  send: {
    done: [
      '- start: { name: p, command: cat, exit: 0 }\n- send: { name: p, text: "a\\n", close: true }\n- join: { name: p, stdout: a }',
    ],
    fails: [
      [
        `${START}\n- send: { name: p, close: true }\n- send: { name: p, text: a }`,
        /^Cannot send to p: its input is closed/,
      ],
    ],
    harmless: { name: NEVER },
  },
  join: {
    done: [
      "- start: { name: p, command: 'echo a; echo b >&2; exit 3' }\n- join: { name: p, exit: 3, stdout: a, stderr: b, timeout: 60s }",
    ],
    fails: [
      ["- start: { name: p, command: exit 3 }\n- join: p", /exit status 3/],
      ["- start: { name: p, command: exit 3 }\n- join: { name: p, exit: 4 }", /exit status 3/],
      ["- start: { name: p, command: echo a }\n- join: { name: p, stdout: b }", /stdout was "a/],
      ["- start: { name: p, command: echo a >&2 }\n- join: { name: p, stderr: b }", /stderr was "a/],
      [`${START}\n- join: { name: p, timeout: 20ms }`, /20ms/],
    ],
    harmless: { name: NEVER },
  },
  sleep: { done: ["- sleep: 1ms", "- sleep: 1ms..2ms"], fails: [["- sleep: 20ms\n  took: '<1ms'", /it took/]] },
  wait: {
    done: ["- wait: { plug: up, sent: 0, timeout: 60s }"],
    fails: [["- wait: { plug: up, sent: 1, timeout: 5ms }", /^Timed out after 5ms/]],
  },
  expect: {
    done: ["- expect: { plug: up, sent: 0 }", "- expect: { command: 'true', timeout: 60s }"],
    fails: [
      ["- expect: { plug: up, sent: 1 }", /^Expected that sent of up = 1: sent of up is 0/],
      ["- expect: { command: sleep 3600, timeout: 20ms }", /20ms/],
    ],
  },
  log: {
    done: ["- log: x"],
    fails: [['- run: { command: "true" }\n  when: false\n- log: x\n  took: "<0ms"', /it took/]],
  },
  set: {
    done: ["- set: { a: 1, b: { random: [x, y] } }\n- run: 'test ${a}${b} != 1'"],
    fails: [[
      "- run: { command: echo many, capture: n }\n- set: { a: 1 }\n- expect: { port: '${n}' }",
      /port is "many"/,
    ]],
  },
  repeat: {
    done: [
      "- repeat: { times: 2, as: n }\n  steps: [log: '${n}']",
      "- repeat: { over: [a, b], as: n }\n  steps: [log: '${n}']",
      "- repeat: { until: { plug: up, sent: 0 }, within: 60s }\n  steps: [log: x]",
    ],
    fails: [
      ["- repeat: 2\n  steps: [run: exit 3]", /exit status 3/],
      ["- repeat: { until: { plug: up, sent: 1 }, times: 2 }\n  steps: [log: x]", /^Gave up after 2 rounds/],
      ["- repeat: { until: { plug: up, sent: 1 }, within: 20ms }\n  steps: [sleep: 1ms]", /^Gave up after 20ms/],
    ],
    harmless: { as: NEVER, over: NEVER },
  },
  parallel: {
    done: ["- parallel: { a: [log: x], b: [sleep: 1ms] }"],
    fails: [["- parallel: { a: [sleep: 1h], b: [run: exit 3] }", /exit status 3/]],
  },
};

const QUEUE_OPTIONS = 'backlog: 0, packets: 0, backlog-bytes: "<1", sent: 0, sent-bytes: 0, drops: 0';
const unmet = (queue: string, counters: readonly string[]) =>
  counters.map((counter) => [`- expect: { ${queue}, ${counter}: 1 }`, /^Expected that /] as const);
const COUNTERS = ["backlog", "packets", "backlog-bytes", "sent", "sent-bytes", "drops"];

export const CONDITION_ROWS: Readonly<Record<string, Row>> = {
  gate: {
    done: [`- sleep: 1ms\n  name: then\n- expect: { gate: web, ${QUEUE_OPTIONS}, hits: "+0", since: then }`],
    fails: [
      ...unmet("gate: web", [...COUNTERS, "hits"]),
      ['- sleep: 1ms\n  name: then\n- expect: { gate: web, sent: "+1", since: then }', /more than at then/],
    ],
    kernel: {
      packet: PACKETS_TEST,
      waiting: PACKETS_TEST,
      count: { file: "scenario_packets_test.ts", has: /count: / },
    },
  },
  plug: {
    done: [
      `- expect: { plug: up, ${QUEUE_OPTIONS} }`,
      `- sleep: 1ms\n  name: then\n${TRAFFIC}\n- expect: { plug: up, sent: "+3", since: then }`,
    ],
    fails: [
      ...unmet("plug: up", COUNTERS),
      ['- sleep: 1ms\n  name: then\n- expect: { plug: up, sent: "+1", since: then }', /more than at then/],
    ],
  },
  process: {
    done: [
      "- start: { name: p, command: 'echo a; echo b >&2; exit 3' }\n- wait: { process: p, exit: 3, stdout: a, stderr: b }",
      "- start: { name: p, command: 'echo ready; sleep 3600' }\n- wait: { process: p, line: ready }\n- expect: { process: p, running: true }",
    ],
    fails: [
      ["- start: { name: p, command: exit 3 }\n- wait: { process: p, exit: 0 }", /exit status 3/],
      ["- start: { name: p, command: echo a }\n- wait: { process: p, stdout: b }", /stdout was "a/],
      ["- start: { name: p, command: echo a >&2 }\n- wait: { process: p, stderr: b }", /stderr was "a/],
      [`${START}\n- expect: { process: p, running: false }`, /^Expected that p does not run: p still runs$/],
      [`${START}\n- wait: { process: p, line: never, timeout: 5ms }`, /^Timed out after 5ms/],
    ],
  },
  port: {
    done: [
      "- expect: { port: 1, answers: false }",
      "- expect: { port: 1, address: 127.0.0.1, answers: false }",
      "- expect: { port: 1, udp: true, answers: false }",
    ],
    fails: [
      ["- expect: { port: 1 }", /^Expected that port 1 answers/],
      ["- expect: { port: 1, answers: true }", /^Expected that port 1 answers/],
      ["- expect: { port: 1, address: 127.0.0.1 }", /^Expected that /],
      ["- expect: { port: 1, udp: true }", /^Expected that UDP port 1 answers/],
    ],
  },
  command: {
    done: [
      `- expect: { command: 'cat; echo $A >&2; exit 3', env: { A: b }, cwd: /, user: ${OWN}, stdin: in, exit: 3, stdout: in, stderr: b, took: "<60s", timeout: 60s }`,
    ],
    fails: [
      ["- expect: { command: exit 3, exit: 4 }", /it ended with exit status 3/],
      ["- expect: { command: echo a, stdout: b }", /stdout was "a/],
      ["- expect: { command: echo a >&2, stderr: b }", /stderr was "a/],
      ['- expect: { command: sleep 0.1, took: "<1ms" }', /it took/],
      ["- expect: { command: sleep 3600, timeout: 20ms }", /20ms/],
      ["- expect: { command: [echo], cwd: /no/such }", /no\/such/],
      ["- expect: { command: [echo], user: nosuchuser }", /there is no user nosuchuser/],
    ],
    harmless: COMMAND_HARMLESS,
  },
  http: {
    done: ["- expect: { http: '${url}', status: 200, body: hello }"],
    fails: [
      ["- expect: { http: 'http://127.0.0.1:1/' }", /^Expected that /],
      ["- expect: { http: '${url}', status: 404 }", /^Expected that /],
      ["- expect: { http: '${url}', body: bye }", /^Expected that /],
    ],
  },
  file: {
    done: ["- expect: { file: /etc/passwd, exists: true, text: root }", "- expect: { file: /no/such, exists: false }"],
    fails: [
      ["- expect: { file: /no/such }", /it is not there/],
      ["- expect: { file: /etc/passwd, exists: false }", /it is there/],
      ["- expect: { file: /etc/passwd, text: nothing like that }", /it is there without that/],
    ],
  },
};

/** What every step may have. */
export const COMMON_ROW: Row = {
  done: [
    "- log: x\n  name: then\n  at: 1ms\n  took: '<60s'\n  when: true",
    "- run: 'true'\n  host: here",
    "- parallel: { a: [log: x] }\n  timeout: 60s",
    "- log: x\n  break: false",
  ],
  fails: [
    ["- sleep: 20ms\n  took: '<1ms'", /it took/],
    ["- parallel: { a: [sleep: 1h] }\n  timeout: 20ms", /20ms/],
    ["- log: x\n  when: { command: [/no/such] }", /no\/such/],
  ],
  harmless: {
    name: "any text will do",
    host: NEVER,
    at: "what is late is done at once",
    break: "is a person's to go on from",
  },
};
