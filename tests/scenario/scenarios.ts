/** The example of the design: it must work as it stands. */
export const DESIGN = `name: HAProxy reloads, no connection lost
gates:
  web: { dev: lo, direction: egress, match: tcp dst port 8000 flags syn, limit: 1MiB }
timeout: 60s
steps:
  - start: { name: load, command: [python3, load.py] }
  - repeat: 20
    steps:
      - buffer: web
      - run: haproxy -D -f haproxy.cfg -p haproxy.pid -sf $(cat haproxy.pid)
      - wait: { gate: web, packets: ">=1", timeout: 500ms }
      - release-indefinite: web
      - sleep: 200ms
  - join: { name: load, exit: 0 }
  - expect: { gate: web, drops: 0 }
`;

/** A scenario with its own network, which uses nearly all that there is. */
export const NETWORK = `# Hosts, variables, defaults, nested rounds and branches.
name: a proxy between two hosts
description: |
  Of several
  lines.
timeout: 2m
max-hold: 10s
seed: 4711
capture: [syns]
vars: { port: 8000, pause: 20ms, "who": world }
defaults:
  host: client
  timeout: 3s
  env: { LANG: C, COUNT: 3 }
  cwd: work
hosts:
  client:
    devices:
      eth0: { to: proxy, address: [10.0.0.1/24, "fd00::1/64"], mtu: 1400 }
    routes: { default: 10.0.0.2, "10.0.1.0/24": 10.0.0.2 }
  proxy:
    devices:
      eth0: { to: client.eth0, address: 10.0.0.2/24 }
      eth1: { to: server, address: 10.0.1.1/24 }
    forward: true
  server:
    devices:
      eth0: { to: proxy, address: 10.0.1.2/24 }
  other: { netns: "pid:1" }
gates:
  syns: { host: proxy, dev: [eth0, eth1], direction: ingress, match: ["tcp dst port \${port} flags syn,!ack", udp] }
  all: { dev: eth0, direction: egress, limit: 64k, priority: 5 }
plugs:
  up: { host: server, dev: eth0, parent: root, handle: "40:", limit: 1048576 }
steps:
  - name: the server
    start: { name: web, command: "python3 -m http.server \${port}", env: { A: "\${who}" }, cwd: /tmp, stdin: "x\\ny" }
    host: server
  - wait: { port: "\${port}", timeout: 10s }
    host: server
  - wait: { port: 80, address: 10.0.1.2, answers: false }
  - attach: { plug: late, dev: eth1, host: proxy }
  - attach: { gate: g2, dev: lo, direction: egress, match: 'tcp src host 10.0.0.0/8' }
    host: here
  - buffer: [syns, up]
    at: 1.5s
  - limit: { gate: [syns, all], plug: up, size: 2m }
  - repeat: { over: [1, two, true], as: what }
    steps:
      - repeat: { times: 2, as: inner }
        steps:
          - log: "\${what} \${inner} $\${HOME}"
      - parallel:
          one:
            - run: { command: [echo, "\${what}", 0.10], exit: [0, 1], stdout: /^\\w+/m, timeout: 5s }
            - sleep: 1ms..20ms
          two:
            - wait: { plug: up, backlog-bytes: ">100", sent: "<=5", sent-bytes: 0, drops: "!=1" }
            - wait: { gate: syns, hits: ">= 1", backlog: 2 }
  - release-one: up
  - release-indefinite: [syns, up, late, g2]
  - wait: { process: web, line: Serving }
  - expect: { process: web, exit: 'any', stderr: "" , stdout: x }
  - expect: { command: "curl http://10.0.1.2:\${port}/", exit: ">0" }
  - sleep: \${pause}
  - detach: late
  - stop: { name: web, signal: SIGINT, timeout: 1s }
  - join: web
cleanup:
  - run: |
      rm -f pid
      echo done
  - expect: { port: 8000, answers: false }
    host: server
`.replace(', stderr: "" , stdout', ", stdout");

/** Short ones, which together use nearly all that there is: what is mutated must be read quickly. */
export const SHORT: readonly string[] = [
  DESIGN,
  `name: queues
gates: { a: { dev: [lo, eth0], direction: ingress, match: [tcp dst port 80, udp], limit: 64k, priority: 5 } }
plugs:
  up: { dev: eth0, parent: "1:4", handle: "40:", limit: 1048576 }
steps:
  - attach: { gate: b, dev: lo, direction: egress, match: tcp src host 10.0.0.0/8 flags syn }
  - buffer: [a, up]
    at: 1.5s
  - limit: { gate: [a, b], plug: up, size: 2m }
  - release-one: up
  - detach: b
`,
  `name: a row each
vars: { base: 8000 }
matrix: { port: ["\${base}", 443, text], late: [true, false] }
steps: [log: "\${port} \${late}"]
`,
  `name: rows
matrix: [{ port: 80, reply: late }, { reply: never, port: 81 }]
steps: [log: "\${port} \${reply}"]
`,
  `name: hosts
hosts:
  a: { devices: { eth0: { to: b.eth0, address: [10.0.0.1/24, "fd00::1/64"], mtu: 1400 } }, forward: true }
  b: { devices: { eth0: { to: a, address: 10.0.0.2/24 } }, routes: { default: 10.0.0.1 } }
  c: { netns: "pid:1" }
defaults: { host: a, timeout: 3s, env: { LANG: C }, cwd: work }
plugs: { up: { host: b, dev: eth0 } }
steps:
  - wait: { port: 80, address: 10.0.0.2, answers: false, timeout: 1m }
  - wait: { port: 80 }
    host: here
`,
  `name: processes
vars: { port: 8000, who: world }
steps:
  - start: { name: web, command: "serve \${port}", env: { A: "\${who}" }, stdin: "x\\ny" }
  - run: { command: [echo, "\${who}", 0.10], exit: [0, 1], stdout: /^\\w+/m, timeout: 5s }
  - wait: { process: web, line: ready }
  - expect: { process: web, exit: 'any', stderr: x }
  - expect: { command: "true", exit: ">0" }
  - stop: { name: web, signal: SIGINT, timeout: 1s }
  - join: web
`,
  `name: later words
plugs: { up: { dev: eth0 } }
steps:
  - start: { name: web, command: serve, exit: [0, 3] }
  - send: { name: web, text: "x\\n", close: true }
  - signal: { name: web, signal: SIGHUP }
  - run: { command: "cat port", capture: { port: "/port ([0-9]+)/" }, retry: 3, took: "<2s" }
  - wait: { port: "\${port}", udp: true }
  - hold: { plug: up, until: { http: "http://10.0.0.1:80/", status: ">=200", body: x } }
  - hold: { plug: up, while: [log: "\${port}"] }
    when: { file: a, text: /x/ }
  - set: { n: 1, m: { random: [1, x] } }
  - repeat: { until: { process: web, running: false }, times: 3, within: 1s }
    steps: [release: up]
    took: ">=1ms"
`,
  `name: rounds
vars: { pause: &p 20ms, other: *p }
plugs: { up: { dev: eth0 } }
steps:
  - repeat: { over: [1, two, true], as: what }
    steps:
      - repeat: { times: 2, as: inner }
        steps: [log: "\${what} \${inner} $\${HOME}"]
      - parallel:
          one: [sleep: 1ms..20ms, sleep: "\${pause}"]
          two: [wait: { plug: up, backlog-bytes: ">100", sent: "<=5", drops: "!=1" }]
cleanup:
  - run: |
      rm -f pid
      echo done
`,
];
