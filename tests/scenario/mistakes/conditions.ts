import { COMMAND, DURATION, TEXT_TEST } from "./expected.ts";
import { type Cases, withSteps, withTop } from "../marked.ts";

const HTTP = "an http:// address with an IP address: http://10.0.0.2:8000/health";
const SUBJECTS = "one of the keys gate, plug, process, port, command, http, file";
const MORE = '; or more than before: "+1", ">=+1"';
const BYTES = `a number of bytes from 0, such as 64k or 1MiB, or a comparison with one, such as ">=64k"${MORE}`;
const OF_PROCESS = "line, or running, or one or more of exit, stdout, stderr";
const NUMBER = 'a whole number from 0, or a comparison with one, such as ">=1"';
const COUNT = `${NUMBER}${MORE}`;

/** Mistakes in what is waited for and expected. */
export const CONDITION_MISTAKES: Cases = [
  [withSteps("  - wait: ‸web"), "wait does not say what it is about", SUBJECTS],
  [
    withSteps("  - wait: ‸{ timeout: 5s }"),
    "wait does not say what it is about",
    SUBJECTS,
  ],
  [
    withSteps("  - expect: ‸{}"),
    "expect does not say what it is about",
    SUBJECTS,
  ],
  [
    withSteps("  - wait: ‸{ gate: web, port: 80 }"),
    "wait is about gate and port",
    SUBJECTS,
  ],
  [
    withSteps("  - wait: { gate: ‸web }"),
    "wait says nothing of web",
    "one or more of backlog, backlog-bytes, sent, sent-bytes, drops, hits, packet, waiting",
  ],
  [
    withSteps("  - wait: { plug: ‸up }"),
    "wait says nothing of up",
    "one or more of backlog, backlog-bytes, sent, sent-bytes, drops",
  ],
  [withSteps("  - wait: { gate: ‸[], backlog: 1 }"), "gate is an empty list", "a text"],
  [withSteps("  - wait: { gate: ‸up, backlog: 1 }"), "up is a plug, not a gate", "plug: up"],
  [withSteps("  - wait: { plug: ‸web, backlog: 1 }"), "web is a gate, not a plug", "gate: web"],
  [withSteps("  - wait: { gate: web, backlog: ‸-1 }"), "backlog is -1", COUNT],
  [withSteps("  - wait: { gate: web, sent: ‸'++1' }"), 'sent is "++1"', COUNT],
  [withSteps("  - wait: { gate: web, packet: tcp, count: ‸++1 }"), 'count is "++1"', COUNT],
  [withSteps('  - wait: { gate: web, packet: tcp, count: ">=+2", timeout: 1s }'), "", ""],
  [
    withSteps("  - wait: { gate: web, waiting: tcp, count: ‸+1 }"),
    "count asks for more than before of what waits now",
    'a number without a plus, or packet in place of waiting: { packet: syn, count: "+1" }',
  ],
  [
    withSteps("  - wait: { gate: web, packet: tcp, waiting: ‸udp }"),
    "packet and waiting are both given",
    "packet for those that have come in, or waiting for those that wait now; a step each",
  ],
  [
    withSteps("  - { sleep: 1ms, name: then }\n  - wait: { gate: web, packet: tcp, count: 2, since: ‸then }"),
    "since is given, and no counter is compared with what it was then",
    'one with a plus: { sent: "+1", since: reload }',
  ],
  [
    withSteps("  - wait: { gate: web, sent: 1, since: ‸then }"),
    "since is given, and no counter is compared with what it was then",
    'one with a plus: { sent: "+1", since: reload }',
  ],
  [
    withSteps("  - wait: { gate: web, sent: +1, since: ‸then }"),
    'there is no step with the name "then"',
    "one that a step has: - { run: ..., name: ... }",
  ],
  [
    withSteps("  - { sleep: 1ms, name: now }\n  - wait: { gate: web, sent: +1, since: ‸then }"),
    'there is no step with the name "then"',
    "one of now",
  ],
  [
    withSteps("  - wait: { gate: web, backlog: 1, count: ‸1 }"),
    "count is given without packet or waiting",
    'which packets are counted: { packet: "tcp and syn", count: 2 }',
  ],
  ...["packet: 'tcp and ‸ct new'", "waiting: '‸ct new'", "packet: 'tcp and ‸mark 7'"].map((words): Cases[number] => [
    withSteps(`  - wait: { gate: web, ${words} }`),
    `"${words.includes("mark") ? "mark" : "ct"}" in the match`,
    "words about what is in a packet; what the kernel knows beside that, the match of a gate can ask",
  ]),
  [withSteps("  - wait: { gate: web, packet: ‸[] }"), "packet is an empty list", "a text"],
  [
    withSteps("  - wait: { plug: up, ‸packet: tcp }"),
    'unknown key "packet"',
    "one of plug, backlog, packets, backlog-bytes, sent, sent-bytes, drops, since, timeout",
  ],
  [withSteps("  - wait: { gate: web, backlog: ‸64k }"), 'backlog is "64k"', COUNT],
  [withSteps('  - wait: { gate: web, backlog-bytes: ‸">64x" }'), 'backlog-bytes is ">64x"', BYTES],
  [withSteps('  - wait: { plug: up, sent-bytes: ">=0.5k", backlog-bytes: 64KiB, sent: "==3", drops: "!=1" }'), "", ""],
  [
    withSteps("  - wait: { process: ‸load, running: true, exit: 0 }"),
    "wait asks for an end and for whether it runs",
    OF_PROCESS,
  ],
  [withSteps("  - wait: { process: load, running: ‸1 }"), "running is 1", "true or false"],
  [withSteps('  - wait: { gate: web, packets: ‸"=>1" }'), 'packets is "=>1"', COUNT],
  [withSteps("  - wait: { gate: web, sent: ‸[1] }"), "sent is a list", COUNT],
  [withSteps("  - wait: { gate: web, drops: ‸1.5 }"), "drops is 1.5", COUNT],
  [withSteps("  - wait: { gate: web, backlog: 1, timeout: ‸5 }"), "timeout is 5", DURATION],
  [
    withSteps("  - wait: { gate: web, ‸packt: 1 }"),
    'unknown key "packt"',
    "one of gate, backlog, packets, backlog-bytes, sent, sent-bytes, drops, since, hits, packet, waiting, count, timeout",
  ],
  [
    withSteps("  - wait: { plug: up, ‸hits: 1 }"),
    'unknown key "hits"',
    "one of plug, backlog, packets, backlog-bytes, sent, sent-bytes, drops, since, timeout",
  ],
  [
    withSteps("  - expect: { gate: web, drops: 0, ‸timeout: 5s }"),
    'unknown key "timeout"',
    "one of gate, backlog, packets, backlog-bytes, sent, sent-bytes, drops, since, hits, packet, waiting, count",
  ],
  [
    withSteps("  - expect: { plug: up, drops: 0, ‸timeout: 5s }"),
    'unknown key "timeout"',
    "one of plug, backlog, packets, backlog-bytes, sent, sent-bytes, drops, since",
  ],
  [
    withSteps("  - wait: { process: ‸load }"),
    "wait says nothing of load",
    OF_PROCESS,
  ],
  [
    withSteps("  - wait: { process: ‸load, line: x, exit: 0 }"),
    "wait asks for a line and for an end",
    OF_PROCESS,
  ],
  [withSteps("  - wait: { process: ‸nosuch, exit: 0 }"), 'there is no process "nosuch"', "one of load"],
  [withSteps("  - wait: { process: load, line: ‸'/[/' }"), 'line is "/[/"', TEXT_TEST],
  [
    withSteps("  - wait: { process: load, ‸output: x }"),
    'unknown key "output"',
    "one of process, exit, stdout, stderr, line, running, timeout",
  ],
  [
    withSteps("  - expect: { process: load, exit: 0, ‸timeout: 5s }"),
    'unknown key "timeout"',
    "one of process, exit, stdout, stderr, line, running",
  ],
  [withSteps("  - wait: { port: ‸0 }"), "port is 0", "a whole number from 1 to 65535"],
  [
    withSteps("  - wait: { port: 80, address: ‸localhost }"),
    'address is "localhost"',
    "an IP address: 10.0.0.2, fd00::2",
  ],
  [withSteps("  - wait: { port: 80, answers: ‸no }"), 'answers is "no"', "true or false"],
  [withSteps("  - wait: { port: 80, ‸host: a }"), 'unknown key "host"', "one of port, address, answers, udp, timeout"],
  [withSteps("  - expect: { port: 80, ‸timeout: 5s }"), 'unknown key "timeout"', "one of port, address, answers, udp"],
  [
    withTop("hosts: { a: {} }\ncleanup:\n  - wait: ‸{ port: 80 }"),
    "port 80 names no host",
    "host: with one of hosts, or here",
  ],
  [
    withSteps("  - wait: ‸{ port: 53, udp: true, address: 10.0.0.1 }"),
    "wait asks a port of UDP for a connection",
    "no address: whether a process listens",
  ],
  [withSteps("  - wait: { http: ‸https://10.0.0.1/ }"), 'http is "https://10.0.0.1/"', HTTP],
  [withSteps("  - wait: { http: ‸http://localhost/ }"), 'http is "http://localhost/"', HTTP],
  [withSteps("  - wait: { http: 'http://10.0.0.1/', status: ‸+1 }"), 'status is "+1"', NUMBER],
  [withSteps("  - wait: { http: ‸10.0.0.1 }"), 'http is "10.0.0.1"', HTTP],
  [withSteps("  - wait: { http: 'http://[fd00::1]:80/x?y', status: '>=500', body: x, timeout: 1s }"), "", ""],
  [
    withSteps("  - wait: { http: http://10.0.0.1/, ‸method: PUT }"),
    'unknown key "method"',
    "one of http, status, body, timeout",
  ],
  [withSteps("  - wait: { file: ‸[] }"), "file is an empty list", "a text"],
  [
    withSteps("  - wait: ‸{ file: x, exists: false, text: y }"),
    "wait asks for no file and for its text",
    "exists: false, or text",
  ],
  [withSteps("  - wait: { file: x, ‸size: 3 }"), 'unknown key "size"', "one of file, exists, text, timeout"],
  [withSteps("  - expect: { command: ‸[] }"), "command is an empty list", COMMAND],
  [
    withSteps("  - expect: { command: x, ‸line: y }"),
    'unknown key "line"',
    "one of command, env, cwd, user, stdin, exit, stdout, stderr, took, timeout",
  ],
];
