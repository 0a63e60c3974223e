/** The Ansible collection: three hosts that are managed over SSH hold, release and keep their deadlines. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Ansible, type Managed, type TaskEvent } from "./ansible.ts";
import { type Host, runCommand } from "./host.ts";
import { arrivedNumbers, receiveNumbers, sendNumbered } from "./numbered.ts";
import { plugctlDone } from "./plugctl.ts";
import { guardians } from "./process_table.ts";
import { UdpSocket } from "./udp_socket.ts";
import { until } from "./until.ts";

const WAIT = { timeoutMs: 60_000 };
const PORT = 5000;
const COUNT = 10;
const DOCUMENT = Deno.readTextFileSync(new URL("../../docs/ANSIBLE.md", import.meta.url));
/** The playbooks that the document shows. */
const [HOLD, MOMENT, RELEASE] = ["hold", "moment", "release"].map((name) =>
  new RegExp(`^# ${name}\\.yaml\n(.*?)^\`\`\`$`, "ms").exec(DOCUMENT)?.[1] ?? ""
);
const GATE = "telemetry";
/** Their tasks. */
const [MAKE, HOLD_IT] = ["A gate for what goes to port 5000", "Hold it"];
const [LET_GO, REMOVE] = ["Let it go", "Remove the gate"];

/** What one host is asked, some of it wrong. */
const ONE_HOST = `
- hosts: a
  gather_facts: false
  ignore_errors: true
  module_defaults:
    plugctl.fault.gate: { name: other, devices: [lo], direction: out }
  tasks:
    - { name: release the second time, plugctl.fault.release: { gates: [telemetry] } }
    - { name: remove the second time, plugctl.fault.gate: { name: telemetry, state: absent } }
    - { name: wrong match, plugctl.fault.gate: { match: tcp dst prot 80 } }
    - { name: wrong direction, plugctl.fault.gate: { direction: sideways } }
    - { name: wrong time, plugctl.fault.hold: { devices: [lo], max_hold: "5" } }
    - { name: no such gate, plugctl.fault.hold: { gates: [other] } }
    - { name: nothing named, plugctl.fault.release: {} }
    - { name: make, plugctl.fault.gate: { match: udp } }
    - { name: make another, plugctl.fault.gate: { match: tcp } }
    - { name: replace it, plugctl.fault.gate: { match: tcp, replace: true }, diff: true }
    - { name: hold lo, plugctl.fault.hold: { devices: [lo], max_hold: 60s } }
    - { name: hold lo again, plugctl.fault.hold: { devices: [lo], max_hold: 60s } }
    - { name: renew, plugctl.fault.hold: { devices: [lo], max_hold: 60s, renew: true } }
    - { name: detach lo, plugctl.fault.release: { devices: [lo], detach: true } }
    - { name: detach lo again, plugctl.fault.release: { devices: [lo], detach: true } }
    - { name: at a time that has passed, plugctl.fault.hold: { gates: [other], for: 1s, at: "@1" } }
    - { name: at without an end, plugctl.fault.hold: { gates: [other], at: "@1" } }
    - { name: for a time, plugctl.fault.hold: { gates: [other], for: 300ms } }
    - { name: remove, plugctl.fault.gate: { state: absent } }
`;
/** What comes of it: whether it has changed something, or the exit status of plugctl and what it has said. */
const ONE_HOST_OUTCOME = {
  "release the second time": false,
  "remove the second time": false,
  "wrong match": '2: cannot understand --match: "prot", expected host, net, port or portrange; did you mean "port"?\n' +
    "  tcp dst prot 80\n          ^^^^",
  "wrong direction": "value of direction must be one of: in, out, both, got: sideways",
  "wrong time": '2: invalid duration "5": use a unit (us, ms, s, m, h), such as 200ms or 5s',
  "no such gate": "1: cannot find gate other: there is no such gate; there are none",
  "nothing named": "release needs gates or devices",
  "make": true,
  "make another": "1: cannot add gate other: another is there: egress of lo, udp, limit 16777216, priority 1000; " +
    "replace it with --replace, or choose another name",
  "replace it": true,
  "hold lo": true,
  "hold lo again": false,
  "renew": true,
  "detach lo": true,
  "detach lo again": false,
  "at a time that has passed": "2: --at @1 has passed",
  "at without an end": "at goes with for or until",
  "for a time": true,
  "remove": true,
};

const MAKE_OTHER = `
- hosts: all
  gather_facts: false
  tasks:
    - { name: make, plugctl.fault.gate: { name: other, devices: [eth0], direction: out, match: udp } }
`;

/** What all hosts are asked, of which one is lost before it is to release. */
const losingOne = (folder: string) =>
  `${MAKE_OTHER}
- hosts: all
  gather_facts: false
  tasks:
    - { name: hold, plugctl.fault.hold: { gates: [other], max_hold: "{{ '40s' if inventory_hostname == 'c' else '10m' }}" } }
    - name: wait
      ansible.builtin.wait_for: { path: "${folder}/lost", timeout: 60 }
      delegate_to: localhost
      run_once: true
    - { name: release, plugctl.fault.release: { gates: [other] } }
`;

/** Datagrams from a managed host to the one that manages it. */
class Traffic implements Disposable {
  readonly #sender: UdpSocket;
  readonly #receiver: UdpSocket;
  readonly #to: { address: string; port: number };

  constructor({ host, address, peer }: Managed, control: Host) {
    this.#to = { address: peer, port: PORT };
    this.#sender = new UdpSocket(host, { address, port: 0 });
    this.#receiver = new UdpSocket(control, this.#to);
  }

  send(): void {
    sendNumbered(this.#sender, this.#to, { count: COUNT });
  }

  /** Those that have arrived by now. */
  get arrived(): number {
    return arrivedNumbers(this.#receiver).length;
  }

  /** Waits until all have arrived, once each and in order. */
  async allArrive(): Promise<void> {
    const numbers = await receiveNumbers(this.#receiver, { count: COUNT, ...WAIT });
    assertEquals(numbers, Array.from({ length: COUNT }, (_, index) => index));
  }

  [Symbol.dispose](): void {
    this.#sender[Symbol.dispose]();
    this.#receiver[Symbol.dispose]();
  }
}

/** What is there of plugctl on a host: qdiscs and devices. */
function traces(host: Host): string {
  return host.run("tc", "qdisc", "show") + host.run("ip", "-o", "link", "show", "type", "ifb");
}

/** What a task has changed on each host, in their order; what has failed is told with what was said. */
function changes(events: readonly TaskEvent[], task: string): unknown[] {
  return events.filter((event) => event.task === task).sort((one, other) => one.host < other.host ? -1 : 1)
    .map(({ outcome, result }) => outcome === "ok" ? result.changed : `${outcome}: ${result.msg}`);
}

/** What a task has returned by a name, of each host. */
function returned(events: readonly TaskEvent[], task: string, name: string): unknown[] {
  return events.filter((event) => event.task === task).map(({ result }) => result[name]);
}

const all = <T>(value: T): T[] => [value, value, value];

Deno.test("the Ansible collection", async (t) => {
  using ansible = await Ansible.start("a", "b", "c");
  const { control, managed } = ansible;
  using stack = new DisposableStack();
  const traffic = managed.map((each) => stack.use(new Traffic(each, control)));
  const before = managed.map(({ host }) => traces(host));

  await t.step("says in check mode what would change, and touches nothing", async () => {
    const { events, status } = await ansible.play(HOLD, { words: ["--check", "--diff", "--limit", "a"] });
    assertEquals([status, changes(events, MAKE), changes(events, HOLD_IT)], [0, [true], [true]]);
    assertEquals(managed.map(({ host }) => traces(host)), before);
    const after = { devices: ["eth0"], direction: "out", match: ["udp dst port 5000"] };
    assertEquals(returned(events, MAKE, "diff"), [{ before: {}, after }]);
    assertEquals(guardians(), []);
  });

  await t.step("makes gates on all hosts, and holds, when it has ended, too", async () => {
    const { events, status } = await ansible.play(HOLD);
    assertEquals([status, changes(events, MAKE), changes(events, HOLD_IT)], [0, all(true), all(true)]);
    for (const each of traffic) each.send();
    for (const { host } of managed) assertEquals(await backlog(host), COUNT);
    assertEquals(traffic.map(({ arrived }) => arrived), all(0));
  });

  await t.step("changes nothing when it is run again, and leaves the deadline as it is", async () => {
    const ends = await Promise.all(managed.map(({ host }) => endsAtMs(host)));
    const { events, status } = await ansible.play(HOLD);
    assertEquals([status, changes(events, MAKE), changes(events, HOLD_IT)], [0, all(false), all(false)]);
    for (const [index, { host }] of managed.entries()) {
      assertEquals(await backlog(host), COUNT);
      assert(Math.abs(await endsAtMs(host) - ends[index]) < 1000, "the deadline is another");
    }
  });

  await t.step("says in check mode what would be released, and releases nothing", async () => {
    const { events, status } = await ansible.play(RELEASE, { words: ["--check", "--limit", "a"] });
    assertEquals([status, changes(events, LET_GO), changes(events, REMOVE)], [0, [true], [true]]);
    assertEquals(returned(events, LET_GO, "releasedPackets"), [COUNT]);
    assertEquals(traffic.map(({ arrived }) => arrived), all(0));
    for (const { host } of managed) assertEquals(await backlog(host), COUNT);
  });

  await t.step("releases on all hosts, counts, and removes the gates", async () => {
    const { events, status } = await ansible.play(RELEASE);
    assertEquals([status, changes(events, LET_GO), changes(events, REMOVE)], [0, all(true), all(true)]);
    assertEquals(returned(events, LET_GO, "releasedPackets"), all(COUNT));
    for (const each of traffic) await each.allArrive();
    assertEquals(managed.map(({ host }) => queuesOf(host)), all(""));
    await until(() => guardians().length === 0, { ...WAIT, what: "the end of guardians" });
  });

  await t.step("changes nothing the second time, says what is wrong, holds devices, and replaces gates", async () => {
    const { events, status } = await ansible.play(ONE_HOST);
    const outcome = Object.fromEntries(events.map(({ task, outcome, result: { changed, msg, rc } }) => [
      task,
      outcome === "ok" ? changed : rc === undefined ? msg : `${rc}: ${msg}`,
    ]));
    assertEquals([status, outcome], [0, ONE_HOST_OUTCOME]);
    assertEquals(returned(events, "release the second time", "notes"), [["there is no gate telemetry"]]);
    assertEquals(returned(events, "hold lo", "attached"), [["lo"]]);
    assertEquals(returned(events, "detach lo", "detached"), [["lo"]]);
    assertEquals(returned(events, "replace it", "diff"), [{
      before: { devices: ["lo"], direction: "out", match: ["udp"], limit: 1 << 24, priority: 1000 },
      after: { devices: ["lo"], direction: "out", match: ["tcp"], limit: 1 << 24, priority: 1000 },
    }]);
    assertEquals(guardians(), []);
    assertEquals(queuesOf(managed[0].host), "");
  });

  await t.step("holds on all hosts from one moment on", async () => {
    const { events, status } = await ansible.play(`${MAKE_OTHER}${MOMENT.replace(GATE, "other")}`);
    assertEquals(status, 0, JSON.stringify(events));
    const notes = returned(events, "Hold for a second from then on", "notes") as string[][];
    // How long after the moment each began, in milliseconds: they have one clock
    const late = notes.map((each) =>
      Number(/^holding gate other, ([0-9.]+) ms after that$/m.exec(each.join("\n"))?.[1])
    );
    assertEquals(late.map((ms) => ms >= 0 && ms < 1000), all(true), JSON.stringify(notes));
  });

  await t.step("releases where it can when a host is unreachable; there the deadline ends the hold", async () => {
    const [, , lost] = managed;
    const startMs = performance.now();
    let holding = 0;
    const lose = () => {
      for (const each of traffic) each.send();
      endServer(lost.host);
      Deno.writeTextFileSync(`${ansible.place.folder}/lost`, "");
    };
    const { events, status } = await ansible.play(losingOne(ansible.place.folder), {
      onEvent: ({ task }) => {
        if (task === "hold" && ++holding === managed.length) lose();
      },
    });
    const [ofA, ofB, ofLost] = changes(events, "release");
    assertEquals([status, ofA, ofB], [4, true, true]);
    assertMatch(String(ofLost), /^unreachable: /);
    for (const each of traffic) await each.allArrive();
    assert(performance.now() - startMs >= 40_000, "the hold that nobody has released has ended before its deadline");
    await until(() => guardians().length === 0, { ...WAIT, what: "the end of guardians" });
  });
});

/** Ends the server of a host, and all that it has started. */
function endServer(host: Host): void {
  for (const pid of runCommand(["ip", "netns", "pids", host.name]).split("\n").filter(Boolean)) {
    if (Deno.readTextFileSync(`/proc/${pid}/cmdline`).includes("sshd")) Deno.kill(Number(pid), "SIGKILL");
  }
}

/** The devices of gates, and the plugs that are at other devices. */
function queuesOf(host: Host): string {
  return host.run("ip", "-o", "link", "show", "type", "ifb") +
    host.run("tc", "qdisc", "show").split("\n").filter((line) => line.includes("qdisc plug")).join("\n");
}

/** How many packets wait in the gate of a host. */
async function backlog(host: Host): Promise<number> {
  const [{ backlogPackets }] = JSON.parse(await plugctlDone(host, "show", GATE, "--json"));
  return backlogPackets;
}

/** When a guardian releases the gate of a host, in milliseconds since 1970. */
async function endsAtMs(host: Host): Promise<number> {
  const [{ endsInMs }] = JSON.parse(await plugctlDone(host, "show", GATE, "--json"));
  return Date.now() + endsInMs;
}
