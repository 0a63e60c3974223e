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
  /** The long help, a paragraph each; a function, as few command lines ask for it and all take the time to read it. */
  readonly details: () => readonly string[];
  /** Command lines, without the program's name, and what each does. */
  readonly examples: () => readonly (readonly [line: string, does: string])[];
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
    summary: "which hosts: db1,db2; * stands for anything; or a label: role=db",
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
    details: () => [
      "Creates the plug and releases it in one send, so no packet is held in between. Without --limit the plug holds " +
      "up to txqueuelen packets of the device's MTU.",
      "The plug takes the place of the device's own queueing discipline until it is detached. A queueing discipline " +
      "that somebody else configured is left alone: use a gate there. With --replace it is deleted, with its " +
      "settings, for good.",
      "A plug holds all that leaves the device, ARP and neighbour discovery too, without which hosts lose each other within " +
      "a minute. A gate without a match lets these pass.",
    ],
    examples: () => [
      ["attach eth0", "be ready to hold what leaves eth0"],
      ["attach eth0 --limit 16m --hold", "hold from the first moment on, up to 16 MiB"],
      ["attach eth0 --parent 1:4 --handle 40:", "below a class of the qdisc that eth0 has"],
    ],
    load: (): Loading => import("./commands/attach.ts").then(({ attach }) => attach),
  },
  detach: {
    summary: "release what is held, wait until it has left, and delete the plug",
    operands: ["[DEV...]"],
    options: [...PLUG, "drop", "force", "timeout", ...COMMON],
    meanings: { force: "also a plug that another process is using; that process is told" },
    details: () => [
      "If packets have not left within the timeout, the plug stays where it is, released, and detach fails. SIGINT, " +
      "SIGTERM and SIGHUP end the waiting; everything was released before it began.",
    ],
    examples: () => [
      ["detach eth0", "remove the plug without losing a packet"],
      ["detach eth0 --drop", "discard what it holds"],
    ],
    load: (): Loading => import("./commands/attach.ts").then(({ detach }) => detach),
  },
  buffer: {
    summary: "hold packets from here on; again: end the epoch and begin the next",
    synonyms: ["block"],
    operands: ["[NAME...]"],
    options: [...QUEUE, "max-hold", "force", ...COMMON],
    meanings: { force: "hold this SSH session or the default route; bypass filters of others" },
    details: () => [
      "Packets sent from now on wait in the kernel, in order. Each further buffer ends an epoch, which release-one " +
      "releases. The kernel remembers one ended epoch: release it before the next buffer, or it is counted as part " +
      "of the next.",
      "With --max-hold a guardian, a separate process that outlives this command, releases everything after that " +
      "time, counted from the last buffer with --max-hold. The guardian ends earlier if plugctl releases the plug, " +
      "or if the plug, its device or its network namespace is deleted. If another tool changes the plug more than " +
      "once, so that it may have been released and be held again by somebody else, the guardian leaves it alone and " +
      "says so in the kernel's log. A device that carries the default route may be held with such a deadline.",
      "A gate whose packets would bypass filters that others have put behind it is refused without --force; the " +
      "error names the filters.",
    ],
    examples: () => [
      ["buffer eth0", "hold what leaves eth0"],
      ["buffer eth0 --max-hold 30s", "and release it after 30 seconds at the latest"],
      ["buffer eth0 eth1", "hold both, in one send"],
      ["buffer web", "hold what the gate web matches, and nothing else"],
    ],
    load: (): Loading => import("./commands/change.ts").then(({ buffer }) => buffer),
  },
  hold: {
    summary: "hold for a time, while a command runs, or until a condition is met, then release",
    operands: ["[NAME...]"],
    program: "[-- COMMAND...]",
    options: [...QUEUE, ...HOLD, ...COMMON],
    meanings: HOLD_MEANINGS,
    details: () => [
      "Attaches a plug where a device has none, holds, runs the command, and releases as soon as the command ends, " +
      "--for has passed or --until is met. It then waits until every held packet has left, removes what it attached, " +
      "and waits for the command if that still runs. It reports how much was held, and for how long at most.",
      "A device with a qdisc of its own at its root, such as netem, is held through a gate made for that: it holds " +
      "all that leaves the device before the qdisc gets it, and the qdisc stays as it is. So is a device with a " +
      "clsact if other processors could send while a plug is added or removed; a gate loses nothing there. The line " +
      "that is printed says so.",
      "A condition is backlog, sent or drops (packets), or backlog-bytes or sent-bytes (a SIZE), then =, !=, >, >=, " +
      "< or <=, then a number. sent and drops count from the beginning of the hold, over all queues.",
      "If this process is killed, a guardian, a separate process, releases at once, removes what was attached, and " +
      "ends the command and what it started, except for daemons. It also releases after --max-hold: 30s if not " +
      "given, or 5s more than a --for that is longer than 25s.",
      "Prints holding DEVICE on standard error once it holds. With --ready-fd N it also writes a line to that file " +
      "descriptor, so that a script need not guess: mkfifo f; plugctl hold eth0 --for 5s --ready-fd 3 3>f & read " +
      "line <f.",
      "With --at it is armed first: all is checked and set up, and packets pass. At that time it begins, within a " +
      "fraction of a millisecond on an idle machine, and says by how much. A time that has passed is refused, also " +
      "where arming has taken longer than that, by more than --max-late. Steps of the clock in between change nothing.",
      "With --lease DURATION --renew-fd N somebody else keeps it going: each line written to the file descriptor " +
      "renews the lease from then on, up to --max-hold; the line release releases. Where no line comes, the guardian " +
      "releases when the lease ends, also while this process is stopped, and the exit status is 1.",
      "A gate whose packets would bypass filters that others have put behind it is refused without --force; the " +
      "error names the filters.",
      "The exit status is the command's own; 127 if there is no such command, 126 if it cannot be run; 1 if the " +
      "guardian had to release; 3 if packets were dropped and --expect-lossless is given. SIGINT, SIGTERM and " +
      "SIGHUP release first, and are passed on to the command.",
    ],
    examples: () => [
      ["hold eth0 --for 200ms", "hold what leaves eth0 for 200 ms"],
      ["hold web -- systemctl reload haproxy", "hold what the gate web matches while HAProxy reloads"],
      ["hold web --until 'backlog>=10' --for 5s", "until ten packets wait, for at most five seconds"],
      ["hold web --for 300ms -- curl http://10.0.0.2/", "have curl wait for 300 ms, and print its answer"],
      ["hold web --at 12:00:03.5 --for 1s", "from a moment on that other machines hold at, too"],
      ["hold web --lease 1s --renew-fd 0", "for as long as a line comes in by standard input each second"],
    ],
    load: (): Loading => import("./commands/hold.ts").then(({ run }) => run),
  },
  arm: {
    summary: "check and set up a hold that begins later: at a time, or when it is told",
    operands: ["[NAME...]"],
    program: "[-- COMMAND...]",
    options: [...QUEUE, ...HOLD, ...COMMON],
    meanings: HOLD_MEANINGS,
    details: () => [
      "As hold, but without --at it begins when a line comes in on standard input. Till then packets pass, and all that can be " +
      "refused was refused. Prints armed NAME on standard error once it is ready, and holding NAME once it holds; " +
      "--ready-fd N gets both lines.",
      "Where standard input ends before a line has come, nothing was held, and the exit status is 1.",
    ],
    examples: () => [
      ["arm web --for 1s", "ready; holds for a second from the first line on standard input on"],
      ["arm eth0 --at +5s --lease 1s --renew-fd 3", "in five seconds, for as long as a line a second comes in by 3"],
    ],
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
    details: () => [
      "Held packets leave at once, at the device's full rate: a UDP receiver with a small buffer may lose some of " +
      "them, unless they leave step by step by --rate or --over. The exit status is 1 if packets of a gate are lost because a device that it was on is gone. If nothing " +
      "was held, a note says so.",
      "With --packets N the N packets that have waited longest leave; if fewer wait, they all do, and a note says so. " +
      "The gate goes on holding. What stays belongs to the epoch that the next buffer ends. A packet that comes in " +
      "while it is done may leave too: a note says how many really left. A burst that the kernel segments later " +
      "(GSO) is one packet. This takes a gate, and CAP_NET_RAW: a plug on a device would send the packets that " +
      "plugctl puts into the queue to count with.",
      "then between names sets their order: of release a then b, everything that a holds is on its way before b is " +
      "released. Without it all are released in one send. A gate called then is named with --gate.",
      "What a gate was made to let go first (gate add --first) leaves before the rest, whatever came first. With --first EXPR a " +
      "gate that was made without the same is refused: packets are sorted as they come in.",
      "With --rate or --over the packets of a gate leave step by step, the oldest first, every 10 ms at most, and the " +
      "gate passes from the end on. Packets that come in meanwhile wait behind. With --rate it ends when nothing waits " +
      "any more, or after twice the time that those need that waited at first: what still waits then leaves at once, " +
      "and a note says how many that were. It also does at once on SIGINT, SIGTERM and SIGHUP, and, by a guardian, if " +
      "plugctl is killed.",
      "This is RELEASE_INDEFINITE of the kernel. What tc calls release is RELEASE_ONE: here that is release-one.",
    ],
    examples: () => [
      ["release second then first", "everything that second holds, and behind that what first holds"],
      ["release web --over 2s", "release everything that the gate web holds within two seconds"],
      [
        "release web --first fin",
        "everything that it holds, ends of connections first, as gate add web --first fin said",
      ],
      ["release web --packets 3", "release the three oldest packets, hold the rest"],
      ["release eth0", "release everything that eth0 holds"],
      ["release web", "release everything that the gate web holds"],
    ],
    load: (): Loading => import("./commands/change.ts").then(({ release }) => release),
  },
  "release-one": {
    summary: "release the epoch that the last buffer ended",
    operands: ["[NAME...]"],
    options: [...QUEUE, "packets", ...COMMON],
    values: { packets: "N" },
    meanings: { packets: "instead, the N oldest packets of a gate, as release --packets does" },
    details: () => [
      "A second release-one without a buffer in between releases nothing; it says so, and why, on standard error.",
      "This is RELEASE_ONE of the kernel, which tc calls release.",
    ],
    examples: () => [["release-one eth0", "release the last ended epoch, and go on holding what came after it"]],
    load: (): Loading => import("./commands/change.ts").then(({ release }) => release),
  },
  discard: {
    summary: "discard what gates hold, and go on holding",
    operands: ["[NAME...]"],
    options: ["gate", ...WHERE, ...COMMON],
    details: () => [
      "The packets are gone, as if they had been lost on the way; it says how many. What comes in at that very moment is " +
      "discarded and counted, too; what comes later is held.",
      "NAME is a gate, and it discards all that this holds: the kernel has no way to discard some packets of a queue. To lose only " +
      "some, give them a gate of their own before they come, or let the oldest go first by release --packets N. What a " +
      "plug on a device holds, detach --drop discards.",
    ],
    examples: () => [["discard web", "lose what the gate web holds, so that its senders send it again"]],
    load: (): Loading => import("./commands/change.ts").then(({ discard }) => discard),
  },
  limit: {
    summary: "set the queue limit of a plug: packets beyond it are dropped",
    operands: ["SIZE", "[NAME...]"],
    options: [...QUEUE, "force", ...COMMON],
    meanings: { force: "also below the MTU of a device with the default route or this SSH session" },
    details: () => [
      "The size may also come last. A limit below the present backlog keeps what is held and drops new packets. " +
      "Packets longer than the limit are dropped, held or not: a limit below the MTU of a device that carries the " +
      "default route or this SSH session is refused without --force.",
    ],
    examples: () => [["limit 4m eth0", "hold up to 4 MiB"], ["limit web 4m", "hold up to 4 MiB at the gate web"]],
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
    details: () => [
      "The kernel does not tell whether a plug holds, nor its limit; a backlog above 0 means that it holds. For what " +
      "gates match, see gate list. The JSON says in how many milliseconds a guardian releases at the latest, as endsInMs.",
      "With --packets it lists the packets that wait in the named gates and plugs, as packets does.",
    ],
    examples: () => [
      ["show", "every plug of this network namespace"],
      ["show eth0", "those of eth0"],
      ["show web --packets", "the packets that wait in the gate web"],
      ["show web --json", "that of the gate web, for a program"],
    ],
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
    details: () => [
      "A gate is a device of its own, plug-NAME, with a plug, and filters on the given devices that send matching " +
      "packets through it and back. Other packets are not affected, and the devices keep their queueing disciplines. " +
      "It passes packets until buffer NAME, and stays until gate delete NAME; no file is kept anywhere.",
      "A match is written as for tcpdump: port 80, tcp dst port http, host 10.0.0.1, src net 10.0.0.0/8, syn and not " +
      "ack, vlan 12 and udp, with and, or, not and brackets. docs/MATCHES.md has every word. It becomes flower " +
      "filters; what they cannot express, as greater 100, tcp[13] & 1 != 0 or not port 22, libpcap compiles into a program " +
      "for the kernel's cls_bpf, which --dry-run prints as tcpdump -d does. A match that no packet can meet is refused.",
      "Without --match it holds all packets but ARP and neighbour discovery (arp and nd), without which hosts lose each other " +
      "within a minute; --with-arp holds these, too.",
      "What --except matches passes as if there were no gate, whatever the match says: gate add all eth0 --direction out " +
      "--except 'tcp port 22'. It takes up to 64 filters more.",
      "What --first matches waits in a queue of its own, which a release empties before the other, whatever came first; each of " +
      "the two holds up to --limit. Such a gate has no release by --packets, --rate or --over.",
      "With --every 10 or --probability 5% the gate gets only some of the packets that match, and the others pass: what is " +
      "held and released later is reordered against them. One packet that is held may stop a connection: such a gate is " +
      "refused where one of all would be.",
      "Filters that others have put at later priorities on the same hook do not see what the gate takes: that is " +
      "refused without --force. So is a gate that holds this SSH session, or all of a default route, with --hold.",
      "Without --limit it holds up to 16 MiB. Adding the same gate again changes nothing and is not an error; a name " +
      "that another gate has is refused, unless --replace is given. With --check it is refused in the same way, and otherwise " +
      "said what would be done.",
    ],
    examples: () => [
      [
        "gate add web lo --direction out --match 'tcp dst port 8000 and syn'",
        "new connections to port 8000",
      ],
      ["gate add dns eth0 --direction in --match 'udp src port 53'", "the answers of name servers"],
      [
        "gate add bond eth0 eth1 --direction out --match 'dst net fd00::/64'",
        "one gate for two devices",
      ],
    ],
    load: (): Loading => import("./commands/gate.ts").then(({ addGate }) => addGate),
  },
  "gate list": {
    summary: "list the gates, with what they match, hold and dropped",
    operands: ["[GATE...]"],
    options: [...WHERE, "json", "quiet", "verbose", "help"],
    details: () => [
      "Everything is read from the kernel, so gates are listed whichever process made them, also incomplete ones " +
      "whose maker was killed.",
    ],
    examples: () => [["gate list", "every gate of this network namespace"], ["gate list web", "the gate web"]],
    load: (): Loading => import("./commands/gate.ts").then(({ showGates }) => showGates),
  },
  "gate delete": {
    summary: "release what gates hold, wait until it has left, and delete them",
    operands: ["GATE..."],
    options: [...WHERE, "drop", "force", "timeout", ...COMMON],
    meanings: { force: "also a gate that another process is using; that process is told" },
    details: () => [
      "The gate passes packets until it is empty, then its filters go, then its device. The clsact qdisc that gates " +
      "made goes with the last of them on a machine with one processor. With several it stays, empty, because " +
      "removing it would lose packets; a note says so. An incomplete gate is deleted in the same way.",
    ],
    examples: () => [["gate delete web", "remove the gate web without losing a packet"]],
    load: (): Loading => import("./commands/gate.ts").then(({ deleteGate }) => deleteGate),
  },
  new: {
    summary: "write a scenario to begin with",
    operands: ["FILE"],
    options: ["help"],
    details: () => [
      "The scenario has two hosts, a server, a client and a gate, explains itself, and runs at once with Python 3. FILE " +
      "gets .yaml where it has no such ending; what is there already is not touched.",
    ],
    examples: () => [["new late-answer", "write late-answer.yaml"], [
      "new scenarios/late-answer",
      "the same in a folder that is there",
    ]],
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
    details: () => [
      "The file is YAML. It is checked as a whole before anything is touched; each mistake is reported as " +
      "FILE:LINE:COLUMN. At the end everything is undone, however the run ends, also by a signal or a deadline.",
      "A process that dies ends the scenario at once. If a run fails, the last 20 lines of each process are shown, " +
      "and then what failed and why.",
      "Several files may be given, and folders, which stand for every YAML file below them that has steps. All are " +
      "checked before the first is run. Each runs in a process of its own, --jobs at once, and is reported in a " +
      "line. One that holds packets of this machine, or of a namespace that was there before, runs alone. The exit " +
      "status is the worst of them: a signal, then 1, 4, 3.",
      "With --step, on a terminal, it stops before each step, and before all is undone: it shows the gates, the packets that " +
      "wait and the processes, and a key goes on, releases, or opens a shell on a host. A step with break: true in the " +
      "file is stopped at without --step, too. Deadlines stand still meanwhile: what is held stays held until you go on, " +
      "and is released if plugctl is killed.",
      "A host of the file that is another machine, hosts: { db1: { on: db1.example } }, does its part by its plugctl agent, " +
      "which --nats reaches: the same steps, one log, one report. All agents are asked before anything is touched; each undoes " +
      "its part within 10 seconds if this one is not heard of any more.",
      "With --uml all of it runs as root in User-Mode Linux, which needs neither root nor sch_plug on this machine. " +
      "What --report, --capture and --junit name is written to this machine; everything else that is written there is gone at " +
      "the end.",
    ],
    examples: () => [
      ["run reload.yaml", "run it"],
      ["run reload.yaml --step", "step by step, with a look around before each"],
      ["run reload.yaml --watch", "run it again each time that it is saved"],
      [
        "run reload.yaml --set port=8000 --seed 1",
        "with another value of a variable, and the random choices of seed 1",
      ],
      ["run reload.yaml --report reload.html", "see in a browser what happened"],
      ["run reload.yaml --dry-run", "see what it would do"],
      ["run tests --jobs 4 --junit results.xml", "every scenario in the folder tests, four at once"],
    ],
    load: (): Loading => import("./commands/run.ts").then(({ run }) => run),
  },
  record: {
    summary: "turn what is done by hand into a scenario",
    operands: ["[NAME...]"],
    options: ["output", "for", "dev", "gate", ...WHERE, "quiet", "help"],
    meanings: { for: "stop after this time: 200ms, 5s (default: Ctrl-C)" },
    details: () => [
      "Until Ctrl-C it hears what is asked of plugs and gates in any terminal: attach, buffer, release, by plugctl or by " +
      "tc, and sees the packets that wait. It then writes a scenario that does the same. Where packets had come before a " +
      "command, the scenario waits until as many have, instead of for a time; what they were stands beside it. What sends " +
      "them is not recorded: start that by hand again, or add it to the steps.",
      "What waited is looked at 25 times a second. The kernel does not tell what tc has asked: that is inferred from what " +
      "leaves and what waits, and where that does not tell, a comment says so. A gate or plug that was there before is " +
      "made by the scenario: remove it before you run that.",
    ],
    examples: () => [
      ["record -o bug.yaml", "record every plug and gate of this network namespace"],
      ["record web --for 1m", "a minute of the gate web, to standard output"],
    ],
    load: (): Loading => import("./commands/record.ts").then(({ run }) => run),
  },
  shell: {
    summary: "open a shell on a host of a scenario that runs, or run a command there",
    operands: ["HOST"],
    program: "[-- COMMAND...]",
    options: ["help"],
    details: () => [
      "HOST is a host of a scenario that another plugctl runs, or the name of a network namespace. Where several " +
      "scenarios have such a host, the error names their namespaces. The shell is $SHELL, or /bin/sh, and has that " +
      "host's network and all else of this machine; when the scenario ends, it is ended too. The exit status is the " +
      "command's own. It takes CAP_SYS_ADMIN.",
    ],
    examples: () => [
      ["shell server", "look around on the host server"],
      ["shell server -- ss -tnp", "its connections"],
    ],
    load: (): Loading => import("./commands/shell.ts").then(({ run }) => run),
  },
  batch: {
    summary: "carry out command lines of plugctl, one a line, in one process",
    operands: ["[FILE]"],
    options: [...WHERE, "continue", "quiet", "help"],
    meanings: { netns: "the network namespace of the lines that name none" },
    details: () => [
      "Reads FILE, or standard input, to its end: a command line on each line, with or without the word plugctl, quoted as for " +
      "a shell; # begins a comment. All lines are read before the first is carried out, so that a mistake in one of them " +
      "leaves everything as it was. Lines of buffer, release and release-one that follow each other and ask the same of " +
      "different queues go to the kernel in one send.",
      "Ends at the first line that fails, with its exit status; with --continue it goes on, and ends with the first of them.",
    ],
    examples: () => [
      ["batch faults.txt", "carry out the lines of a file"],
      ["batch --netns b <faults.txt", "in the namespace b"],
    ],
    load: (): Loading => import("./commands/batch.ts").then(({ run }) => run),
  },
  session: {
    summary: "hold and release for another program, which sends requests as lines of JSON",
    options: ["policy", ...WHERE, "max-hold", "quiet", "help"],
    meanings: { "max-hold": "the longest that a request holds if it says nothing else (default 30s)" },
    details: () => [
      'Reads a request a line, {"id":1,"op":"buffer","on":"web"}, and writes a line for each: {"id":1,"result":[...]} or ' +
      '{"id":1,"error":{"code":...,"message":...}}. The first line that it writes says that it is ready, and which ' +
      "operations there are. Requests in a list on one line are answered in one line; those that follow each other " +
      "and ask the same of different queues go to the kernel in one send.",
      "What a session attaches, makes or holds ends with it, at the end of its input, by a signal or when it is " +
      "killed: a guardian, a process of its own, releases what is held and takes away what was made. It also " +
      "releases what is held for longer than --max-hold, and the session says so. docs/SESSION.md has every " +
      "operation.",
    ],
    examples: () => [
      ["session", "and write to its standard input"],
      ["session --netns b --max-hold 5s", "in the namespace b, holding for at most five seconds"],
    ],
    load: (): Loading => import("./commands/session.ts").then(({ run }) => run),
  },
  serve: {
    summary: "hold and release for other programs, which ask over HTTP",
    options: ["socket", "listen", "token-file", "policy", "allow-run", ...WHERE, "max-hold", "quiet", "help"],
    meanings: { "max-hold": "the longest that anything is held (default 30s)" },
    details: () => [
      "Answers HTTP on a Unix socket, which is this user's alone. With --listen it answers on TCP: on the loopback device " +
      "with the token that it prints, anywhere else with that of --token-file. /openapi.json describes what can be asked, " +
      "and docs/SERVE.md shows it; /metrics is for Prometheus.",
      "What was made through it goes with it, at a signal or when it is killed: a guardian, a process of its own, releases " +
      "what is held and takes away what was made. A hold ends with its lease, or with the connection that began it.",
      "As root it gives up every capability but CAP_NET_ADMIN, CAP_NET_RAW, by which it sees packets, and CAP_SYS_NICE, by " +
      "which no packet is lost when a plug comes or goes; with --netns it keeps all, for entering that namespace takes them, " +
      "and with --allow-run, which scenarios need.",
    ],
    examples: () => [
      ["serve", "on /run/plugctl.sock: curl --unix-socket /run/plugctl.sock http://localhost/v1/gates"],
      ["serve --listen 7070", "on 127.0.0.1, with a token of its own"],
    ],
    load: (): Loading => import("./commands/serve.ts").then(({ run }) => run),
  },
  agent: {
    summary: "answer for this host in a fleet, by a NATS broker",
    options: [...BROKER, "name", "label", "state", "policy", "allow-run", "max-hold", "quiet", "help"],
    meanings: { "max-hold": "the longest that anything is held (default 30s)" },
    details: () => [
      "Connects to a broker and answers what plugctl fleet asks; it listens on no port. Each hold has a lease, which whoever " +
      "asked renews; without that the host releases by its own clock, and a guardian does where the agent cannot.",
      "Whatever is held, these pass: the connection to the broker, SSH, ARP, neighbour discovery, and what always-pass of " +
      "the policy names. What may be held, and who may ask, the policy says: /etc/plugctl/policy.yaml.",
      "What happens is written to --state first, then to the broker's stream, each entry once, also after the broker was " +
      "away. docs/FLEET.md has a systemd unit, a DaemonSet, and permissions for the broker.",
    ],
    examples: () => [
      ["agent --nats tls://broker:4222 --creds /etc/plugctl/agent.creds --group web", "answer for this host"],
      ["agent --nats nats://broker --label role=db --label rack=4", "a host that can be asked for by what it is"],
    ],
    load: (): Loading => import("./commands/agent.ts").then(({ run }) => run),
  },
  "fleet list": {
    summary: "list the hosts of a fleet",
    options: ["on", ...BROKER, "json", "quiet", "help"],
    details: () => [
      "Asks every agent of the group, and lists those that answer: version, labels, how well the clock is known, how many " +
      "holds go on. Where the broker keeps streams, also hosts of the last week that do not answer, and when they were heard last.",
    ],
    examples: () => [["fleet list --on role=db", "the hosts with this label"]],
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
    details: () => [
      "NAME is a gate, or a device: a gate is made for the hold, which lets pass what the agents must not lose. It is armed " +
      "on all hosts first: checked and set up, and packets pass. If fewer hosts than --require says are ready, it says who " +
      "and why, and holds nothing. Then each host begins at the same moment by its own clock, of which chrony, or else " +
      "round trips, tell how well it is known.",
      "It ends after --for, or with the command, or at a signal. Each host ends by itself after --for, and when it hears " +
      "nothing for --lease: one that is not heard of is shown with the latest time to which it can hold, never as released.",
      "The exit status is 1 if fewer hosts than --require took part to the end: others were not ready, began too late, " +
      "ended before their time, or were not heard of. That of a command comes first.",
    ],
    examples: () => [
      ["fleet hold eth0 --match 'tcp dst port 2379' --on 'db*' --at +2s --for 1s", "the same second on all of them"],
      ["fleet hold web --on role=web --require 3 -- ./probe.sh", "while a command runs here"],
    ],
    load: (): Loading => import("./commands/fleet.ts").then(({ hold }) => hold),
  },
  "fleet release": {
    summary: "release on many hosts: what is named, or all that fleet hold holds there",
    operands: ["[NAME...]"],
    options: ["on", ...BROKER, "json", "quiet", "help"],
    details: () => [
      "Ends the holds of fleet hold that hold one of NAME; any other NAME is a gate or a plug, and is released. Without a NAME " +
      "every hold with a lease is ended. It needs nobody's leave.",
    ],
    examples: () => [
      ["fleet release --on 'db*'", "end what is held there"],
      ["fleet release eth0 --on db1", "end what holds eth0 there, and go on with the rest"],
    ],
    load: (): Loading => import("./commands/fleet.ts").then(({ release }) => release),
  },
  "fleet run": {
    summary: "run a scenario on many hosts at once, on each by itself",
    operands: ["FILE"],
    options: ["on", "set", "seed", "report", ...BROKER, "json", "quiet", "help"],
    meanings: { report: "a folder for the hosts' reports, HOST.html of each" },
    values: { report: "DIR" },
    details: () => [
      "Each host that --on means reads the scenario first; where one cannot, it says why, and nothing is run. Then every host runs " +
      "it by itself, and undoes it where nobody asks how it goes for 10 seconds. One scenario over several machines is " +
      "plugctl run, with hosts: { db1: { on: db1 } }.",
      "The file is sent as it is: it cannot include others. The policy of a host must have runs: true, and its agent --allow-run. " +
      "The exit status is that of plugctl run, where hosts differ the worst.",
    ],
    examples: () => [["fleet run slow_disk.yaml --on 'db*' --report reports", "with a report of each"]],
    load: (): Loading => import("./commands/fleet.ts").then(({ run }) => run),
  },
  "fleet watch": {
    summary: "tell what happens on the hosts of a fleet, as it happens",
    options: ["on", ...BROKER, "json", "quiet", "help"],
    details:
      () => ["Goes on until a signal. A host that was not heard of for 15 seconds is told, and when it is back."],
    examples: () => [["fleet watch --on 'db*' --json", "a line of JSON for each event"]],
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
    details: () => [
      "Finds in the kernel, without a state file, gates, complete or not, filters whose gate was deleted, and plugs " +
      "with the handles that plugctl gives, 504c: to 514b:. Held packets leave first. What the guardian of a " +
      "running process still watches is left alone, and named, unless --force is given; so are plugs with other " +
      "handles. A tap that capture or packets put into a gate, and that nobody reads any more, is removed.",
      "An empty clsact is left alone, and named: gates leave theirs if the kernel would lose packets with it, but " +
      "the kernel does not keep who made one.",
      "With --all it does so in every network namespace that has a name of ip netns or a process in it. The exit " +
      "status is 0 if nothing of plugctl's is left, 1 if something could not be removed (the error names it), and 4 if " +
      "some namespaces could not be looked at; the JSON of --all says how many as hidden, beside namespaces.",
    ],
    examples: () => [
      ["recover", "restore this network namespace"],
      ["recover --all", "restore this machine"],
      ["recover --dry-run", "see what there is to recover"],
    ],
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
    details: () => [
      "Looks for a second, or for the time of --for, and lists the packets that wait then, the oldest first: number, " +
      "age, from, to and what it is. With --follow it prints each packet as it comes in and as it leaves, with how " +
      "long it waited.",
      "The kernel cannot list what a queue holds. Packets that came before plugctl looked are counted and have their " +
      "numbers, and are shown once they leave, with how long they waited at least. Start packets --follow or capture " +
      "before the hold to see all of it.",
      "Meanwhile a tap in the gate's filter copies packets to plugctl. The traffic itself loses nothing; lost copies " +
      "are counted and reported. If plugctl is killed, a guardian removes the tap. Packets of a plug on a device are " +
      "seen as they leave only, as the device has no tap; of a plug below a class, with all else that leaves the device.",
    ],
    examples: () => [
      ["packets web", "the packets that wait in the gate web"],
      ["packets web --follow", "each packet as it comes in and as it leaves"],
      ["packets --dev eth0 --follow", "each packet as it leaves the plug on eth0"],
    ],
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
    details: () => [
      "Writes each packet as it leaves, with its time in nanoseconds and a comment: held 512 ms by gate web, epoch 3. " +
      "Each gate or device is an interface of the file, which Wireshark, tshark and tcpdump read.",
      "Epochs are counted from the start of the capture, or from the last release since. If anything but plugctl " +
      "changes the plug, they are left out until the next release.",
      "What can be seen, and what a capture leaves behind, is as for packets.",
    ],
    examples: () => [
      ["capture web -w held.pcapng --for 10s", "ten seconds of a gate's packets"],
      ["capture web -w -", "the same to standard output: | wireshark -k -i - shows it live"],
    ],
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
    details: () => [
      "On a terminal it shows each gate and plug with its state, how many packets wait, for how long the oldest has, " +
      "when a guardian releases them at the latest, and what waited in the last minute; below that the packets of the " +
      "gate that is selected, while they wait and after they have left. The keys: h holds, r releases, n releases so " +
      "many packets of a gate, 1 releases the epoch that the last hold ended, the arrows select, ? shows help, q quits.",
      "What h holds is released by a guardian after --max-hold, also if plugctl is killed; h again sets the deadline " +
      "anew. It goes on after q, which says so.",
      "In a pipe, with --json or with --for it prints a line for each event: a gate or plug came, changed or went, holds " +
      "or passes, more or fewer packets wait, or a deadline was set.",
      "What comes, goes or is told to hold is shown as the kernel announces it, or another plugctl does. Counters are not " +
      "announced: they are read twice a second, and the times of packets that wait are as exact as that, except for " +
      "those of the gate that is selected. The state is ? until it is known: the kernel does not tell it. The packets " +
      "of a selected gate are seen by a tap in its filter, as by plugctl packets.",
    ],
    examples: () => [
      ["watch", "every gate and plug of this network namespace"],
      ["watch web eth1", "the gate web, the plugs of eth1, and the gates on it"],
      ["watch --json | jq .", "each event, for a program"],
    ],
    load: (): Loading => import("./commands/watch.ts").then(({ run }) => run),
  },
  encode: {
    summary: "print the bytes that a command would send",
    program: "COMMAND...",
    options: ["format", "json", "help"],
    meanings: { json: "the same as --format json" },
    details: () => [
      "COMMAND is any command that has --dry-run, except run and recover, with its own options. Each message is a " +
      "line of hex, an array in C, or in JSON its bytes and every field. No socket is opened.",
    ],
    examples: () => [
      ["encode buffer --dev eth0", "one line of hex"],
      ["encode --format c attach --dev eth0 --limit 1m", "two arrays, with the kernel's names beside the bytes"],
    ],
    load: (): Loading => import("./commands/messages.ts").then(({ encode }) => encode),
  },
  decode: {
    summary: "decode bytes, field by field, with the kernel's names",
    operands: ["[MESSAGE...]"],
    options: ["pcap", "all", "brief", "json", "quiet", "help"],
    meanings: { all: "every message of the capture, whatever it is about: rtnetlink and generic netlink" },
    details: () => [
      "Reads netlink messages from its arguments, or else from standard input, as bytes or as text: hex, base64, " +
      "arrays and strings of bytes of C, Rust, Go, Python, JavaScript and others; hex dumps of xxd, hexdump -C, od, " +
      "tcpdump and Wireshark; whole outputs of strace, with or without -e write=all, -xx and -v; what libnl prints " +
      "with NLCB=debug. What cannot be read is skipped with a note, and the exit status is 1. Bare bytes are read as " +
      "NETLINK_ROUTE, or, with NETLINK_GENERIC before them, as generic netlink.",
      "With --pcap it reads a capture, and prints every message about a plug, a gate, a filter of a gate or an ifb " +
      "device, with its time and what was answered. The capture is pcap or pcapng, compressed by gzip or not, of any " +
      "size, and with --pcap - it comes from standard input. To make one: ip link add nlmon0 type nlmon; ip link set " +
      "nlmon0 up; tcpdump -i nlmon0 -w FILE.",
    ],
    examples: () => [
      ["decode 100000000300020065000000f9020000", "the end of a dump"],
      ["decode --brief < strace.txt", "what strace -o strace.txt -v -s 65536 has seen of tc or ip"],
      ["decode --pcap netlink.pcap --brief", "who moved which plug when, a line for each message"],
      ["decode --pcap - --brief", "the same while tcpdump -i nlmon0 -U -w - writes it"],
    ],
    load: (): Loading => import("./commands/messages.ts").then(({ decode }) => decode),
  },
  uml: {
    summary: "run a command as root on a kernel that has what plugctl needs",
    program: "[-- COMMAND...]",
    options: ["mem", "rw", "quiet", "help"],
    details: () => [
      "Runs the command in User-Mode Linux, a kernel with sch_plug that is an ordinary process: it needs no root, " +
      "no module and no virtual machine, and starts in about four seconds. The command is root there, with this " +
      "machine's files as this user may read them, a loopback device and no other network; plugctl there is this " +
      "very plugctl. What it writes stays in that kernel's memory and is gone at the end, except in folders of " +
      "--rw. Where standard input and output are a terminal the command has one of the same size, and gets all keys, " +
      "Ctrl-C too; else its standard input is empty. Its standard error is joined with its standard output.",
      "The kernel is downloaded from Debian into the cache at the first use, 42 MB, by apt-get and dpkg, which " +
      "Debian and Ubuntu on x86-64 have; plugctl says so first. The exit status is the command's own; 4 if the " +
      "kernel cannot be downloaded.",
    ],
    examples: () => [
      ["uml -- bash", "try plugctl by hand, as root, where nothing can break"],
      ["uml -- plugctl run examples/half_close/half_close.yaml", "run a scenario where this kernel has no sch_plug"],
      ["uml --rw out -- sh -c 'plugctl run s.yaml --report out/r.html'", "and keep its report"],
    ],
    load: (): Loading => import("./commands/uml.ts").then(({ run }) => run),
  },
  doctor: {
    summary: "check whether this machine can run plugctl, and how to fix it if not",
    options: ["json", "quiet", "help"],
    details: () => ["Changes nothing. The exit status is 4 if something is missing that holding packets needs."],
    examples: () => [["doctor", "check this machine"]],
    load: (): Loading => import("./commands/doctor.ts").then(({ run }) => run),
  },
  completions: {
    summary: "print the completions of command lines for bash, zsh or fish",
    operands: ["SHELL"],
    options: ["help"],
    details: () => [
      "Completes commands, options, devices, gates and network namespaces as they are at the moment; with --netns " +
      "those of that namespace, if you may enter it.",
    ],
    examples: () => [
      ["completions bash", "into ~/.bashrc: source <(plugctl completions bash)"],
      ["completions zsh", "into ~/.zshrc, behind compinit: source <(plugctl completions zsh)"],
      ["completions fish", "into ~/.config/fish/config.fish: plugctl completions fish | source"],
    ],
    load: (): Loading => import("./commands/completions.ts").then(({ run }) => run),
  },
  help: {
    summary: "print help about plugctl or a command",
    operands: ["[COMMAND...]"],
    options: ["help"],
    details: () => [],
    examples: () => [["help buffer", "what buffer does"], ["help gate add", "what gate add does"]],
    load: (): Loading => import("./commands/help.ts").then(({ help }) => help),
  },
  version: {
    summary: "print the version",
    options: ["json", "help"],
    details: () => [],
    examples: () => [],
    load: (): Loading => import("./commands/help.ts").then(({ version }) => version),
  },
} as const satisfies Record<string, CommandSpec>;

export type CommandName = keyof typeof COMMANDS;
