/** What tc, libnl and plugctl really send, captured, and read field by field. */

import { assert, assertEquals } from "@std/assert";
import { encode, type Field, readCapture } from "../../codec/family.ts";
import { runHere } from "../cli/run_here.ts";
import { capture } from "./capture.ts";
import { Host } from "./host.ts";
import { plugctlDone } from "./plugctl.ts";

const ROOT = 0xffffffff;
const CREATE = 0x600;
const [BUFFER, RELEASE_ONE, RELEASE_INDEFINITE, LIMIT] = [0, 1, 2, 3];

/** What a request says: type, flags but REQUEST and ACK, handle, parent, and of the options action and limit. */
type Said = readonly [type: number, flags: number, handle: number, parent: number, action?: number, limit?: number];

/** One thing to do, in the words of each program, and what a request for it must say. */
interface Deed {
  tc: string;
  libnl: string;
  plugctl: string;
  said: Said;
  /** What plugctl sends besides, before and after it. */
  before?: Said;
  after?: Said;
}

const SIZES: readonly (readonly [words: string, bytes: number])[] = [
  ["1", 1],
  ["1000", 1000],
  ["32768", 32768],
  ["64k", 65536],
  ["1m", 1048576],
  ["4294967295", 4294967295],
];

function change(place: "root" | "class", action: number, { limit = 0, size = "" } = {}): Deed {
  const root = place === "root";
  const [handle, parent] = root ? [0x504c0000, ROOT] : [0x400000, 0x10004];
  const tcPlace = root ? "root handle 504c:" : "parent 1:4 handle 40:";
  const nlPlace = root ? "--parent=root --id=504c:" : "--parent=1:4 --id=40:";
  const dev = root ? "eth0" : "eth1";
  const words = action === LIMIT ? ["limit", "--limit", "limit"] : [
    ["block", "--buffer", "buffer"],
    ["release", "--release-one", "release-one"],
    ["release_indefinite", "--release-indefinite", "release-indefinite"],
  ][action];
  const [tcSize, nlSize, ourSize] = size ? [` ${size}`, `=${limit}`, ` ${size}`] : ["", "", ""];
  const ours = `${words[2]}${ourSize} --dev ${dev}${root ? "" : " --parent 1:4 --handle 40:"}`;
  return {
    tc: `qdisc change dev ${dev} ${tcPlace} plug ${words[0]}${tcSize}`,
    libnl: `nl-qdisc-add --dev=${dev} ${nlPlace} --update plug ${words[1]}${nlSize}`,
    plugctl: ours,
    said: [36, 0, handle, parent, action, limit],
  };
}

function attach(limit: number): Deed {
  const handle = 0x504c0000;
  const dev = "--dev=eth2 --parent=root --id=504c:";
  return {
    tc: `qdisc add dev eth2 root handle 504c: plug limit ${limit}`,
    libnl: `nl-qdisc-add ${dev} plug --limit=${limit}`,
    plugctl: `attach --dev eth2 --quiet --limit ${limit}`,
    said: [36, CREATE, handle, ROOT, LIMIT, limit],
    after: [36, 0, handle, ROOT, RELEASE_INDEFINITE, 0],
  };
}

const DETACH: Deed = {
  tc: "qdisc del dev eth2 root handle 504c:",
  libnl: "nl-qdisc-delete --dev=eth2 --parent=root",
  plugctl: "detach --dev eth2 --quiet",
  said: [37, 0, 0x504c0000, ROOT],
  before: [36, 0, 0x504c0000, ROOT, RELEASE_INDEFINITE, 0],
};

/** 20 deeds, which three programs make 60 commands of. */
const DEEDS: readonly Deed[] = [
  change("root", BUFFER),
  change("root", RELEASE_ONE),
  change("root", RELEASE_INDEFINITE),
  ...SIZES.map(([size, limit]) => change("root", LIMIT, { size, limit })),
  change("class", BUFFER),
  change("class", RELEASE_ONE),
  change("class", RELEASE_INDEFINITE),
  change("class", LIMIT, { size: "65536", limit: 65536 }),
  change("class", LIMIT, { size: "3000000", limit: 3000000 }),
  attach(1000),
  DETACH,
  attach(65536),
  DETACH,
  attach(1048576),
  DETACH,
];

/** What each program is known to do otherwise: libnl sets NLM_F_CREATE where it updates. */
function expected(program: "tc" | "libnl" | "plugctl"): Said[] {
  return DEEDS.flatMap(({ said, before, after }) => {
    if (program === "plugctl") return [before, said, after].filter((each) => each !== undefined);
    const [type, flags, ...rest] = said;
    return [[type, program === "libnl" && type === 36 ? flags | 0x400 : flags, ...rest]];
  });
}

/**
 * nl-qdisc-add looks for its module where Debian 12 does not put it: this shows it there, to that process alone.
 */
const WITH_MODULES = `
for lib in /usr/lib/*/libnl-3 "$PLUGCTL_TOOLS"/usr/lib/*/libnl-3; do
  [ -d "$lib" ] || continue
  folder=/usr/lib/$(basename "$(dirname "$lib")")
  layers=$(mktemp -d -p /run)
  mount -t tmpfs tmpfs "$layers"
  mkdir -p "$layers/upper/libnl" "$layers/work"
  ln -s "$lib/cli" "$layers/upper/libnl/cli"
  mount -t overlay -o lowerdir="$folder",upperdir="$layers/upper",workdir="$layers/work" overlay "$folder"
done
exec "$@"`;

function hostWithPlugs(): Host {
  const host = new Host();
  host.configure(["0", "1", "2"].flatMap((number) => [`link add eth${number} type dummy`, `link set eth${number} up`]));
  host.run("tc", "qdisc", "add", "dev", "eth0", "root", "handle", "504c:", "plug", "limit", "100000");
  host.run("tc", "qdisc", "add", "dev", "eth1", "root", "handle", "1:", "prio", "bands", "4");
  host.run("tc", "qdisc", "add", "dev", "eth1", "parent", "1:4", "handle", "40:", "plug", "limit", "100000");
  return host;
}

/** The requests among what was captured that change something about qdiscs. */
function changes(messages: readonly Field[]): Field[] {
  return messages.filter((message) => {
    const flags = Number(value(message, "nlmsg_flags"));
    return [36, 37].includes(Number(value(message, "nlmsg_type"))) && (flags & 1) !== 0;
  });
}

function find(field: Field, kernelName: string): Field | undefined {
  return field.kernelName === kernelName ? field : field.fields?.map((each) => find(each, kernelName)).find(Boolean);
}

function value(message: Field, kernelName: string): unknown {
  return find(message, kernelName)?.value;
}

/** What is to be compared of a request. Its other fields must be what they must always be. */
function said(message: Field): unknown[] {
  for (const name of ["tcm_family", "tcm__pad1", "tcm__pad2", "tcm_info"]) assertEquals(value(message, name), 0, name);
  const kind = value(message, "TCA_KIND");
  if (value(message, "nlmsg_type") === 36) assertEquals(kind, "plug");
  const options = find(message, "TCA_OPTIONS")?.fields?.map((field) => field.value) ?? [];
  const flags = Number(value(message, "nlmsg_flags")) & ~5;
  return [value(message, "nlmsg_type"), flags, value(message, "tcm_handle"), value(message, "tcm_parent"), ...options];
}

async function compare(program: "tc" | "libnl" | "plugctl", run: (host: Host, deed: Deed) => Promise<void>) {
  using host = hostWithPlugs();
  const file = await capture(host, async () => {
    for (const deed of DEEDS) await run(host, deed);
  });
  const captured = [...readCapture(file)];
  const messages = captured.flatMap(({ message }) => message ?? []);
  assertEquals(changes(messages).map(said), expected(program).map((each) => [...each]));
  assertEquals(messages.map((message) => encode(message).toHex()), captured.map(({ bytes }) => bytes.toHex()));
}

Deno.test("decode() reads what tc sends for 20 commands, and encode() gives its bytes back", async () => {
  await compare("tc", async (host, deed) => void await host.run("tc", ...deed.tc.split(" ")));
});

Deno.test("decode() reads what libnl sends for 20 commands, and encode() gives its bytes back", async () => {
  await compare("libnl", async (host, deed) => {
    await host.run("unshare", "-m", "sh", "-ec", WITH_MODULES, "sh", ...deed.libnl.split(" "));
  });
});

Deno.test("decode() reads what plugctl sends for 20 commands, and encode() gives its bytes back", async () => {
  await compare("plugctl", async (host, deed) => void await plugctlDone(host, ...deed.plugctl.split(" ")));
});

/** Each line of `decode --pcap --brief` on a capture: its time, and what was said. */
async function decodedLines(file: Uint8Array): Promise<{ timeMs: number; said: string }[]> {
  const path = await Deno.makeTempFile({ prefix: "plugctl-capture-", suffix: ".pcap" });
  try {
    await Deno.writeFile(path, file);
    const { status, stdout, stderr } = await runHere("decode", "--brief", "--pcap", path);
    assertEquals([status, stderr], [0, ""]);
    return stdout.trimEnd().split("\n").map((line) => {
      const [, time, said] = /^(\S+) (.*)$/.exec(line) ?? [];
      return { timeMs: Date.parse(time), said };
    });
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("decode --pcap shows every message about plugs and gates, with its time, from a capture of tcpdump's", async () => {
  using host = new Host();
  host.configure(["link add eth0 type dummy", "link set eth0 up"]);
  const before = Date.now();
  const file = await capture(host, async () => {
    await plugctlDone(host, "attach", "--dev", "eth0", "--limit", "64k", "--quiet");
    await plugctlDone(host, "gate", "add", "web", "--dev", "eth0", "--direction", "egress", "--match", "arp");
    await plugctlDone(host, "buffer", "web");
    await plugctlDone(host, "gate", "delete", "web");
    await host.run("tc", "qdisc", "del", "dev", "eth0", "root");
  });
  const lines = await decodedLines(file);
  const times = lines.map(({ timeMs }) => timeMs);
  assertEquals(times, times.toSorted((a, b) => a - b));
  assert(times[0] >= before - 1 && times[times.length - 1] <= Date.now() + 1, `${times} after ${before}`);

  const did = lines.map(({ said }) => said).filter((said) => /^RTM_(NEW|DEL)\w+ REQUEST/.test(said));
  const told = did.map((said) => said.replace(/ REQUEST.*? sequence \d+/, "").replaceAll(/ ifindex [1-9]\d*/g, ""));
  assertEquals(told.filter((said) => /plug|KIND "(clsact|flower|ifb)"|DELQDISC|DELLINK/.test(said)), [
    'RTM_NEWQDISC handle 504c: parent root KIND "plug" action TCQ_PLUG_LIMIT limit 65536',
    'RTM_NEWQDISC handle 504c: parent root KIND "plug" action TCQ_PLUG_RELEASE_INDEFINITE limit 0',
    'RTM_NEWLINK ifindex 0 IFNAME "plug-web" INFO_KIND "ifb"',
    'RTM_NEWQDISC handle 504c: parent root KIND "plug" action TCQ_PLUG_LIMIT limit 16777216',
    'RTM_NEWQDISC handle 504c: parent root KIND "plug" action TCQ_PLUG_RELEASE_INDEFINITE limit 0',
    'RTM_NEWQDISC handle ffff: parent ingress KIND "clsact"',
    'RTM_NEWTFILTER handle 0x504c0001 parent ffff:fff3 pref 1000 protocol all KIND "flower" ACT_KIND "mirred" ' +
    "action TC_ACT_STOLEN",
    'RTM_NEWQDISC handle 504c: parent root KIND "plug" action TCQ_PLUG_BUFFER limit 0',
    // Released before its filters go, and once more behind them
    'RTM_NEWQDISC handle 504c: parent root KIND "plug" action TCQ_PLUG_RELEASE_INDEFINITE limit 0',
    'RTM_DELTFILTER handle 0x504c0001 parent ffff:fff3 pref 1000 protocol all KIND "flower"',
    'RTM_NEWQDISC handle 504c: parent root KIND "plug" action TCQ_PLUG_RELEASE_INDEFINITE limit 0',
    "RTM_DELQDISC handle 504c: parent root",
    'RTM_DELQDISC handle ffff: parent ingress KIND "clsact"',
    "RTM_DELLINK",
    "RTM_DELQDISC handle 0: parent root",
  ]);
  const answers = lines.filter(({ said }) => said.startsWith("NLMSG_ERROR"));
  assertEquals(answers.length, did.length);
});

Deno.test("decode reads what strace shows of tc, as strings or field by field, and the bytes that it dumps", async () => {
  using host = hostWithPlugs();
  const tc = "tc qdisc change dev eth0 root handle 504c: plug block".split(" ");
  for (const dumps of [[], ["-e", "write=all", "-e", "read=all"]]) {
    const words = ["strace", "-o", "/dev/stdout", "-v", "-s", "65536", "-e", "trace=sendmsg,recvmsg", ...dumps, ...tc];
    const lines = (await host.run(...words)).split("\n");
    // Of the devices that tc asks for first, only strace knows how it shows them
    const text = lines.filter((line) => dumps.length > 0 || /nlmsg_type=(RTM_NEWQDISC|0x24)/.test(line)).join("\n");
    const { status, stdout, stderr } = await runHere("decode", "--brief", "--quiet", text);
    const said = stdout.split("\n").filter((line) => /QDISC|ERROR/.test(line));
    assertEquals([status, stderr], [0, ""]);
    // Where strace can ask the kernel about the socket it knows the types, and shows a device by its name alone
    assertEquals(said.map((line) => line.replace(/ sequence \d+/, "").replace(/ ifindex \d+/, "")), [
      'RTM_NEWQDISC REQUEST|ACK handle 504c: parent root KIND "plug" action TCQ_PLUG_BUFFER limit 0',
      "NLMSG_ERROR CAPPED error 0",
    ]);
  }
});
