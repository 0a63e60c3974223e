// What strace prints with its options for who called, when, from where, and of which socket: the same messages.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../cli/exit_status.ts";
import { read } from "./pasted.ts";
import { runHere } from "./run_here.ts";

/** Calls of `ip`, `tc` and `bridge` in fields, by strace 6.1. */
const PLAIN = (await Deno.readTextFile(new URL("strace/fields_and_bytes.txt", import.meta.url)))
  .split("\n").filter((line) => !/^ [|*] /.test(line)).join("\n");
const WANTED = read(PLAIN);

const before = (prefix: string) => (line: string) => `${prefix} ${line}`;
const processes = (line: string) => line.replace(/nlmsg_pid=([1-9]\d*)/g, "nlmsg_pid=$1<ip>");
const socket = (shown: string) => (line: string) => line.replace(/^(\w+)\((\d+)/, `$1($2<${shown}>`);
const STACK = "\n > /usr/lib/x86_64-linux-gnu/libc.so.6(sendto+0x19) [0x109b59]\n > /usr/sbin/ip() [0x6f0a2]";

/** A line of a call as strace prints it with those options. */
const OPTIONS: Readonly<Record<string, (line: string) => string>> = {
  "-n": before("[  44]"),
  "-f -n": before("[pid 16515] [  44]"),
  "-f -n -o": before("16515 [  44]"),
  "-Y": processes,
  "-f -Y": (line) => before("[pid 16460<ip>]")(processes(line)),
  "-f -Y -o": (line) => before("16460<tmux: server>")(processes(line)),
  "-f -n -Y": (line) => before("16515<ip> [  44]")(processes(line)),
  "-k": (line) => `${line}${STACK}`,
  "-T": (line) => `${line} <0.000021>`,
  "-t": before("16:27:50"),
  "-tt": before("16:27:49.752001"),
  "-ttt": before("1795710470.281754"),
  "-r": before("     0.000070"),
  "-r -tt": before("16:27:49.752001 (+     0.000070)"),
  "-i": before("[00007f5639c84b59]"),
  "-y": socket("socket:[38748632]"),
  "-yy": socket("NETLINK:[ROUTE:14767]"),
  "-f -ttt -T -n -i -y -Y": (line) =>
    `[pid    44<ip>] 1795710470.281754 [  44] [00007fc65ad86b59] ${socket("socket:[38748632]")(processes(line))} <0.1>`,
  "-f --decode-pids=pidns": (line) => `16540 /* 5 in strace's PID NS */ ${line}`,
  "--secontext": before("[unconfined_u:unconfined_r:unconfined_t:s0]"),
};

Deno.test("the calls that were recorded have messages", () => assert(WANTED.datagrams.length > 40));

for (const [options, form] of Object.entries(OPTIONS)) {
  Deno.test(`datagramsOfText() reads the same messages of strace ${options}`, () => {
    const text = PLAIN.split("\n").map((line) => /^[a-z]\w*\(/.test(line) ? form(line) : line).join("\n");
    assert(text !== PLAIN);
    assertEquals(read(text), WANTED);
  });
}

Deno.test("datagramsOfText() reads the summary of strace -C as none of the calls", () => {
  const summary =
    "% time     seconds  usecs/call     calls    errors syscall\n------ ----------- ----------- --------- ------";
  assertEquals(read(`${PLAIN}\n${summary}`), WANTED);
});

const HEADER = "nlmsg_flags=NLM_F_REQUEST|NLM_F_DUMP, nlmsg_seq=1, nlmsg_pid=0}";
const send = (type: string, body: string, length = 20, before = "") =>
  `sendto(3${before}, [{nlmsg_len=${length}, nlmsg_type=${type}, ${HEADER}, ${body}], ${length}, 0, NULL, 0) = ${length}`;

Deno.test("datagramsOfText() says of a line with a message that it does not understand", () => {
  const call = send("RTM_GETLINK", "{rtgen_family=AF_INET6}");
  const { datagrams, notes, skipped } = read(`${call}\n?!? ${call}\n${call}`);
  assertEquals([datagrams.length, skipped], [2, 1]);
  assertEquals(notes, [
    "skipped: cannot read the message at line 2, column 1: this line is not understood; have strace dump the bytes " +
    "themselves with: -e write=all -e read=all",
  ]);
});

Deno.test("datagramsOfText() says of a line that sends and that it does not understand, though it shows bytes alone", () => {
  const call = 'sendto(3, "\\34\\0\\0\\0", 28, 0, NULL, 0) = 28';
  const { skipped, notes } = read(`${send("RTM_GETLINK", "{rtgen_family=AF_INET6}")}\n?!? ${call}`);
  assertEquals([skipped, notes.length], [1, 1]);
});

/** Calls of programs that speak of something else, by the protocol that strace shows, alone and with an answer. */
const OTHERS: Readonly<Record<string, readonly string[]>> = {
  "SOCK_DIAG, by the type": [
    send("SOCK_DIAG_BY_FAMILY", "{sdiag_family=AF_UNIX, sdiag_protocol=0, udiag_states=1<<TCP_LISTEN}"),
    "recvmsg(3, {msg_iov=[{iov_base=[{nlmsg_len=20, nlmsg_type=NLMSG_DONE, nlmsg_flags=NLM_F_MULTI, nlmsg_seq=1, nlmsg_pid=0}, 0], iov_len=16}]}, 0) = 20",
  ],
  "SOCK_DIAG, by the dump beneath": [
    `${send("SOCK_DIAG_BY_FAMILY", "{sdiag_family=AF_UNIX}")}\n * 20 bytes in buffer 0\n` +
    " | 00000  14 00 00 00 14 00 01 03  01 00 00 00 00 00 00 00  ................ |\n" +
    " | 00010  01 00 00 00                                       ....             |",
  ],
  "SOCK_DIAG, by the body, with -X raw": [send("0x14", "{sdiag_family=0x1, sdiag_protocol=0, udiag_states=0x400}")],
  "SOCK_DIAG, by the type, with -X verbose": [
    send("0x14 /* SOCK_DIAG_BY_FAMILY */", "{sdiag_family=0x1 /* AF_UNIX */}"),
  ],
  "SOCK_DIAG, by the descriptor, with -yy": [send("0x14", '"\\x01"', 20, "<NETLINK:[SOCK_DIAG:14823]>")],
  "SOCK_DIAG, by the socket, with -X raw": ["socket(0x10, 0x80003, 0x4) = 3", send("0x14", '"\\x01"')],
  "XFRM, by the type": [send("XFRM_MSG_GETSA", '"\\x01"')],
  "NETFILTER, by the type": [
    send("NFNL_SUBSYS_NFTABLES<<8|NFT_MSG_GETTABLE", "{nfgen_family=AF_UNSPEC, version=0, res_id=htons(0)}"),
  ],
  "AUDIT, by the type": [send("AUDIT_GET", '"\\x01"')],
  "CRYPTO, by the type": [send("CRYPTO_MSG_GETALG", '"\\x01"')],
};

for (const [how, calls] of Object.entries(OTHERS)) {
  Deno.test(`datagramsOfText() leaves out what is of NETLINK_${how}, and says so`, () => {
    const [protocol] = how.split(",");
    const count = calls.filter((call) => !call.startsWith("socket")).length;
    assertEquals(read(calls.join("\n")), {
      datagrams: [],
      notes: [
        `left out ${count} datagram${count === 1 ? "" : "s"} of NETLINK_${protocol}: only NETLINK_ROUTE and the ` +
        "controller of NETLINK_GENERIC can be decoded",
      ],
      skipped: 0,
    });
  });
}

Deno.test("datagramsOfText() knows the protocol of a descriptor that another is made of, and that a thread shares", () => {
  const made = "socket(AF_NETLINK, SOCK_RAW|SOCK_CLOEXEC, NETLINK_SOCK_DIAG) = 3";
  const message = send("0x14", '"\\x01"');
  const texts = [
    `${made}\ndup2(3, 7) = 7\n${message.replace("(3,", "(7,")}`,
    `${made}\nfcntl(3, F_DUPFD_CLOEXEC, 7) = 7\n${message.replace("(3,", "(7,")}`,
    `[pid 7] ${made}\n[pid 8] ${message}`,
  ];
  for (const text of texts) assertEquals(read(text).datagrams, [], text);
});

Deno.test("datagramsOfText() says where strace shows numbers alone, and not of which protocol they are", () => {
  const { datagrams, notes } = read(send("0x12", "{rtgen_family=0xa}"));
  assertEquals(datagrams.length, 1);
  assertEquals(notes, [
    "strace shows no protocol of netlink beside these numbers, so they are read as NETLINK_ROUTE; -yy shows it",
  ]);
});

Deno.test("decode gives no false advice where strace shows more than a field can hold", async () => {
  const { status, stderr } = await runHere("decode", send("0x12", '{rtgen_family="\\x01\\x02"}'));
  assertEquals(status, 2);
  assert(!stderr.includes("-s 65536"), stderr);
});

const CONTROLLER = "2000000010000500010000000000000003010000" + "0c0002006e6c6374726c0000";
const ASKED =
  "sendto(3, [{nlmsg_len=32, nlmsg_type=nlctrl, nlmsg_flags=NLM_F_REQUEST|NLM_F_ACK, nlmsg_seq=1, nlmsg_pid=0}, " +
  '"\\x03\\x01\\x00\\x00\\x0c\\x00\\x02\\x00nlctrl\\x00\\x00"], 32, 0, NULL, 0) = 32';

Deno.test("decode reads generic netlink's controller wherever the family is certain", async () => {
  const body = CONTROLLER.match(/../g)?.join(" ");
  const certain = {
    "strace's type": ASKED,
    "strace's descriptor": ASKED.replace("(3,", "(3<NETLINK:[GENERIC:14]>,").replace("nlctrl,", "0x10,"),
    "strace's socket": `socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC) = 3\n${ASKED.replace("nlctrl,", "0x10,")}`,
    "the header of an nlmon device": `0004033800000000000000000000 0010 ${CONTROLLER}`,
    "a heading": `NETLINK_GENERIC ${CONTROLLER}`,
    "a heading with a colon": `NETLINK_GENERIC: ${body}`,
  };
  for (const [by, text] of Object.entries(certain)) {
    const { status, stdout, stderr } = await runHere("decode", "--brief", text);
    const said = 'GENL_ID_CTRL REQUEST|ACK sequence 1 cmd CTRL_CMD_GETFAMILY ATTR_FAMILY_NAME "nlctrl"';
    assertEquals([status, stdout.replace("6e6c6374726c0000", '"nlctrl"').trimEnd(), stderr], [0, said, ""], by);
  }
});

Deno.test("decode reads bare bytes as NETLINK_ROUTE, as a heading may say", async () => {
  const outcomes = await Promise.all(["", "NETLINK_ROUTE "].map((heading) => runHere("decode", heading + CONTROLLER)));
  for (const { stdout } of outcomes) assert(stdout.startsWith("RTM_NEWLINK, 32 bytes\n"), stdout);
});

Deno.test("datagramsOfText() leaves out families of generic netlink that it does not know, and names them", () => {
  assertEquals(read(`${ASKED}\n${ASKED.replace("nlctrl,", "tcp_metrics,")}`), {
    datagrams: [CONTROLLER],
    notes: [
      "left out 1 datagram of NETLINK_GENERIC (tcp_metrics): only NETLINK_ROUTE and the controller of NETLINK_GENERIC " +
      "can be decoded",
    ],
    skipped: 0,
  });
});

Deno.test("datagramsOfText() says that what strace prints beside calls has no message", () => {
  const texts = [
    "1271  +++ exited with 0 +++",
    "% time     seconds  usecs/call     calls    errors syscall\n------ ----------- ----------- ---------",
  ];
  for (const text of texts) {
    assertThrows(() => read(text), UsageError, "it looks like what strace prints, but has no message of netlink");
  }
});
