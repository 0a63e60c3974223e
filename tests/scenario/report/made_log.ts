/**
 * An event log, made up: two hosts, two gates, a plug, processes, a `repeat`, epochs, and an expectation that is not met.
 *
 * @module
 */

import type { QdiscStats } from "../../../codec/message.ts";
import type {
  Action,
  Outcome,
  Phase,
  RanProcess,
  ScenarioEnd,
  ScenarioEvent,
  ScenarioStart,
  StepEnd,
} from "../../../scenario/event.ts";

/** What a step of the log says; all but these is left as it is where nothing happens. */
export interface MadeStep {
  step: string;
  action: Action;
  text?: string;
  from: number;
  to: number;
  asked?: number;
  phase?: Phase;
  queues?: string[];
  host?: string;
  process?: string;
  outcome?: Outcome;
  sentence?: string;
  before?: Record<string, QdiscStats>;
  after?: Record<string, QdiscStats>;
  ran?: RanProcess;
  steps?: readonly MadeStep[];
}

/** Counters, of which those that are not given are 0; 74 bytes a packet. */
export function counters(packets: number, backlogPackets: number, drops = 0): QdiscStats {
  const bytes = packets * 74;
  return { packets, bytes, backlogPackets, backlogBytes: backlogPackets * 74, drops, requeues: 0, overlimits: 0 };
}

/** The events of a step and of those that it is made of. */
export function stepEvents({ steps = [], from, to, ...given }: MadeStep): ScenarioEvent[] {
  const { step, action, phase = "steps", queues = [], host, process, text = `${action} ${queues.join(" ")}` } = given;
  const mark = { phase, step, action, queues, host, process };
  const end: StepEnd = {
    event: "step-end",
    t: to,
    ...mark,
    outcome: given.outcome ?? "done",
    duration: to - from,
    errno: 0,
    errnoName: "",
    sentence: given.sentence ?? "",
    asked: given.asked,
    before: given.before ?? {},
    after: given.after ?? {},
    ran: given.ran,
  };
  return [{ event: "step-start", t: from, ...mark, line: 1, text }, ...steps.flatMap(stepEvents), end];
}

/** When the kernel is asked to change queues, and their counters around that. */
type Change = Required<Pick<MadeStep, "asked" | "before" | "after">>;

/** A step that changes queues: it takes a millisecond, in the middle of which the kernel is asked. */
function change(step: string, action: Action, { asked, before, after }: Change): MadeStep {
  return { step, action, from: asked - 500, to: asked + 500, asked, queues: Object.keys(before), before, after };
}

/** Counters between the steps. */
export function sample(t: number, queues: Record<string, QdiscStats>): ScenarioEvent {
  return { event: "sample", t, queues };
}

/** When the run began. */
const TIME = "2026-11-21T12:00:00.000Z";

/** The first event. */
export const START: ScenarioStart = {
  event: "scenario-start",
  t: 0,
  version: 1,
  name: "Two gates and a plug",
  description: "What a report shows, made up.",
  file: "made_up.yaml",
  seed: 7,
  vars: { rounds: 2 },
  time: TIME,
  environment: {
    plugctl: "0.1.0",
    deno: "2.9.6",
    kernel: "6.1.0",
    architecture: "x86_64",
    hostname: "somewhere",
  },
  hosts: [
    {
      name: "client",
      netns: "plugctl-1-client",
      devices: [{ name: "eth0", to: { host: "server", device: "eth0" }, addresses: ["10.0.0.1/24", "fd00::1/64"] }],
      routes: [{ to: "default", via: "10.0.0.2" }],
    },
    {
      name: "server",
      netns: "plugctl-1-server",
      devices: [{ name: "eth0", to: { host: "client", device: "eth0" }, addresses: ["10.0.0.2/24", "fd00::2/64"] }],
      routes: [],
    },
  ],
  queues: [
    {
      name: "web",
      kind: "gate",
      host: "client",
      devs: ["eth0"],
      direction: "egress",
      match: ["tcp dst port 8000 flags syn"],
      limitBytes: 1 << 20,
    },
    { name: "out", kind: "plug", host: "server", devs: ["eth0"] },
  ],
  timeoutMs: 60_000,
  maxHoldMs: 30_000,
};

/** A process that is started. */
export const LOAD = { name: "load", pid: 4711, command: ["python3", "load.py"], from: 60_000 };
/** What could become HTML, and what could not be seen. */
export const HOSTILE =
  "</pre></script><script>document.title='taken'</script><img src=x onerror=alert(1)>\x1b[31m\u202e";

/** The last event. */
export const END: ScenarioEnd = {
  event: "scenario-end",
  t: 800_000,
  outcome: "unmet",
  sentence: "web has drops 2, expected 0",
  step: "3",
  undone: true,
  queues: {
    web: { packets: 50, bytes: 3700, drops: 2, holds: 2, longestHold: 200_000, mostHeld: 20 },
    out: { packets: 10, bytes: 740, drops: 0, holds: 1, longestHold: 200_000, mostHeld: 4 },
  },
  steps: 8,
};

/** All of it. */
export const MADE_LOG: readonly ScenarioEvent[] = [
  START,
  ...stepEvents({ step: "setup.client", action: "make-host", phase: "setup", from: 1000, to: 20_000, host: "client" }),
  ...stepEvents({
    step: "setup.web",
    action: "attach",
    phase: "setup",
    from: 20_000,
    to: 50_000,
    queues: ["web"],
    after: { web: counters(0, 0) },
  }),
  ...stepEvents({
    step: "1",
    action: "start",
    text: "start load: python3 load.py",
    from: 60_000,
    to: 65_000,
    process: "load",
    ran: LOAD,
  }),
  sample(90_000, { web: counters(10, 0) }),
  ...stepEvents({
    step: "2",
    action: "repeat",
    text: "2 times",
    from: 100_000,
    to: 700_000,
    steps: [
      {
        step: "2[1]",
        action: "round",
        from: 100_000,
        to: 400_000,
        steps: [
          change("2[1].1", "buffer", {
            asked: 100_500,
            before: { web: counters(12, 0) },
            after: { web: counters(13, 0) },
          }),
          {
            step: "2[1].2",
            action: "run",
            text: "run printf",
            from: 110_000,
            to: 250_000,
            ran: {
              pid: 4712,
              command: ["printf", HOSTILE],
              from: 111_000,
              to: 249_000,
              exit: 0,
              stdout: HOSTILE,
              stderr: "",
            },
          },
          change("2[1].3", "release-indefinite", {
            asked: 300_200,
            before: { web: counters(13, 8) },
            after: { web: counters(21, 0) },
          }),
        ],
      },
      {
        step: "2[2]",
        action: "round",
        from: 400_000,
        to: 700_000,
        steps: [
          change("2[2].1", "buffer", {
            asked: 450_500,
            before: { web: counters(30, 0), out: counters(5, 0) },
            after: { web: counters(30, 0), out: counters(5, 0) },
          }),
          change("2[2].2", "buffer", {
            asked: 550_500,
            before: { out: counters(5, 3) },
            after: { out: counters(5, 3) },
          }),
          change("2[2].3", "release-one", {
            asked: 600_500,
            before: { out: counters(5, 4) },
            after: { out: counters(8, 1) },
          }),
          change("2[2].4", "release-indefinite", {
            asked: 650_500,
            before: { web: counters(30, 20, 2), out: counters(8, 2) },
            after: { web: counters(50, 0, 2), out: counters(10, 0) },
          }),
        ],
      },
    ],
  }),
  sample(150_000, { web: counters(13, 0) }),
  sample(160_000, { web: counters(13, 3) }),
  sample(200_000, { web: counters(13, 8) }),
  sample(500_000, { out: counters(5, 2) }),
  sample(520_000, { web: counters(30, 20, 2) }),
  ...stepEvents({
    step: "3",
    action: "expect",
    text: "expect web to have drops = 0",
    from: 710_000,
    to: 711_000,
    queues: ["web"],
    outcome: "unmet",
    sentence: "web has drops 2, expected 0",
    before: { web: counters(50, 0, 2) },
    after: { web: counters(50, 0, 2) },
  }),
  ...stepEvents({
    step: "undo.load",
    action: "stop",
    phase: "undo",
    from: 720_000,
    to: 740_000,
    process: "load",
    ran: { ...LOAD, to: 735_000, signal: "SIGTERM", stdout: "running\n", stderr: "Traceback: <none>\n" },
  }),
  ...stepEvents({
    step: "undo.web",
    action: "detach",
    phase: "undo",
    from: 741_000,
    to: 760_000,
    queues: ["web"],
    before: { web: counters(50, 0, 2) },
  }),
  END,
];

/** Packets of it, as they come in the log: of each gate in its order, what came in before what left. */
export const PACKETS: readonly ScenarioEvent[] = [
  packetIn(1, 120_000, "SYN"),
  packetIn(2, 121_000, "DATA 77 HTTP GET /<b>"),
  packetOut(1, 300_900, "SYN", 180_900),
  packetOut(2, 300_950, "DATA 77 HTTP GET /<b>", 179_950),
  packetIn(3, 600_000, "FIN+ACK"),
  {
    event: "packet-out",
    t: 500_000,
    unixNs: unixNsAt(500_000),
    queue: "out",
    length: 90,
    from: "[fd00::9]:53",
    to: "192.0.2.1",
    what: "UDP 48",
    bytes: "0102",
  },
];

/** Microseconds since the run began, by the kernel's clock. */
export function unixNsAt(t: number): string {
  return String(BigInt(Date.parse(TIME)) * 1_000_000n + BigInt(t) * 1000n);
}

function packetIn(number: number, t: number, what: string): ScenarioEvent {
  const bytes = "02706c00010002706c0000000800450000";
  return {
    event: "packet-in",
    t,
    unixNs: unixNsAt(t),
    queue: "web",
    length: 74,
    from: "10.0.0.1:40000",
    to: "10.0.0.2:80",
    what,
    number,
    bytes,
  };
}

function packetOut(number: number, t: number, what: string, waited: number): ScenarioEvent {
  return {
    event: "packet-out",
    t,
    unixNs: unixNsAt(t),
    queue: "web",
    length: 74,
    from: "10.0.0.1:40000",
    to: "10.0.0.2:80",
    what,
    number,
    waited,
  };
}

/** That a host is another machine, whose clock is known to so many microseconds. */
export function openedMachine(host: string, error: number): ScenarioEvent[] {
  const mark = { phase: "setup" as const, step: `setup.open.${host}`, action: "open-host", host, queues: [] };
  const environment = { plugctl: "1", deno: "2", kernel: "6.1", architecture: "x86_64", hostname: "db1" };
  const done = { outcome: "done" as const, duration: 1, errno: 0, errnoName: "", sentence: "", before: {}, after: {} };
  const opened = { clock: { error, by: "chrony" as const }, addresses: ["192.0.2.1"], environment };
  return [
    { event: "step-start", t: 1, ...mark, text: `open ${host} on db1` },
    { event: "step-end", t: 2, ...mark, ...done, opened },
  ];
}
