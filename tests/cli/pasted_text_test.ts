// What people paste: whole outputs of programs, and arrays as languages print them.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { datagramsOfText } from "../../cli/input/datagrams.ts";
import { UsageError } from "../../cli/exit_status.ts";
import { concat, FAMILY, words } from "../codec/bytes.ts";
import { cooked } from "../codec/captures.ts";
import { Random } from "../codec/random.ts";
import { plugctl } from "./plugctl.ts";
import { runHere } from "./run_here.ts";

const PLUG = FAMILY["plug change"];
const ACK = concat(words(36, 2, 7, 9, 0), PLUG.subarray(0, 16));
const numbers = (bytes: Uint8Array, separator = ", ") => [...bytes].join(separator);
const hexNumbers = (bytes: Uint8Array) => [...bytes].map((byte) => `0x${byte.toString(16)}`).join(", ");
const pairs = (bytes: Uint8Array, separator = " ") => bytes.toHex().replaceAll(/..(?=.)/g, `$&${separator}`);
const escapes = (bytes: Uint8Array) => bytes.toHex().replaceAll(/../g, "\\x$&");
const octal = (bytes: Uint8Array) => [...bytes].map((byte) => `\\${byte.toString(8)}`).join("");

/** The datagrams of a text in hex, with what is noted of it. */
function read(text: string): { datagrams: string[]; notes: string[]; skipped: number } {
  const notes: string[] = [];
  const { datagrams, skipped } = datagramsOfText(text, (note) => notes.push(note));
  return { datagrams: datagrams.map((bytes) => bytes.toHex()), notes, skipped };
}

/** Lines of 16 bytes, as a program dumps them. */
function dump(bytes: Uint8Array, line: (offset: number, part: Uint8Array) => string): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) lines.push(line(at, bytes.subarray(at, at + 16)));
  return lines.join("\n");
}

const swapped = (bytes: Uint8Array, size: number) =>
  Array.from(
    { length: Math.ceil(bytes.length / size) },
    (_, at) => bytes.slice(at * size, (at + 1) * size).reverse().toHex(),
  );
const letters = (bytes: Uint8Array) =>
  [...bytes].map((byte) => byte > 32 && byte < 127 ? String.fromCharCode(byte) : ".").join("");
const offset = (at: number, digits: number, base = 16) => at.toString(base).padStart(digits, "0");
/** One message as languages print or declare it. */
const ARRAYS: Readonly<Record<string, string>> = {
  "vec! of Rust": `let request = vec![${hexNumbers(PLUG)}];`,
  "an array of Rust": `static REQUEST: [u8; 60] = [${numbers(PLUG)}];`,
  "numbers of Rust with their type": `&[${numbers(PLUG, "u8, ")}u8]`,
  "{:?} of Rust": `[${numbers(PLUG)}]`,
  "{:x?} of Rust": `[${[...PLUG].map((byte) => byte.toString(16)).map((hex) => hex.padStart(2, "0")).join(", ")}]`,
  "[]byte of Go": `b := []byte{${hexNumbers(PLUG)}}`,
  "%v of Go": `[${numbers(PLUG, " ")}]`,
  "%#v of Go": `[]byte{${hexNumbers(PLUG)}}`,
  "b'' of Python": `b'${escapes(PLUG)}'`,
  'b"" of Python, with an apostrophe': `b"${escapes(PLUG)}"`,
  "repr() of Python": String
    .raw`b'<\x00\x00\x00$\x00\x05\x00\x07\x00\x00\x00\t\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x01\x00\xff\xff\xff\xff\x02\x00\x00\x00\t\x00\x01\x00plug\x00\x00\x00\x00\x0c\x00\x02\x00\x01\x00\x00\x00\x00\x10\x00\x00'`,
  "bytearray of Python": `bytearray(b'${escapes(PLUG)}')`,
  "a list of Python": `[${numbers(PLUG)}]`,
  "<Buffer> of Node": `<Buffer ${pairs(PLUG)}>`,
  "Uint8Array of Node": `Uint8Array(60) [\n  ${numbers(PLUG).replaceAll(/(.{30}) /g, "$1\n  ")}\n]`,
  "Uint8Array.of() of JavaScript": `Uint8Array.of(${hexNumbers(PLUG)})`,
  "new Uint8Array() of JavaScript": `new Uint8Array([${numbers(PLUG)}])`,
  "Buffer.from() of Node": `Buffer.from('${PLUG.toHex()}', 'hex')`,
  "JSON of a Uint8Array": JSON.stringify({ ...PLUG }),
  "a binary of Erlang": `<<${numbers(PLUG, ",")}>>`,
  "BitConverter.ToString() of .NET": pairs(PLUG, "-").toUpperCase(),
  "one long number": `0x${PLUG.toHex()}`,
  "hex in backticks": `\`${PLUG.toHex()}\``,
  "x/60xb of gdb": dump(
    PLUG,
    (at, part) =>
      `0x7fff${offset(at + 16, 4)} <request+${at}>:\t${
        [...part].map((byte) => `0x${byte.toString(16).padStart(2, "0")}`).join("\t")
      }`,
  ),
  "JSON of a Buffer": `{"type":"Buffer","data":[${numbers(PLUG, ",")}]}`,
  "braces": `{${hexNumbers(PLUG)}}`,
  "decimals of C": `static const unsigned char m[60] = { ${numbers(PLUG)} };`,
  "bytes of Java": `new byte[] {${
    [...PLUG].map((byte) => byte > 127 ? `(byte) 0x${byte.toString(16)}` : byte).join(", ")
  }}`,
  "negative bytes": `[${[...new Int8Array(PLUG.buffer)].join(", ")}]`,
  "decimals alone": numbers(PLUG),
  "hex in JSON": `{ "hex": "${PLUG.toHex()}" }`,
  "escapes of JSON": `"${PLUG.toHex().replaceAll(/../g, "\\u00$&")}"`,
  "strings of C joined by +": `"${escapes(PLUG.subarray(0, 20))}" +\n"${escapes(PLUG.subarray(20))}"`,
  "hex of a packet of an nlmon device": cooked(PLUG).toHex(),
};

for (const [form, text] of Object.entries(ARRAYS)) {
  Deno.test(`datagramsOfText() reads ${form}`, () => {
    assertEquals(read(text), { datagrams: [PLUG.toHex()], notes: [], skipped: 0 });
  });
}

Deno.test("datagramsOfText() gives what Node shows of a Buffer that it cuts short, and says how much is missing", () => {
  const shown = PLUG.subarray(0, 50);
  assertEquals(read(`request <Buffer ${pairs(shown)} ... 10 more bytes>`), {
    datagrams: [shown.toHex()],
    notes: ["line 1, column 166: 10 bytes are left out; have all of them printed"],
    skipped: 0,
  });
});

Deno.test("datagramsOfText() takes each array, and each string, for a datagram", () => {
  for (const text of [`[${numbers(PLUG)}]\n[${numbers(ACK)}]`, `b'${escapes(PLUG)}', b'${escapes(ACK)}'`]) {
    assertEquals(read(text).datagrams, [PLUG.toHex(), ACK.toHex()]);
  }
});

const tcpdump = (bytes: Uint8Array) =>
  dump(bytes, (at, part) => `\t0x${offset(at, 4)}:  ${part.toHex().replaceAll(/.{4}(?=.)/g, "$& ")}`);
const wireshark = (bytes: Uint8Array, gap = "  ") =>
  dump(bytes, (at, part) => `${offset(at, 4)}${gap}${pairs(part).padEnd(47)}   ${letters(part)}`);

/** Two messages in the dumps of programs. */
const DUMPS: Readonly<Record<string, string>> = {
  "tcpdump -x of an nlmon capture": [PLUG, ACK].map((each) =>
    `02:28:46.699123 UNSUPPORTED\n${tcpdump(cooked(each))}\n${tcpdump(cooked(each))}`
  ).join("\n"),
  "tcpdump -X": [PLUG, ACK].map((each) =>
    `02:28:46.699123 UNSUPPORTED\n${
      dump(cooked(each), (at, part) =>
        `\t0x${offset(at, 4)}:  ${part.toHex().replaceAll(/.{4}(?=.)/g, "$& ").padEnd(39)}  ${letters(part)}`)
    }`
  ).join("\n"),
  "tshark -x": `${wireshark(cooked(PLUG))}\n\n${wireshark(cooked(ACK))}\n`,
  "Wireshark's packet bytes": [PLUG, ACK].map((each) => wireshark(cooked(each), "   ")).join("\n\n"),
  "od -t x1": `${dump(PLUG, (at, part) => `${offset(at, 7, 8)} ${pairs(part)}`)}\n0000074\n` +
    dump(ACK, (at, part) => `${offset(at, 7, 8)} ${pairs(part)}`),
  "od -A x -t x1z": [PLUG, ACK].map((each) =>
    dump(each, (at, part) => `${offset(at, 6)} ${pairs(part).padEnd(47)}  >${letters(part)}<`)
  ).join("\n"),
  "xxd -e": [PLUG, ACK].map((each) => dump(each, (at, part) => `${offset(at, 8)}: ${swapped(part, 4).join(" ")}  ....`))
    .join("\n"),
  "hexdump": [PLUG, ACK].map((each) => dump(each, (at, part) => `${offset(at, 7)} ${swapped(part, 2).join(" ")}`))
    .join("\n"),
  "the kernel's log": [PLUG, ACK].map((each) =>
    dump(each, (at, part) => `[   12.345678] nlmsg: ${offset(at, 8)}: ${pairs(part).padEnd(47)}  ${letters(part)}`)
  ).join("\n"),
  "hexdump -C behind command lines": [PLUG, ACK].map((each, index) =>
    `$ hexdump -C message${index}.bin\n${
      dump(each, (at, part) =>
        `${offset(at, 8)}  ${pairs(part.subarray(0, 8)).padEnd(23)}  ${pairs(part.subarray(8)).padEnd(23)}  |${
          letters(part)
        }|`)
    }\n${offset(each.length, 8)}`
  ).join("\n"),
};

for (const [form, text] of Object.entries(DUMPS)) {
  Deno.test(`datagramsOfText() reads ${form}`, () => {
    assertEquals(read(text), { datagrams: [PLUG.toHex(), ACK.toHex()], notes: [], skipped: 0 });
  });
}

Deno.test("datagramsOfText() does not take letters behind the bytes of a dump for bytes", () => {
  const hexLike = Uint8Array.from({ length: 40 }, (_, index) => 0x61 + index % 6);
  const message = concat(words(60, 3, 0, 0, 0), hexLike);
  assertEquals(read(wireshark(message)).datagrams, [message.toHex()]);
});

/** What libnl 3.7 prints of a dump of qdiscs, shortened. */
const LIBNL = `-- Debug: Sent Message:
--------------------------   BEGIN NETLINK MESSAGE ---------------------------
  [NETLINK HEADER] 16 octets
    .nlmsg_len = 48
    .type = 36 <route/qdisc::new>
    .flags = 5 <REQUEST,ACK>
    .seq = 1795660130
    .port = -1405092988
  [PAYLOAD] 20 octets
    00 00 00 00 06 00 00 00 00 00 01 80 ff ff ff ff ................
    02 00 00 00                                     ....
  [ATTR 01] 5 octets
    70 6c 75 67 00                                  plug.
  [PADDING] 3 octets
    00 00 00                                        ...
---------------------------  END NETLINK MESSAGE   ---------------------------
-- Debug: Received Message:
--------------------------   BEGIN NETLINK MESSAGE ---------------------------
  [NETLINK HEADER] 16 octets
    .nlmsg_len = 36
    .type = 2 <ERROR>
    .flags = 256 <ROOT>
    .seq = 1795660130
    .port = 1409287293
  [ERRORMSG] 20 octets
    .error = -2 "No such file or directory"
  [ORIGINAL MESSAGE] 16 octets
    .nlmsg_len = 48
    .type = 36 <0x24>
    .flags = 5 <REQUEST,ACK>
    .seq = 1795660130
    .port = 1409287293
---------------------------  END NETLINK MESSAGE   ---------------------------
-- Debug: End of multipart message block: type=DONE length=20 flags=<MULTI> sequence-nr=1795660132 pid=1409287293
`;

Deno.test("datagramsOfText() reads what libnl prints with NLCB=debug", () => {
  const plug = concat(
    words(48, 0x50024, 1795660130, -1405092988, 0, 6, 0x80010000, 0xffffffff, 2, 0x10009),
    PLUG.subarray(40, 48),
  );
  const answer = words(36, 0x1000002, 1795660130, 1409287293, -2, 48, 0x50024, 1795660130, 1409287293);
  assertEquals(read(LIBNL), { datagrams: [plug.toHex(), answer.toHex()], notes: [], skipped: 0 });
});

Deno.test("datagramsOfText() reads nested attributes that libnl prints", () => {
  const nested = LIBNL.slice(0, LIBNL.indexOf("  [ATTR 01]")).replace("= 48", "= 56") + `  [ATTR 18 NESTED] 16 octets
    [ATTR 01] 4 octets
      69 66 62 00                                   ifb.
    [ATTR 02] 1 octets
      01                                            .
    [PADDING] 3 octets
      00 00 00                                      ...
---------------------------  END NETLINK MESSAGE   ---------------------------
`;
  const [datagram] = read(nested).datagrams;
  assertEquals(datagram.slice(72), "14001280080001006966620005000200010000".padEnd(40, "0"));
});

const libnlWithout = (part: string) => LIBNL.replace(part, "");

Deno.test("datagramsOfText() skips a message that libnl has not printed to its end, and shows the others", () => {
  const { datagrams, notes, skipped } = read(
    libnlWithout("    70 6c 75 67 00                                  plug.\n"),
  );
  assertEquals([datagrams.length, skipped], [1, 1]);
  assertEquals(notes, ["skipped: cannot read the message at line 13, column 1: 5 bytes are missing here"]);
});

/** The line of a call that sends or receives these bytes, as old and new strace print it. */
const CALLS: Readonly<Record<string, (bytes: Uint8Array) => string>> = {
  "strace 4": (bytes) =>
    `sendmsg(3, {msg_name(12)={sa_family=AF_NETLINK, pid=0, groups=00000000}, msg_iov(1)=[{"${
      octal(bytes)
    }", ${bytes.length}}], msg_controllen=0, msg_flags=0}, 0) = ${bytes.length}`,
  "strace 4, sendto": (bytes) =>
    `sendto(3, "${
      octal(bytes)
    }", ${bytes.length}, 0, {sa_family=AF_NETLINK, pid=0, groups=00000000}, 12) = ${bytes.length}`,
  "strace 5 of a kernel that it does not know": (bytes) =>
    `sendto(3, {{len=${bytes[0]}, type=0x${bytes[4].toString(16)} /* NLMSG_??? */, flags=${
      bytes[6] | bytes[7] << 8
    }, seq=${bytes[8]}, pid=${bytes[12]}}, "${
      escapes(bytes.subarray(16))
    }"}, ${bytes.length}, 0, NULL, 0) = ${bytes.length}`,
  "strace 6 -xx": (bytes) =>
    `recvmsg(3, {msg_name={sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, msg_namelen=12, msg_iov=[{iov_base=[{nlmsg_len=${
      bytes[0]
    }, nlmsg_type=${bytes[4]}, nlmsg_flags=${bytes[6] | bytes[7] << 8}, nlmsg_seq=${bytes[8]}, nlmsg_pid=${
      bytes[12]
    }}, "${
      escapes(bytes.subarray(16))
    }"], iov_len=32768}], msg_iovlen=1, msg_controllen=0, msg_flags=0}, 0) = ${bytes.length}`,
  "strace -y": (bytes) => `sendto(3<socket:[25368]>, "${octal(bytes)}", ${bytes.length}, 0, NULL, 0) = ${bytes.length}`,
  "strace -e write=all": (bytes) =>
    `sendto(3, [{nlmsg_len=${bytes[0]}, ...}], ${bytes.length}, 0, NULL, 0) = ${bytes.length}\n${
      dump(bytes, (at, part) =>
        ` | ${offset(at, 5)}  ${pairs(part.subarray(0, 8)).padEnd(23)}  ${pairs(part.subarray(8)).padEnd(23)}  ${
          letters(part).padEnd(16)
        } |`)
    }`,
};

/** What strace prints around the calls that count. */
const around = (calls: string) =>
  String.raw`execve("/usr/sbin/tc", ["tc", "qdisc", "add"], 0x7ffc /* 9 vars */) = 0
openat(AT_FDCWD, "/lib/x86_64-linux-gnu/libbpf.so.1", O_RDONLY|O_CLOEXEC) = 3
read(3, "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\3\0>\0\1\0\0\0"..., 832) = 832
close(3)                                = 0
socket(AF_NETLINK, SOCK_RAW|SOCK_CLOEXEC, NETLINK_ROUTE) = 3
bind(3, {sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, 12) = 0
recvmsg(3, {msg_name={sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, msg_namelen=12, msg_iov=[{iov_base=NULL, iov_len=0}], msg_iovlen=1, msg_controllen=0, msg_flags=MSG_TRUNC}, MSG_PEEK|MSG_TRUNC) = 36
${calls}
write(1, "qdisc plug 8001: dev lo root \n", 30) = 30
 | 00000  71 64 69 73 63 20 70 6c  75 67 20 38 30 30 31 3a  qdisc plug 8001: |
qdisc plug 8001: dev lo root 
--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=5, si_uid=0, si_status=0} ---
exit_group(0)                           = ?
+++ exited with 0 +++
`;

for (const [form, call] of Object.entries(CALLS)) {
  Deno.test(`datagramsOfText() finds the messages in a whole output of ${form}`, () => {
    const text = around([PLUG, ACK].map(call).join("\n"));
    assertEquals(read(text), { datagrams: [PLUG.toHex(), ACK.toHex()], notes: [], skipped: 0 });
  });

  Deno.test(`datagramsOfText() reads one call of ${form}`, () => {
    assertEquals(read(call(PLUG)), { datagrams: [PLUG.toHex()], notes: [], skipped: 0 });
  });
}

Deno.test("datagramsOfText() reads strace with times and processes that interrupt each other", () => {
  const [first, second] = [CALLS["strace 6 -xx"](PLUG), CALLS["strace 4"](ACK)];
  const text = [
    "1271  02:28:46.1 socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE) = 3",
    "1272  02:28:46.1 socket(PF_NETLINK, SOCK_RAW, 0) = 3",
    "1271  02:28:46.2 recvmsg(3,  <unfinished ...>",
    `1272  02:28:46.2 ${second}`,
    `1271  02:28:46.3 <... recvmsg resumed>${first.slice(first.indexOf(" {"))}`,
    "[pid  1272] close(3) = 0",
    `[pid  1272] read(3, "${octal(PLUG)}", 60) = 60`,
    "1272  +++ exited with 0 +++",
  ].join("\n");
  assertEquals(read(text).datagrams, [ACK.toHex(), PLUG.toHex()]);
});

const GET_LINK =
  "sendto(3, [{nlmsg_len=20, nlmsg_type=RTM_GETLINK, nlmsg_flags=NLM_F_REQUEST|NLM_F_DUMP, nlmsg_seq=1, " +
  "nlmsg_pid=0}, {rtgen_family=AF_INET6}], 20, 0, NULL, 0) = 20";
const GET_LINK_HEX = "1400000012000103" + "0100000000000000" + "0a000000";

Deno.test("datagramsOfText() reads strace with the time and the place of each call before it", () => {
  const lines = [
    `     0.000025 ${GET_LINK}`,
    `[00007ffb96ddec10] ${GET_LINK}`,
    `[pid  1200] 12:00:01.000001 (+     0.000025) [00007ffb96ddec10] ${GET_LINK}`,
    `${GET_LINK}\n > /usr/lib/x86_64-linux-gnu/libc.so.6(sendto+0x1a) [0x110a2a]`,
  ];
  for (const line of lines) assertEquals(read(line).datagrams, [GET_LINK_HEX]);
});

Deno.test("datagramsOfText() reads numbers with the names that strace -X verbose puts behind them", () => {
  const verbose =
    "sendto(3, [[{nlmsg_len=40, nlmsg_type=0x10 /* RTM_NEWLINK */, nlmsg_flags=0x1 /* NLM_F_REQUEST */|0x4 " +
    "/* NLM_F_ACK */, nlmsg_seq=1, nlmsg_pid=0}, {ifi_family=0 /* AF_UNSPEC */, ifi_type=0, ifi_index=7, ifi_flags=0, " +
    "ifi_change=0}, [{nla_len=8, nla_type=0x8000 /* NLA_F_NESTED */|0x3e /* IFLA_??? */}, 5]]], 40, 0, NULL, 0) = 40";
  assertEquals(read(verbose).datagrams, [
    "2800000010000500" + "0100000000000000" + "0000000007000000" + "0000000000000000" + "08003e8005000000",
  ]);
});

Deno.test("datagramsOfText() reads the addresses and names that strace -xx writes in hex", () => {
  const address =
    "[{nlmsg_len=44, nlmsg_type=RTM_NEWADDR, nlmsg_flags=0, nlmsg_seq=1, nlmsg_pid=0}, {ifa_family=AF_INET6, " +
    String.raw`ifa_prefixlen=128, ifa_flags=0, ifa_scope=RT_SCOPE_HOST, ifa_index=if_nametoindex("\x6c\x6f")}, ` +
    String.raw`[{nla_len=20, nla_type=IFA_ADDRESS}, inet_pton(AF_INET6, "\x3a\x3a\x31")]]`;
  const { datagrams, notes } = read(`sendto(3, ${address}, 44, 0, NULL, 0) = 44`);
  assertEquals(datagrams.map((hex) => hex.slice(-32)), ["00000000000000000000000000000001"]);
  assertEquals(notes, ['the index of "lo" is shown as 0, strace shows its name alone']);
});

Deno.test("datagramsOfText() takes no file that strace -e read=all has dumped for messages", () => {
  const file = concat(Uint8Array.of(0x7f, 0x45, 0x4c, 0x46), new Uint8Array(60));
  const text = [
    'openat(AT_FDCWD, "/lib/libc.so.6", O_RDONLY|O_CLOEXEC) = 3',
    String.raw`read(3, "\177ELF\0\0\0\0"..., 832) = 64`,
    ...dump(file, (at, part) => ` | ${offset(at, 5)}  ${pairs(part)}  ${letters(part)} |`).split("\n"),
    "close(3) = 0",
    "socket(AF_NETLINK, SOCK_RAW|SOCK_CLOEXEC, NETLINK_ROUTE) = 3",
    CALLS["strace -e write=all"](PLUG),
  ].join("\n");
  assertEquals(read(text), { datagrams: [PLUG.toHex()], notes: [], skipped: 0 });
});

Deno.test("datagramsOfText() knows the bits that strace calls by numbers of attributes", () => {
  const mask =
    "sendto(3, [{nlmsg_len=28, nlmsg_type=RTM_GETSTATS, nlmsg_flags=NLM_F_REQUEST, nlmsg_seq=1, nlmsg_pid=0}, " +
    "{family=AF_UNSPEC, ifindex=0, filter_mask=1<<IFLA_STATS_UNSPEC|1<<IFLA_STATS_LINK_64}], 28, 0, NULL, 0) = 28";
  assertEquals(read(mask).datagrams.map((hex) => hex.slice(-8)), ["03000000"]);
});

Deno.test("datagramsOfText() reads a call of strace that a terminal has broken into lines", () => {
  const text = CALLS["strace 6 -xx"](PLUG).replaceAll(/.{70}/g, "$&\n");
  assertEquals(read(text).datagrams, [PLUG.toHex()]);
});

Deno.test("datagramsOfText() leaves out other protocols of netlink, and says so", () => {
  const text = [
    "socket(AF_NETLINK, SOCK_RAW|SOCK_CLOEXEC, NETLINK_SOCK_DIAG) = 3",
    CALLS["strace 6 -xx"](PLUG),
    CALLS["strace 4"](PLUG),
    "socket(AF_NETLINK, SOCK_RAW|SOCK_CLOEXEC, NETLINK_ROUTE) = 4",
    CALLS["strace 4"](ACK).replace("(3,", "(4,"),
  ].join("\n");
  assertEquals(read(text), {
    datagrams: [ACK.toHex()],
    notes: ["left out 2 datagrams of NETLINK_SOCK_DIAG: only NETLINK_ROUTE can be decoded"],
    skipped: 0,
  });
  assertEquals(read(cooked(PLUG, 16).toHex()).notes.length, 1);
});

Deno.test("decode shows the messages that it can read, notes those that it skips, and exits with 1", async () => {
  const cut = 'sendto(3, "<\\0\\0\\0"..., 60, 0, NULL, 0) = 60';
  const { status, stdout, stderr } = await runHere(
    "decode",
    "--brief",
    around([cut, CALLS["strace 4"](ACK)].join("\n")),
  );
  assertEquals([status, stdout], [1, (await runHere("decode", "--brief", ACK.toHex())).stdout]);
  assertEquals(
    stderr,
    "plugctl: skipped: cannot read the message at line 8, column 20: strace cut the string short; run it with -s 65536\n",
  );
});

Deno.test("datagramsOfText() skips what strace has cut short of several messages in one call, and shows the others", () => {
  const head = (length: number) =>
    `{nlmsg_len=${length}, nlmsg_type=RTM_NEWQDISC, nlmsg_flags=NLM_F_MULTI, nlmsg_seq=7, nlmsg_pid=1}`;
  const qdisc = "{tcm_family=AF_UNSPEC, tcm_ifindex=3, tcm_handle=0, tcm_parent=4294967295, tcm_info=2}";
  const whole = `[${head(48)}, ${qdisc}, [[{nla_len=9, nla_type=TCA_KIND}, "plug"]]]`;
  const cut = `[${head(92)}, ${qdisc}, [[{nla_len=9, nla_type=TCA_KIND}, "plug"], ...]]`;
  const unnamed = `[${head(36)}, {tcm_family=AF_UNSPEC, ...}]`;
  const call = (messages: string) =>
    `recvmsg(3, {msg_name={sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, msg_namelen=12, ` +
    `msg_iov=[{iov_base=[${messages}], iov_len=32768}], msg_iovlen=1, msg_controllen=0, msg_flags=0}, 0) = 140`;
  const alone = read(call(whole)).datagrams;
  assertEquals(alone.length, 1);
  for (const messages of [[cut, whole], [whole, cut], [unnamed, whole], [whole, "..."]]) {
    const text = call(messages.join(", "));
    assertEquals(read(text), {
      datagrams: alone,
      notes: [
        `skipped: cannot read the message at line 1, column ${text.indexOf("...") + 1}: strace left something out; ` +
        "run it with -v -s 65536, or have strace dump the bytes themselves with: -e write=all -e read=all",
      ],
      skipped: 1,
    });
  }
});

Deno.test("datagramsOfText() says that what looks like strace has no message", () => {
  const { message } = assertThrows(() => read(around("close(3) = 0")), UsageError);
  assertEquals(
    message,
    "cannot read the message at line 1, column 1: it looks like what strace prints, but has no message of netlink",
  );
});

/** What is said of arrays and dumps that are wrong. */
const MISTAKES: readonly (readonly [text: string, said: string])[] = [
  ["[16, 0, 300]", 'line 1, column 9: "300" is not a byte: use 0 to 255, or 0x00 to 0xff'],
  ["{ 0x10, 0x100 }", 'line 1, column 9: "0x100" is not a byte: use 0 to 255, or 0x00 to 0xff'],
  ["[16, 0, 010]", 'line 1, column 9: "010" is not a byte: use 0 to 255, or 0x00 to 0xff'],
  ["[16, 0, ..., 0, 0]", "line 1, column 9: here bytes are left out; have all of them printed"],
  [
    "0000000 003c 0000 0024 0005\n0000008",
    "line 1, column 1: bytes stand in words, whose order it does not say; use hexdump -C",
  ],
  ["b'\\x3c", "line 1, column 1: the string that begins here has no end"],
];

for (const [text, said] of MISTAKES) {
  Deno.test(`datagramsOfText() says where it stops, on: ${text.replaceAll("\n", "/")}`, () => {
    const { message } = assertThrows(() => read(text), UsageError);
    assertEquals(message, `cannot read the message at ${said}`);
  });
}

Deno.test("decode says that a word is the name of a file, and how to read it", async () => {
  const folder = await Deno.makeTempDir({ prefix: "plugctl-" });
  try {
    await Deno.writeFile(`${folder}/a.pcap`, words(0xa1b2c3d4, 0, 0, 0, 0, 253));
    await Deno.writeTextFile(`${folder}/trace`, around(CALLS["strace 4"](ACK)));
    const said = async (word: string) => {
      const { status, stderr } = await runHere("decode", `${folder}/${word}`);
      return `${status} ${stderr.replaceAll(folder, "DIR")}`;
    };
    const is = (file: string, how: string) =>
      `2 plugctl: "DIR/${file}" is a file, and the arguments are messages; read it with: plugctl decode ${how}\n`;
    assertEquals(await said("a.pcap"), is("a.pcap", "--pcap DIR/a.pcap"));
    assertEquals(await said("trace"), is("trace", "< DIR/trace"));
    assertEquals(
      await said("nosuch"),
      '2 plugctl: "DIR/nosuch" is neither a message nor a file; give a message as hex or in another form\n',
    );
    // Whose name is a hex number
    await Deno.writeTextFile(`${folder}/beef`, "");
    const { status, stderr } = await plugctl(["decode", "beef"], { cwd: folder });
    assertEquals([status, stderr], [
      2,
      'plugctl: "beef" is a file, and the arguments are messages; read it with: plugctl decode < beef\n',
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("datagramsOfText() gives datagrams, or says where it stops, on 20,000 mutated texts", () => {
  const whole = Object.values(CALLS).map((call) => around([PLUG, ACK].map(call).join("\n")));
  const texts = [...Object.values(ARRAYS), ...Object.values(DUMPS), LIBNL, ...whole];
  for (let seed = 1; seed <= 20_000; seed++) {
    const random = new Random(seed);
    const text = mutated(random.pick(texts), random);
    try {
      const { datagrams } = datagramsOfText(text, () => {});
      assert(datagrams.every((bytes) => bytes.length <= text.length), `seed ${seed}`);
    } catch (error) {
      assert(error instanceof UsageError, `seed ${seed}: ${(error as Error).stack}`);
    }
  }
});

/** A text that is changed in up to six places: letters taken out, put in or said twice, or the rest cut off. */
function mutated(text: string, random: Random): string {
  let changed = text;
  for (let count = random.below(6); count >= 0; count--) {
    const at = random.below(changed.length + 1);
    const end = at + random.below(20);
    const [head, part, tail] = [changed.slice(0, at), changed.slice(at, end), changed.slice(end)];
    const put = random.pick([
      "{",
      "[",
      '"',
      "\\",
      ",",
      "=",
      "]",
      "}",
      " ",
      "|",
      "0x",
      "-",
      "\n",
      "9".repeat(30),
      "|",
      "<",
    ]);
    changed = random.pick([head + tail, head + put + tail, head + put + part + tail, head, head + part + part + tail]);
  }
  return changed;
}
