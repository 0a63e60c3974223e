/** What tc, libnl and plugctl really send, captured, and read field by field. */

import { assertEquals } from "@std/assert";
import { decodeAll, encode, type Field } from "../../codec/mod.ts";
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
for lib in /usr/lib/*/libnl-3; do
  folder=$(dirname "$lib")
  layers=$(mktemp -d -p /run)
  mount -t tmpfs tmpfs "$layers"
  mkdir -p "$layers/upper/libnl" "$layers/work"
  ln -s ../libnl-3/cli "$layers/upper/libnl/cli"
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
function changes(datagrams: readonly Uint8Array[]): Field[] {
  return datagrams.flatMap((bytes) => decodeAll(bytes)).filter((message) => {
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
  const datagrams = await capture(host, async () => {
    for (const deed of DEEDS) await run(host, deed);
  });
  const messages = changes(datagrams);
  assertEquals(messages.map(said), expected(program).map((each) => [...each]));
  for (const bytes of datagrams) {
    for (const message of decodeAll(bytes)) assertEquals(encode(message).length, message.length);
  }
  const sent = datagrams.map((bytes) => decodeAll(bytes).map((message) => encode(message).toHex()).join(""));
  assertEquals(sent, datagrams.map((bytes) => bytes.toHex()));
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
