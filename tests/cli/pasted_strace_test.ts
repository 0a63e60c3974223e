// What people paste of strace: whole outputs and single calls, old and new.
import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../cli/exit_status.ts";
import { concat } from "../codec/bytes.ts";
import { cooked } from "../codec/captures.ts";
import { ACK, dump, escapes, letters, octal, offset, pairs, PLUG, read, readMutants } from "./pasted.ts";
import { runHere } from "./run_here.ts";

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

Deno.test("datagramsOfText() reads the bytes of a struct that strace does not know, as bridge vlan sends", () => {
  const sent = String.raw`{nlmsg_len=32, nlmsg_type=RTM_GETVLAN, nlmsg_flags=NLM_F_REQUEST|NLM_F_DUMP, nlmsg_seq=5, ` +
    String.raw`nlmsg_pid=0}, {family=AF_BRIDGE, data="\x00\x00\x00\x00\x00\x00\x00\x08\x00\x01\x00\x00\x00\x00\x00"}`;
  const answer = `{nlmsg_len=52, nlmsg_type=NLMSG_ERROR, nlmsg_flags=0, nlmsg_seq=5, nlmsg_pid=7}, ` +
    `{error=-EOPNOTSUPP, msg=[${sent}]}`;
  const hex = "20000000720001030500000000000000" + "0700000000000000" + "0800010000000000";
  const text = `sendto(3, [${sent}], 32, 0, NULL, 0) = 32\nrecvmsg(3, {msg_name={sa_family=AF_NETLINK, nl_pid=0, ` +
    `nl_groups=00000000}, msg_namelen=12, msg_iov=[{iov_base=[${answer}], iov_len=32768}], msg_flags=0}, 0) = 52\n`;
  assertEquals(read(text), {
    datagrams: [hex, "34000000020000000500000007000000a1ffffff" + hex],
    notes: [],
    skipped: 0,
  });
  const cut = text.replaceAll(String.raw`\x00\x00"}`, String.raw`\x00"...}`);
  assertThrows(() => read(cut), UsageError, "strace cut the string short; run it with -v -s 65536");
});

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
    notes: [
      "left out 2 datagrams of NETLINK_SOCK_DIAG: only NETLINK_ROUTE and the controller of " +
      "NETLINK_GENERIC can be decoded",
    ],
    skipped: 0,
  });
  assertEquals(read(cooked(PLUG, 4).toHex()).notes.length, 1);
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

Deno.test("datagramsOfText() gives datagrams, or says where it stops, on 10,000 mutated outputs of strace", () => {
  readMutants(Object.values(CALLS).map((call) => around([PLUG, ACK].map(call).join("\n"))), 10_000);
});
