import type { Run } from "./context.ts";

/** An option, in every command that takes it. */
export interface OptionSpec {
  /** What stands for its value in help, `DEV`; absent for a switch. */
  readonly value?: string;
  /** Whether it may be given several times. */
  readonly many?: boolean;
  readonly short?: string;
  readonly summary: string;
}

/** What carries a command out, on its way. */
type Loading = Promise<Run>;

/** A command. */
export interface CommandSpec {
  readonly summary: string;
  /** What tc calls it. */
  readonly synonyms?: readonly string[];
  /** What follows the command, `SIZE`; in brackets where it may be left out, with dots where there may be more. */
  readonly operands?: readonly string[];
  readonly options: readonly OptionName[];
  /** Another command line that it takes, to the end: from the first operand on, or where there is one behind `--`. */
  readonly program?: "COMMAND..." | "[-- COMMAND...]";
  /** What options mean here, where that is not what they mean in every other command. */
  readonly meanings?: Readonly<Partial<Record<OptionName, string>>>;
  /** What stands for the value of options that are switches in other commands. */
  readonly values?: Readonly<Partial<Record<OptionName, string>>>;
  /** Loads what carries it out, only when it is at hand: `lazy-dynamic-imports` in `deno.json` sees to that. */
  readonly load: () => Loading;
}

/** Every option, under its name without the dashes. */
export const OPTIONS = {
  dev: {
    value: "DEV",
    many: true,
    short: "d",
    summary: "the device, by its name or an altname; may be given several times",
  },
  gate: { value: "GATE", many: true, short: "g", summary: "the gate; may be given several times" },
  parent: { value: "PARENT", short: "p", summary: "where the plug is: root, the default, or a class, MAJOR:MINOR" },
  handle: { value: "HANDLE", summary: "the plug's handle, MAJOR: in hexadecimal" },
  netns: { value: "NETNS", short: "n", summary: "the network namespace: NAME, a path, or pid:N" },
  container: { value: "NAME", short: "c", summary: "instead, a container of Docker or Podman: NAME, ID or a pattern" },
  pod: { value: "POD", summary: "instead, a pod of Kubernetes: NAMESPACE/NAME or a pattern" },
  limit: { value: "SIZE", short: "l", summary: "queue limit, such as 64k, 1m or 1MiB (1024-based bytes)" },
  hold: { summary: "hold packets from the first moment on" },
  check: { summary: "look whether it would be made, say so, and touch nothing" },
  replace: { summary: "delete the qdisc that is there, with its settings, for good" },
  direction: {
    value: "DIRECTION",
    summary: "in (ingress), out (egress) or both: which packets it sees",
  },
  match: { value: "EXPR", many: true, short: "m", summary: "which packets; several are alternatives (default all)" },
  except: { value: "EXPR", many: true, summary: "which of these pass nevertheless; several are alternatives" },
  first: { value: "EXPR", many: true, summary: "which of these leave first when it is released" },
  "with-arp": { summary: "hold ARP and neighbour discovery, too; without --match they pass" },
  every: { value: "N", summary: "only every Nth of the matching packets; the others pass" },
  probability: { value: "P", summary: "only so many of the matching packets, at random: 5%" },
  priority: { value: "N", summary: "lowest number wins when several gates match (default: the next free)" },
  for: { value: "DURATION", summary: "release after this time: 200ms, 5s" },
  until: { value: "CONDITION", short: "u", summary: "release when this is true: backlog>=10, sent>=1, drops>0" },
  "max-hold": { value: "DURATION", summary: "have a guardian release after this time, whatever happens" },
  at: { value: "TIME", summary: "begin at this time: +2s, 12:00:03.5, 2026-12-24T12:00:03Z, @SECONDS" },
  "max-late": { value: "DURATION", summary: "how late it may begin after --at (default 50ms)" },
  lease: { value: "DURATION", summary: "have a guardian release when its owner has not renewed it for so long" },
  "renew-fd": { value: "N", summary: "where its owner renews the lease: each line does; release releases" },
  "ready-fd": { value: "N", summary: "write a line to this file descriptor once it holds, and close it" },
  "expect-lossless": { summary: "exit with status 3 if a packet was dropped" },
  drop: { summary: "discard held packets instead of releasing them" },
  timeout: { value: "DURATION", short: "t", summary: "how long to wait for held packets to leave (default 5s)" },
  force: { short: "f", summary: "hold even a device that carries the default route or this SSH session" },
  set: { value: "KEY=VALUE", many: true, summary: "give a variable of the scenario another value" },
  seed: { value: "N", summary: "the seed of random choices (default: the file's, or a new one)" },
  report: { value: "FILE", summary: "write a page of HTML with the timeline, the holds and each step" },
  capture: { value: "FILE", summary: "write the packets of gates as pcapng; of several, a folder of them" },
  watch: { summary: "run again whenever a file of them changes, until Ctrl-C" },
  step: { summary: "stop before each step, to look around, or open a shell on a host" },
  jobs: { value: "N", summary: "how many scenarios run at once (default 1)" },
  junit: { value: "FILE", summary: "write how each scenario ended as JUnit's XML" },
  tap: { summary: "print how each scenario ended in the Test Anything Protocol" },
  annotations: { value: "SERVICE", summary: "print failures as a CI service shows them beside the file: github" },
  format: { value: "FORMAT", summary: "hex, the default, c for arrays in C, or json" },
  packets: { summary: "list the packets that wait, as packets does" },
  rate: { value: "RATE", summary: "release the packets of a gate step by step, so many in a time: 100/s" },
  over: { value: "DURATION", summary: "release the packets of a gate step by step within this time: 2s" },
  follow: { summary: "go on, and show each packet as it comes in and as it leaves" },
  write: { value: "FILE", short: "w", summary: "write a pcapng file; - is standard output" },
  output: { value: "FILE", short: "o", summary: "write to this file (default: standard output)" },
  arrivals: { summary: "write packets as they came in, not as they left" },
  snaplen: { value: "N", summary: "how many bytes of each packet are kept (default 256)" },
  pcap: { value: "FILE", summary: "a capture made on an nlmon device; - is standard input" },
  listen: {
    value: "PORT",
    summary: "listen on TCP, with a token: on a port of 127.0.0.1, or at ADDRESS:PORT",
  },
  socket: { value: "FILE", summary: "the Unix socket, this user's alone (default /run/plugctl.sock)" },
  "token-file": { value: "FILE", summary: "a file with the token that requests over TCP must have" },
  policy: { value: "FILE", summary: "what may be held (default /etc/plugctl/policy.yaml, where that is there)" },
  "allow-run": { summary: "let askers run scenarios, and so commands as this user" },
  all: { summary: "every network namespace" },
  continue: { summary: "go on with the next line where one has failed" },
  uml: { summary: "run on a kernel of its own, as plugctl uml does: no root, no module" },
  mem: { value: "SIZE", summary: "the memory of the kernel (default 2g)" },
  rw: { value: "DIR", many: true, summary: "a folder of this machine that the command may really write to" },
  nats: {
    value: "URL",
    many: true,
    summary: "the broker: nats://HOST:4222 or tls://HOST:4222 (default $PLUGCTL_NATS)",
  },
  creds: { value: "FILE", summary: "credentials for the broker, as nsc writes them" },
  ca: { value: "FILE", summary: "the authority that signs the broker's certificate" },
  cert: { value: "FILE", summary: "a certificate for the broker, with its --key" },
  key: { value: "FILE", summary: "the key of --cert" },
  group: { value: "GROUP", summary: "the group of hosts (default: default)" },
  name: { value: "HOST", summary: "what this host is called in the fleet (default: its host name)" },
  label: { value: "KEY=VALUE", many: true, summary: "what this host is, such as role=db; may be given several times" },
  state: { value: "DIR", summary: "where the log of events is kept (default /var/lib/plugctl)" },
  on: {
    value: "PATTERN",
    many: true,
    summary: "which hosts: names, in which * stands for anything, or labels: role=db",
  },
  require: { value: "N", summary: "how many hosts must be ready: all, the default, or a number" },
  "max-skew": { value: "DURATION", summary: "how well each host's clock must be known (default 5ms)" },
  broadcast: { summary: "begin at one word to all, and ask no clock" },
  brief: { summary: "a line for each message, without its fields" },
  json: { short: "j", summary: "print JSON" },
  "dry-run": { summary: "print what would be sent, field by field and in hex, and open no socket" },
  quiet: { short: "q", summary: "print no warnings and no notes" },
  verbose: { short: "v", summary: "print each message sent and received to stderr" },
  help: { short: "h", summary: "print this help" },
} as const satisfies Record<string, OptionSpec>;

export type OptionName = keyof typeof OPTIONS;

/** An option as a command takes it. */
export function optionOf(name: OptionName, command?: CommandName): OptionSpec {
  const { values, meanings }: Partial<CommandSpec> = command ? COMMANDS[command] : {};
  const option: OptionSpec = OPTIONS[name];
  return { ...option, value: values?.[name] ?? option.value, summary: meanings?.[name] ?? option.summary };
}

/** How the network namespace is named that a command is about. */
const WHERE = ["netns", "container", "pod"] as const;
/** How the broker of a fleet is reached. */
const BROKER = ["nats", "creds", "ca", "cert", "key", "group"] as const;
/** How a hold begins, ends, and is told. */
const HOLD = [
  "limit",
  "except",
  "at",
  "max-late",
  "for",
  "until",
  "lease",
  "renew-fd",
  "max-hold",
  "ready-fd",
  "report",
  "expect-lossless",
  "timeout",
  "force",
] as const;
const HOLD_MEANINGS = {
  "except": "which packets of a device pass meanwhile, as for gate add",
  "force": "hold a gate though its packets bypass filters of others",
  "max-hold": "have a guardian release after this time (default 30s, or --for + 5s)",
  "report": "write what was held as JSON to FILE, or an open file descriptor: fd:3",
  "json": "print what was held as JSON; with a command use --report",
} as const;
const PLUG = ["dev", "parent", "handle", ...WHERE] as const;
const QUEUE = ["dev", "gate", "parent", "handle", ...WHERE] as const;
const COMMON = ["json", "dry-run", "quiet", "verbose", "help"] as const;

/** Every command, in the order of the help. */
export const COMMANDS = {
  attach: {
    summary: "create a plug on a device; packets pass until it is told to hold them",
    operands: ["[DEV...]"],
    options: ["dev", "parent", "handle", ...WHERE, "limit", "hold", "replace", "force", ...COMMON],
    load: (): Loading => import("./commands/attach.ts").then(({ attach }) => attach),
  },
  detach: {
    summary: "release what is held, wait until it has left, and delete the plug",
    operands: ["[DEV...]"],
    options: [...PLUG, "drop", "force", "timeout", ...COMMON],
    meanings: { force: "also a plug that another process is using; that process is told" },
    load: (): Loading => import("./commands/attach.ts").then(({ detach }) => detach),
  },
  buffer: {
    summary: "hold packets from here on; again: end the epoch and begin the next",
    synonyms: ["block"],
    operands: ["[NAME...]"],
    options: [...QUEUE, "max-hold", "force", ...COMMON],
    meanings: { force: "hold this SSH session or the default route; bypass filters of others" },
    load: (): Loading => import("./commands/change.ts").then(({ buffer }) => buffer),
  },
  hold: {
    summary: "hold for a time, while a command runs, or until a condition is met, then release",
    operands: ["[NAME...]"],
    program: "[-- COMMAND...]",
    options: [...QUEUE, ...HOLD, ...COMMON],
    meanings: HOLD_MEANINGS,
    load: (): Loading => import("./commands/hold.ts").then(({ run }) => run),
  },
  arm: {
    summary: "check and set up a hold that begins later: at a time, or when it is told",
    operands: ["[NAME...]"],
    program: "[-- COMMAND...]",
    options: [...QUEUE, ...HOLD, ...COMMON],
    meanings: HOLD_MEANINGS,
    load: (): Loading => import("./commands/hold.ts").then(({ runArm }) => runArm),
  },
  release: {
    summary: "release everything and pass packets from here on",
    synonyms: ["release-indefinite", "release_indefinite"],
    operands: ["[NAME...]"],
    options: [...QUEUE, "packets", "first", "rate", "over", ...COMMON],
    values: { packets: "N" },
    meanings: {
      packets: "release only the N oldest packets of a gate, and go on holding the rest",
      first: "be sure that these leave first: the gate was made with the same --first",
    },
    load: (): Loading => import("./commands/change.ts").then(({ release }) => release),
  },
  "release-one": {
    summary: "release the epoch that the last buffer ended",
    operands: ["[NAME...]"],
    options: [...QUEUE, "packets", ...COMMON],
    values: { packets: "N" },
    meanings: { packets: "instead, the N oldest packets of a gate, as release --packets does" },
    load: (): Loading => import("./commands/change.ts").then(({ release }) => release),
  },
  discard: {
    summary: "discard what gates hold, and go on holding",
    operands: ["[NAME...]"],
    options: ["gate", ...WHERE, ...COMMON],
    load: (): Loading => import("./commands/change.ts").then(({ discard }) => discard),
  },
  limit: {
    summary: "set the queue limit of a plug: packets beyond it are dropped",
    operands: ["SIZE", "[NAME...]"],
    options: [...QUEUE, "force", ...COMMON],
    meanings: { force: "also below the MTU of a device with the default route or this SSH session" },
    load: (): Loading => import("./commands/change.ts").then(({ limit }) => limit),
  },
  show: {
    summary: "list the plugs with what they sent, hold and dropped",
    operands: ["[NAME...]"],
    options: [
      "packets",
      "for",
      "snaplen",
      "dev",
      "gate",
      ...WHERE,
      "json",
      "quiet",
      "verbose",
      "help",
    ],
    meanings: { for: "with --packets, look for this time before the list (default 1s)" },
    load: (): Loading => import("./commands/show.ts").then(({ run }) => run),
  },
  "gate add": {
    summary: "make a gate, which holds only the packets that match, in either direction",
    operands: ["NAME", "[DEV...]"],
    options: [
      "dev",
      "direction",
      "match",
      "except",
      "first",
      "with-arp",
      "every",
      "probability",
      "limit",
      "priority",
      "hold",
      "replace",
      "force",
      "check",
      ...WHERE,
      ...COMMON,
    ],
    meanings: {
      replace: "take down another gate of this name first",
      force: "hold this SSH session or the default route; bypass filters of others",
    },
    load: (): Loading => import("./commands/gate.ts").then(({ addGate }) => addGate),
  },
  "gate list": {
    summary: "list the gates, with what they match, hold and dropped",
    operands: ["[GATE...]"],
    options: [...WHERE, "json", "quiet", "verbose", "help"],
    load: (): Loading => import("./commands/gate.ts").then(({ showGates }) => showGates),
  },
  "gate delete": {
    summary: "release what gates hold, wait until it has left, and delete them",
    operands: ["GATE..."],
    options: [...WHERE, "drop", "force", "timeout", ...COMMON],
    meanings: { force: "also a gate that another process is using; that process is told" },
    load: (): Loading => import("./commands/gate.ts").then(({ deleteGate }) => deleteGate),
  },
  new: {
    summary: "write a scenario to begin with",
    operands: ["FILE"],
    options: ["help"],
    load: (): Loading => import("./commands/run.ts").then(({ write }) => write),
  },
  run: {
    summary: "run scenarios: hold, release, run programs, check the outcome",
    operands: ["FILE..."],
    options: [
      "set",
      "seed",
      "max-hold",
      "step",
      "watch",
      "jobs",
      "report",
      "capture",
      "junit",
      "tap",
      "annotations",
      "uml",
      "mem",
      ...BROKER,
      "json",
      "dry-run",
      "quiet",
      "verbose",
      "help",
    ],
    meanings: {
      "report": "write a page of HTML of what happened; of several, a folder of them",
      "max-hold": "how long a queue may hold without a release (default: the file's, 30s)",
      "json": "print the event log, a JSON object a line",
      "dry-run": "print what it would do, and touch nothing",
      "quiet": "show no steps, and print no warnings and no notes",
      "verbose": "show what processes write as they write it, and how all is undone",
    },
    load: (): Loading => import("./commands/run.ts").then(({ run }) => run),
  },
  record: {
    summary: "turn what is done by hand into a scenario",
    operands: ["[NAME...]"],
    options: ["output", "for", "dev", "gate", ...WHERE, "quiet", "help"],
    meanings: { for: "stop after this time: 200ms, 5s (default: Ctrl-C)" },
    load: (): Loading => import("./commands/record.ts").then(({ run }) => run),
  },
  shell: {
    summary: "open a shell on a host of a scenario that runs, or run a command there",
    operands: ["HOST"],
    program: "[-- COMMAND...]",
    options: ["help"],
    load: (): Loading => import("./commands/shell.ts").then(({ run }) => run),
  },
  batch: {
    summary: "carry out command lines of plugctl, one a line, in one process",
    operands: ["[FILE]"],
    options: [...WHERE, "continue", "quiet", "help"],
    meanings: { netns: "the network namespace of the lines that name none" },
    load: (): Loading => import("./commands/batch.ts").then(({ run }) => run),
  },
  session: {
    summary: "hold and release for another program, which sends requests as lines of JSON",
    options: ["policy", ...WHERE, "max-hold", "quiet", "help"],
    meanings: { "max-hold": "the longest that a request holds if it says nothing else (default 30s)" },
    load: (): Loading => import("./commands/session.ts").then(({ run }) => run),
  },
  serve: {
    summary: "hold and release for other programs, which ask over HTTP",
    options: ["socket", "listen", "token-file", "policy", "allow-run", ...WHERE, "max-hold", "quiet", "help"],
    meanings: { "max-hold": "the longest that anything is held (default 30s)" },
    load: (): Loading => import("./commands/serve.ts").then(({ run }) => run),
  },
  agent: {
    summary: "answer for this host in a fleet, by a NATS broker",
    options: [...BROKER, "name", "label", "state", "policy", "allow-run", "max-hold", "quiet", "help"],
    meanings: { "max-hold": "the longest that anything is held (default 30s)" },
    load: (): Loading => import("./commands/agent.ts").then(({ run }) => run),
  },
  "fleet list": {
    summary: "list the hosts of a fleet",
    options: ["on", ...BROKER, "json", "quiet", "help"],
    load: (): Loading => import("./commands/fleet.ts").then(({ list }) => list),
  },
  "fleet hold": {
    summary: "hold on many hosts at one moment",
    operands: ["NAME..."],
    program: "[-- COMMAND...]",
    options: [
      "on",
      "match",
      "except",
      "direction",
      "at",
      "for",
      "lease",
      "require",
      "max-skew",
      "broadcast",
      "force",
      ...BROKER,
      "json",
      "quiet",
      "help",
    ],
    meanings: {
      at: "when it begins on all hosts (default +1s)",
      lease: "how long a host goes on that hears nothing (default 1s)",
      force: "hold gates though their packets bypass filters of others",
      match: "which packets of a device; several are alternatives (default all)",
    },
    load: (): Loading => import("./commands/fleet.ts").then(({ hold }) => hold),
  },
  "fleet release": {
    summary: "release on many hosts: what is named, or all that fleet hold holds there",
    operands: ["[NAME...]"],
    options: ["on", ...BROKER, "json", "quiet", "help"],
    load: (): Loading => import("./commands/fleet.ts").then(({ release }) => release),
  },
  "fleet run": {
    summary: "run a scenario on many hosts at once, on each by itself",
    operands: ["FILE"],
    options: ["on", "set", "seed", "report", ...BROKER, "json", "quiet", "help"],
    meanings: { report: "a folder for the hosts' reports, HOST.html of each" },
    values: { report: "DIR" },
    load: (): Loading => import("./commands/fleet.ts").then(({ run }) => run),
  },
  "fleet watch": {
    summary: "tell what happens on the hosts of a fleet, as it happens",
    options: ["on", ...BROKER, "json", "quiet", "help"],
    load: (): Loading => import("./commands/fleet.ts").then(({ watch }) => watch),
  },
  recover: {
    summary: "release and remove everything that plugctl has left behind",
    options: [
      ...WHERE,
      "all",
      "drop",
      "force",
      "timeout",
      "json",
      "dry-run",
      "quiet",
      "verbose",
      "help",
    ],
    meanings: {
      "force": "also what other processes are using; they are told",
      "dry-run": "print what would be released and removed, and touch nothing",
    },
    load: (): Loading => import("./commands/recover.ts").then(({ run }) => run),
  },
  packets: {
    summary: "list the packets that wait, or show each as it comes in and as it leaves",
    operands: ["[NAME...]"],
    options: [
      "gate",
      "dev",
      "parent",
      "handle",
      "follow",
      "for",
      "snaplen",
      ...WHERE,
      "json",
      "quiet",
      "help",
    ],
    meanings: { for: "how long to look, such as 5s (default 1s; with --follow until Ctrl-C)" },
    load: (): Loading => import("./commands/capture.ts").then(({ packets }) => packets),
  },
  capture: {
    summary: "write packets to a pcapng file, with how long each was held",
    operands: ["[NAME...]"],
    options: [
      "write",
      "arrivals",
      "gate",
      "dev",
      "parent",
      "handle",
      "for",
      "snaplen",
      ...WHERE,
      "quiet",
      "help",
    ],
    meanings: { for: "stop after this time: 200ms, 5s (default: Ctrl-C)" },
    load: (): Loading => import("./commands/capture.ts").then(({ capture }) => capture),
  },
  watch: {
    summary: "show gates and plugs live, with what waits; hold and release by keys",
    operands: ["[NAME...]"],
    options: ["dev", "gate", "max-hold", "for", ...WHERE, "json", "quiet", "help"],
    meanings: {
      "max-hold": "how long a guardian lets what a key holds wait at most (default 30s)",
      "for": "print events instead, and stop after this time: 200ms, 5s",
      "json": "print events instead, a JSON object a line",
    },
    load: (): Loading => import("./commands/watch.ts").then(({ run }) => run),
  },
  encode: {
    summary: "print the bytes that a command would send",
    program: "COMMAND...",
    options: ["format", "json", "help"],
    meanings: { json: "the same as --format json" },
    load: (): Loading => import("./commands/messages.ts").then(({ encode }) => encode),
  },
  decode: {
    summary: "decode bytes, field by field, with the kernel's names",
    operands: ["[MESSAGE...]"],
    options: ["pcap", "all", "brief", "json", "quiet", "help"],
    meanings: { all: "every message of the capture, whatever it is about: rtnetlink and generic netlink" },
    load: (): Loading => import("./commands/messages.ts").then(({ decode }) => decode),
  },
  uml: {
    summary: "run a command as root on a kernel that has what plugctl needs",
    program: "[-- COMMAND...]",
    options: ["mem", "rw", "quiet", "help"],
    load: (): Loading => import("./commands/uml.ts").then(({ run }) => run),
  },
  doctor: {
    summary: "check whether this machine can run plugctl, and how to fix it if not",
    options: ["json", "quiet", "help"],
    load: (): Loading => import("./commands/doctor.ts").then(({ run }) => run),
  },
  completions: {
    summary: "print the completions of command lines for bash, zsh or fish",
    operands: ["SHELL"],
    options: ["help"],
    load: (): Loading => import("./commands/completions.ts").then(({ run }) => run),
  },
  help: {
    summary: "print help about plugctl or a command",
    operands: ["[COMMAND...]"],
    options: ["help"],
    load: (): Loading => import("./commands/help.ts").then(({ help }) => help),
  },
  version: {
    summary: "print the version",
    options: ["json", "help"],
    load: (): Loading => import("./commands/help.ts").then(({ version }) => version),
  },
} as const satisfies Record<string, CommandSpec>;

export type CommandName = keyof typeof COMMANDS;
