/** Each scenario in `examples/` fails at its point where what makes the point is taken away. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Course, type Edit, type ExampleName, IPXE, POSTGRESQL_OF_ROOT, runExample } from "./example.ts";
import { testWithHaproxy } from "./haproxy.ts";

const FAILED = { status: 1, outcome: "failed" };
const UNMET = { status: 3, outcome: "unmet" };
/** How often HAProxy is reloaded without the gate, at most, until that loses a connection. */
const ATTEMPTS = 15;

/** An example without what makes its point. */
interface Broken {
  name: ExampleName;
  without: string;
  edits: readonly Edit[];
  options?: readonly string[];
  /** The step that is not done then, and why. */
  failure: RegExp;
  /** How it ends; with an expectation that is not met if not given. */
  ending?: typeof FAILED;
}

/** Without the lines that match. */
function without(line: RegExp): Edit {
  return { change: (text) => text.split("\n").filter((each) => !line.test(each)).join("\n") };
}

const NO_HOLD = without(/^ *- buffer: /);
const NO_WAIT = without(/^ *- wait: \{ (gate|plug): /);

/** So that what never comes is not waited for as long as on a busy machine. */
const HASTY: Edit = { change: (text) => text.replaceAll("timeout: 60s", "timeout: 15s") };

const BROKEN: readonly Broken[] = [{
  name: "idle_close",
  without: "the FIN held",
  edits: [NO_HOLD, {
    change: (text) => text.replaceAll(/\{ gate: fin, backlog: .*\}/g, "{ process: server, line: closed }"),
  }],
  failure: /8000\/ ends with 502 in stdout: /,
}, {
  name: "idle_close",
  without: "HAProxy's retry",
  edits: [{ file: "haproxy.cfg", change: (text) => text.replace(/^ *retry-on .*$/m, "") }],
  failure: /8001\/ ends with 200 in stdout: /,
}, {
  name: "back_pressure",
  without: "the acknowledgements held",
  edits: [NO_HOLD],
  options: ["--set", "patience=5s"],
  failure: /^wait until server has written .*stalled/,
  ending: FAILED,
}, {
  name: "reordered",
  without: "the first write held",
  edits: [NO_HOLD, NO_WAIT, { change: (text) => text.replace("timeout: 60s", "timeout: 10s") }],
  failure: /^wait until register has written .*set to 3/,
  ending: FAILED,
}, {
  name: "maxconn_queue",
  without: "the answers held",
  edits: [NO_HOLD, NO_WAIT],
  failure: /ends with 503 in stdout: /,
}, {
  name: "maxconn_queue",
  without: "the release before the queue times out",
  edits: [
    { change: (text) => text.replace(/until \$\{queued\};.* done/, "true") },
    { file: "haproxy.cfg", change: (text) => text.replace("timeout queue 10s", "timeout queue 1s") },
  ],
  failure: /^wait until fourth has ended with 200 in stdout: /,
}, {
  name: "half_close",
  without: "the FIN held",
  edits: [NO_HOLD],
  failure: /fin-wait-1 ends with 10\.0\.0\.2:9000 in stdout: /,
}, {
  name: "output_commit",
  without: "epochs",
  edits: [NO_HOLD, NO_WAIT],
  failure: /0 of them too early/,
}, {
  name: "output_commit",
  without: "releasing one epoch at a time",
  edits: [NO_WAIT, { change: (text) => text.replace("release-one:", "release:") }],
  failure: /0 of them too early/,
}, {
  name: "node_keep_alive",
  without: "the FIN held",
  edits: [NO_HOLD, NO_WAIT, HASTY],
  options: ["--set", "client=plain"],
  failure: /^wait until client has written \/fourth: ECONNRESET: Timed out/,
  ending: FAILED,
}, {
  name: "node_keep_alive",
  without: "the request sent again",
  edits: [HASTY, { change: (text) => text.replace('"${client}"]', "plain]") }],
  options: ["--set", "client=retry"],
  failure: /^wait until client has written \/fourth: 200, sent again: Timed out/,
  ending: FAILED,
}, {
  name: "etcd_old_leader",
  without: "the messages held",
  edits: [NO_HOLD],
  failure: /--consistency=s --print-value-only ends with \/\^old\$\/m in stdout: stdout was "new/,
}, {
  name: "mariadb_heartbeat",
  without: "the heartbeats held",
  edits: [NO_HOLD, HASTY],
  failure: /^wait until hasty has written reconnecting to retry: Timed out/,
  ending: FAILED,
}, {
  name: "postgres_timeouts",
  without: "the answers held",
  edits: [NO_HOLD, POSTGRESQL_OF_ROOT],
  options: ["--set", "user=root"],
  failure: /connect_timeout=2' ends with exit status 2 .*: it ended with exit status 0$/,
}, {
  name: "redis_failover",
  without: "the replication held",
  edits: [NO_HOLD],
  options: ["--set", "replicas=0"],
  failure: /GET balance ends with \/\^1\$\/m in stdout: stdout was "2/,
}, {
  name: "redis_lost_job",
  without: "the worker's silence",
  edits: [NO_HOLD],
  options: ["--set", "keepalive=0"],
  failure: /INFO clients ends with blocked_clients:1 in stdout: /,
}, {
  name: "rolling_restart",
  without: "the SYNs held",
  edits: [NO_HOLD, without(/^ *- wait: \{ command: /)],
  failure: /^wait until load has ended with .* in stdout: .*Error/,
}, {
  name: "lost_syn",
  without: "the answer to the SYN held",
  edits: [NO_HOLD, NO_WAIT],
  failure: /hasty ended with exit status 0/,
}, {
  name: "silent_server",
  without: "the server silent",
  edits: [NO_HOLD, HASTY],
  failure: /^wait until keepalive has ended .*keepalive still runs/,
  ending: FAILED,
}, {
  name: "silent_server",
  without: "keepalive",
  edits: [HASTY, { change: (text) => text.replace('"2000"', '"0"') }],
  failure: /^wait until keepalive has ended .*keepalive still runs/,
  ending: FAILED,
}, {
  name: "late_answer",
  without: "the packets held",
  edits: [{ change: (text) => text.replaceAll(/- hold:\n *gate: .*\n *while:/g, "- parallel:\n      client:") }],
  failure: /ends after >= 900ms with prices of 8082/,
}, {
  name: "late_answer",
  without: "a second server",
  edits: [{ file: "nginx.conf", change: (text) => text.replace(/^.*backup;\n/m, "") }],
  failure: /ends after >= 900ms with prices of 8082.*504/s,
}, {
  name: "late_answer",
  without: "the FIN held",
  edits: [NO_HOLD, NO_WAIT],
  failure: /kept\/ --data order=2 ends with 502 in stdout: /,
}, {
  name: "haproxy_redispatch",
  without: "the SYN held",
  edits: [{ change: (text) => text.replace(/- hold:\n *gate: syn\n *while:/, "- parallel:\n      client:") }],
  failure: /8000\/ ends with 503 in stdout: /,
}, {
  name: "haproxy_redispatch",
  without: "option redispatch",
  edits: [{
    file: "haproxy.cfg",
    change: (text) => text.replace(/^ *option redispatch$/m, "    no option redispatch"),
  }],
  failure: /8001\/ ends .* with answer of 8082\n200 in stdout: /s,
}, {
  name: "haproxy_redispatch",
  without: "option abortonclose",
  edits: [HASTY, {
    file: "haproxy.cfg",
    change: (text) => text.replace(/^ *option abortonclose$/m, "    no option abortonclose"),
  }],
  failure: /^wait until haproxy has written .* CQ-- .*Timed out/,
  ending: FAILED,
}, {
  name: "haproxy_cli",
  without: "the acknowledgements held",
  edits: [NO_HOLD, NO_WAIT],
  failure: /^wait until late has ended with .*cut behind.* in stdout: .*all of it/s,
}, {
  name: "haproxy_cli",
  without: "waiting for longer than HAProxy does",
  edits: [],
  options: ["--set", "held=200ms"],
  failure: /^wait until late has ended with .*cut behind.* in stdout: .*all of it/s,
}, {
  name: "accept_queue",
  without: "a short accept queue",
  edits: [HASTY, { file: "server.py", change: (text) => text.replace("backlog=1", "backlog=100") }],
  failure: /--max-time 3 ends with exit status 28 .*: /,
}, {
  name: "accept_queue",
  without: "the acknowledgements held",
  edits: [HASTY, NO_HOLD],
  failure: /^wait until ss -Hnt state syn-recv .*Timed out/,
  ending: FAILED,
}, {
  name: "postgres_sync",
  without: "the standby's silence",
  edits: [HASTY, NO_HOLD, POSTGRESQL_OF_ROOT],
  options: ["--set", "user=root"],
  failure: /^wait until .*SyncRep.*Timed out/,
  ending: FAILED,
}, {
  name: "late_name",
  without: "the answers held",
  edits: [NO_HOLD, NO_WAIT],
  failure: /hasty\.conf ends after >= 1.9s with exit status 2: it ended with exit status 0/,
}, {
  name: "vm_failover",
  without: "epochs",
  edits: [NO_HOLD, without(/^ *- discard: /), {
    // What it says behind its last checkpoint is seen: its connection is further than the other knows, who asks in vain.
    change: (text) =>
      text.replace(/^( *)- wait: (.*)(?=\n *- signal: )/m, '$1- wait: { gate: output, sent: ">=+10", since: go on }')
        .replace("line: request }", "line: request, timeout: 8s }"),
  }, without(/^ *- wait: \{ gate: .*backlog: /)],
  options: ["--set", IPXE],
  failure: /^wait until observer has written request: Timed out/,
  ending: FAILED,
}, {
  name: "tls_flights",
  without: "the third flight held",
  edits: [{
    change: (text) => text.replace(/ *- buffer: client\n( *- release: server\n) *- wait: .*\n/, "$1"),
  }],
  failure: /^expect that request runs: /,
}];

function assertBroken({ status, end: { outcome, undone }, failure }: Course, expected: RegExp, ending = UNMET): void {
  assertMatch(failure, expected);
  assertEquals({ status, outcome, undone }, { ...ending, undone: true });
}

for (const { name, without, edits, options, failure, ending } of BROKEN) {
  testWithHaproxy(`examples/${name} fails without ${without}`, async () => {
    assertBroken(await runExample(name, { edits, options }), failure, ending);
  });
}

testWithHaproxy("examples/haproxy_reload fails without the gate", async () => {
  for (let round = 0; round < ATTEMPTS; round++) {
    const course = await runExample("haproxy_reload", { edits: [NO_HOLD] });
    if (course.status === 0) continue;
    return assertBroken(course, /^expect that clients has ended .*"lost": 0/);
  }
  assert(false, `no connection was lost in ${ATTEMPTS} attempts`);
});
