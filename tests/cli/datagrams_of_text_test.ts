import { assert, assertEquals, assertThrows } from "@std/assert";
import { datagramsOfText } from "../../cli/input/datagrams.ts";
import { UsageError } from "../../cli/exit_status.ts";
import { decode, formatSummary } from "../../codec/family.ts";
import { REQUESTS } from "../codec/captured.ts";
import { concat } from "../codec/bytes.ts";
import { Random } from "../codec/random.ts";

/** `tc qdisc change dev lo root plug block` */
const HEX =
  "3c000000240005009c31016b00000000000000000100000000000000ffffffff0000000009000100706c7567000000000c0002000000000000000000";

/** The bytes in hex, where there is nothing to note. */
function hexOf(text: string): string {
  return bytesOf(text, (note) => {
    throw new Error(`Unexpected note: ${note}`);
  }).toHex();
}

/** The bytes of all datagrams, one behind the other. */
function bytesOf(text: string, note: (text: string) => void): Uint8Array {
  return concat(...datagramsOfText(text, note).datagrams);
}

/** That message as programs print it. */
const FORMS: Readonly<Record<string, string>> = {
  "plain hex": HEX,
  "capital letters": HEX.toUpperCase(),
  "hex in words and lines": HEX.replaceAll(/.{8}/g, "$& ").replaceAll(/.{36}/g, "$&\n"),
  "bytes between colons": HEX.replaceAll(/..(?=.)/g, "$&:"),
  "numbers of C": HEX.replaceAll(/../g, "0x$&, "),
  "escapes without quotes": HEX.replaceAll(/../g, "\\x$&"),
  "base64": Uint8Array.fromHex(HEX).toBase64(),
  "base64 in lines": Uint8Array.fromHex(HEX).toBase64().replaceAll(/.{20}/g, "$&\n"),
  "base64url": Uint8Array.fromHex(HEX).toBase64({ alphabet: "base64url", omitPadding: true }),
  "xxd": `
00000000: 3c00 0000 2400 0500 9c31 016b 0000 0000  <...$....1.k....
00000010: 0000 0000 0100 0000 0000 0000 ffff ffff  ................
00000020: 0000 0000 0900 0100 706c 7567 0000 0000  ........plug....
00000030: 0c00 0200 0000 0000 0000 0000            ............
`,
  "xxd -g1": `
00000000: 3c 00 00 00 24 00 05 00 9c 31 01 6b 00 00 00 00  <...$....1.k....
00000010: 00 00 00 00 01 00 00 00 00 00 00 00 ff ff ff ff  ................
00000020: 00 00 00 00 09 00 01 00 70 6c 75 67 00 00 00 00  ........plug....
00000030: 0c 00 02 00 00 00 00 00 00 00 00 00              ............
`,
  "hexdump -C": `
00000000  3c 00 00 00 24 00 05 00  9c 31 01 6b 00 00 00 00  |<...$....1.k....|
00000010  00 00 00 00 01 00 00 00  00 00 00 00 ff ff ff ff  |................|
00000020  00 00 00 00 09 00 01 00  70 6c 75 67 00 00 00 00  |........plug....|
00000030  0c 00 02 00 00 00 00 00  00 00 00 00              |............|
0000003c
`,
  "tcpdump -X": `
	0x0000:  3c00 0000 2400 0500 9c31 016b 0000 0000  <...$....1.k....
	0x0010:  0000 0000 0100 0000 0000 0000 ffff ffff  ................
	0x0020:  0000 0000 0900 0100 706c 7567 0000 0000  ........plug....
	0x0030:  0c00 0200 0000 0000 0000 0000            ............
`,
  "tcpdump -x": `
	0x0000:  3c00 0000 2400 0500 9c31 016b 0000 0000
	0x0010:  0000 0000 0100 0000 0000 0000 ffff ffff
	0x0020:  0000 0000 0900 0100 706c 7567 0000 0000
	0x0030:  0c00 0200 0000 0000 0000 0000
`,
  "xxd -i": `unsigned char _tmp_m_bin[] = {
  0x3c, 0x00, 0x00, 0x00, 0x24, 0x00, 0x05, 0x00, 0x9c, 0x31, 0x01, 0x6b,
  0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00,
  0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00,
  0x09, 0x00, 0x01, 0x00, 0x70, 0x6c, 0x75, 0x67, 0x00, 0x00, 0x00, 0x00,
  0x0c, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00
};
unsigned int _tmp_m_bin_len = 60;
`,
  "strace -xx": `sendto(3, "${HEX.replaceAll(/../g, "\\x$&")}", 60, 0, NULL, 0) = 60`,
  "strace, octal": String
    .raw`write(3, "<\0\0\0$\0\5\0\2341\1k\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\377\377\377\377\0\0\0\0\t\0\1\0plug\0\0\0\0\f\0\2\0\0\0\0\0\0\0\0\0", 60) = 60`,
  "strings of C": `"${HEX.slice(0, 60).replaceAll(/../g, "\\x$&")}"\n"${HEX.slice(60).replaceAll(/../g, "\\x$&")}"`,
  "strace -e write=all": `
sendmsg(3, {msg_name={sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, msg_namelen=12, msg_iov=[{iov_base=[{nlmsg_len=60, nlmsg_type=RTM_NEWQDISC, nlmsg_flags=NLM_F_REQUEST|NLM_F_ACK, nlmsg_seq=1795240348, nlmsg_pid=0}, ...
 * 60 bytes in buffer 0
 | 00000  3c 00 00 00 24 00 05 00  9c 31 01 6b 00 00 00 00  <...$....1.k.... |
 | 00010  00 00 00 00 01 00 00 00  00 00 00 00 ff ff ff ff  ................ |
 | 00020  00 00 00 00 09 00 01 00  70 6c 75 67 00 00 00 00  ........plug.... |
 | 00030  0c 00 02 00 00 00 00 00  00 00 00 00              ............     |
`,
};

for (const [form, text] of Object.entries(FORMS)) {
  Deno.test(`datagramsOfText() reads a message as ${form}`, () => assertEquals(hexOf(text), HEX));
}

Deno.test("datagramsOfText() reads each buffer of strace's dumps, one after the other", () => {
  const dump = FORMS["strace -e write=all"];
  assertEquals(hexOf(dump + dump), HEX + HEX);
});

Deno.test("datagramsOfText() reads every captured request, from hex and from base64", () => {
  for (const { bytes } of REQUESTS) {
    assertEquals([bytes.toHex(), bytes.toBase64()].map(hexOf), [bytes.toHex(), bytes.toHex()]);
  }
});

/** What is said of text that is no message. */
const MISTAKES: readonly (readonly [text: string, place: string, why: string])[] = [
  [
    "",
    "line 1, column 1",
    "there is nothing; expected what libnl prints with NLCB=debug, what strace prints, a dump in columns, a hex dump, an array of bytes, " +
    "a string literal, base64, hex",
  ],
  ["3c00 0000\n24g0", "line 2, column 3", '"g" is not a hex digit'],
  ["3c000000240", "line 1, column 1", "11 hex digits in a row, must be two a byte"],
  ["3c 00 0 0", "line 1, column 7", "1 hex digits in a row, must be two a byte"],
  ["0x3c, 0x000000", "line 1, column 7", "0x000000 has more than one byte, whose order it does not say"],
  ["PAAAACQABQA=", "line 1, column 1", '"P" is not a hex digit'],
  [
    "00000000: 3c00 0000\n00000010: 2400",
    "line 2, column 1",
    "the line begins at byte 16, but 4 bytes stand before it",
  ],
  [
    "00000000  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\n*\n00000044",
    "line 3, column 1",
    "the star stands for lines of 16 bytes from byte 16 on, which do not end at offset 00000044",
  ],
  [
    "00000000  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\n*\n",
    "line 2, column 1",
    "the star stands for lines like the one before it, but no offset behind it says how many",
  ],
  ["00000000: 3c00 0000\nwhat is this\n00000004: 0000", "line 2, column 1", "this line is not part of the dump"],
  ["00000000  3c 00 00 00\n00000005", "line 2, column 1", "the line begins at byte 5, but 4 bytes stand before it"],
  ['write(3, "<\\0\\0\\0"..., 60)', "line 1, column 19", "strace cut the string short; run it with -s 65536"],
  ['write(3, "<\\0\\0', "line 1, column 10", "the string that begins here has no end"],
  ['"ab\\q"', "line 1, column 4", '"\\\\q" is not a byte; strace -xx writes all of them in hex'],
  ['"é"', "line 1, column 2", '"é" is not a byte; strace -xx writes all of them in hex'],
  ['"\\777"', "line 1, column 2", '"\\\\777" is not a byte; strace -xx writes all of them in hex'],
  ["m = { 0x3c, q };", "line 1, column 13", '"q" is not a byte: use 0 to 255, or 0x00 to 0xff'],
];

for (const [text, place, why] of MISTAKES) {
  Deno.test(`datagramsOfText() says where it stops, on: ${text.slice(0, 30).replaceAll("\n", "/")}`, () => {
    const { message } = assertThrows(() => hexOf(text), UsageError);
    assertEquals(message, `cannot read the message at ${place}: ${why}`);
  });
}

/** What strace 6.1 printed of tc: a change that was refused. */
const REFUSED =
  `sendmsg(3, {msg_name={sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, msg_namelen=12, msg_iov=[{iov_base=[{nlmsg_len=60, nlmsg_type=RTM_NEWQDISC, nlmsg_flags=NLM_F_REQUEST|NLM_F_ACK|NLM_F_EXCL|NLM_F_CREATE, nlmsg_seq=1795268753, nlmsg_pid=0}, {tcm_family=AF_UNSPEC, tcm_ifindex=if_nametoindex("lo"), tcm_handle=0, tcm_parent=4294967295, tcm_info=0}, [[{nla_len=9, nla_type=TCA_KIND}, "plug"], [{nla_len=12, nla_type=TCA_OPTIONS}, "\\x03\\x00\\x00\\x00\\x05\\x00\\x00\\x00"]]], iov_len=60}], msg_iovlen=1, msg_controllen=0, msg_flags=0}, 0) = 60
recvmsg(3, {msg_name={sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, msg_namelen=12, msg_iov=[{iov_base=NULL, iov_len=0}], msg_iovlen=1, msg_controllen=0, msg_flags=MSG_TRUNC}, MSG_PEEK|MSG_TRUNC) = 116
recvmsg(3, {msg_name={sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, msg_namelen=12, msg_iov=[{iov_base=[{nlmsg_len=116, nlmsg_type=NLMSG_ERROR, nlmsg_flags=NLM_F_ACK_TLVS, nlmsg_seq=1795268753, nlmsg_pid=10415}, [{error=-ENOENT, msg=[{nlmsg_len=60, nlmsg_type=RTM_NEWQDISC, nlmsg_flags=NLM_F_REQUEST|NLM_F_ACK|NLM_F_EXCL|NLM_F_CREATE, nlmsg_seq=1795268753, nlmsg_pid=0}, {tcm_family=AF_UNSPEC, tcm_ifindex=if_nametoindex("lo"), tcm_handle=0, tcm_parent=4294967295, tcm_info=0}, [[{nla_len=9, nla_type=TCA_KIND}, "plug"], [{nla_len=12, nla_type=TCA_OPTIONS}, "\\x03\\x00\\x00\\x00\\x05\\x00\\x00\\x00"]]]}, [{nla_len=36, nla_type=NLMSGERR_ATTR_MSG}, "Specified qdisc kind is unknown"]]], iov_len=32768}], msg_iovlen=1, msg_controllen=0, msg_flags=0}, 0) = 116
`;
const REFUSED_HEX = [
  "3c0000002400050691a0016b00000000000000000000000000000000ffffffff0000000009000100706c7567000000000c0002000300000005000000",
  "740000000200000291a0016baf280000feffffff",
  "3c0000002400050691a0016b00000000000000000000000000000000ffffffff0000000009000100706c7567000000000c0002000300000005000000",
  "24000100537065636966696564207164697363206b696e6420697320756e6b6e6f776e00",
].join("");

Deno.test("datagramsOfText() makes bytes of the fields that strace shows, and notes that it shows no index", () => {
  const notes: string[] = [];
  assertEquals(bytesOf(REFUSED, (note) => notes.push(note)).toHex(), REFUSED_HEX);
  assertEquals(notes, ['the index of "lo" is shown as 0, strace shows its name alone']);
});

/** What strace 6.1 printed, and the same in short. */
const SHOWN = [
  [
    `{iov_base=[{nlmsg_len=148, nlmsg_type=RTM_NEWQDISC, nlmsg_flags=NLM_F_MULTI, nlmsg_seq=1795268769, nlmsg_pid=12402}, {tcm_family=AF_UNSPEC, tcm_ifindex=3, tcm_handle=0x10000, tcm_parent=4294967295, tcm_info=2}, [[{nla_len=12, nla_type=TCA_KIND}, "noqueue"], [{nla_len=5, nla_type=TCA_HW_OFFLOAD}, 0], [{nla_len=48, nla_type=TCA_STATS2}, [[{nla_len=20, nla_type=TCA_STATS_BASIC}, {bytes=0, packets=0}], [{nla_len=24, nla_type=TCA_STATS_QUEUE}, {qlen=1, backlog=2, drops=3, requeues=0, overlimits=0}]]], [{nla_len=44, nla_type=TCA_STATS}, {bytes=0, packets=0, drops=3, overlimits=0, bps=0, pps=0, qlen=1, backlog=2}]]], iov_len=32768}`,
    'RTM_NEWQDISC MULTI sequence 1795268769 ifindex 3 handle 1: parent root KIND "noqueue" qlen 1 backlog 2 drops 3',
  ],
  [
    "[{nlmsg_len=20, nlmsg_type=NLMSG_DONE, nlmsg_flags=NLM_F_MULTI, nlmsg_seq=1795267136, nlmsg_pid=25395}, 0]",
    "NLMSG_DONE MULTI sequence 1795267136 error 0",
  ],
  [
    "{nlmsg_len=16, nlmsg_type=NLMSG_DONE, nlmsg_flags=NLM_F_MULTI, nlmsg_seq=7, nlmsg_pid=0}",
    "NLMSG_DONE MULTI sequence 7",
  ],
  [
    "{iov_base=[{nlmsg_len=36, nlmsg_type=NLMSG_ERROR, nlmsg_flags=NLM_F_CAPPED, nlmsg_seq=1795267137, nlmsg_pid=25428}, {error=0, msg={nlmsg_len=56, nlmsg_type=RTM_NEWQDISC, nlmsg_flags=NLM_F_REQUEST|NLM_F_ACK|NLM_F_EXCL|NLM_F_CREATE, nlmsg_seq=1795267137, nlmsg_pid=0}}], iov_len=32768}",
    "NLMSG_ERROR CAPPED sequence 1795267137 error 0",
  ],
  [
    String
      .raw`sendto(21, [{nlmsg_len=36, nlmsg_type=0x26 /* NLMSG_??? */, nlmsg_flags=NLM_F_REQUEST|0x300, nlmsg_seq=1, nlmsg_pid=0}, "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"], 36, 0, NULL, 0) = 36`,
    "RTM_GETQDISC REQUEST|ROOT|MATCH sequence 1 ifindex 0 handle 0: parent none",
  ],
  [
    `sendto(3, [{nlmsg_len=40, nlmsg_type=RTM_GETLINK, nlmsg_flags=NLM_F_REQUEST|NLM_F_DUMP, nlmsg_seq=1795267136, nlmsg_pid=0}, {ifi_family=AF_UNSPEC, ifi_type=ARPHRD_NETROM, ifi_index=0, ifi_flags=0, ifi_change=0}, [{nla_len=8, nla_type=IFLA_EXT_MASK}, RTEXT_FILTER_VF]], 40, 0, NULL, 0) = 40`,
    "RTM_GETLINK REQUEST|ROOT|MATCH sequence 1795267136 ifindex 0",
  ],
  [
    `{iov_base=[{nlmsg_len=56, nlmsg_type=RTM_NEWLINK, nlmsg_flags=NLM_F_REQUEST|NLM_F_ACK|NLM_F_EXCL|NLM_F_CREATE, nlmsg_seq=1795268742, nlmsg_pid=0}, {ifi_family=AF_UNSPEC, ifi_type=ARPHRD_NETROM, ifi_index=0, ifi_flags=0, ifi_change=0}, [[{nla_len=11, nla_type=IFLA_IFNAME}, "plug-x"], [{nla_len=12, nla_type=IFLA_LINKINFO}, [{nla_len=8, nla_type=IFLA_INFO_KIND}, "ifb"]]]], iov_len=56}`,
    'RTM_NEWLINK REQUEST|ACK|EXCL|CREATE sequence 1795268742 ifindex 0 IFNAME "plug-x" INFO_KIND "ifb"',
  ],
] as const;

for (const [text, summary] of SHOWN) {
  Deno.test(`datagramsOfText() makes bytes of what strace shows: ${summary}`, () => {
    assertEquals(formatSummary(decode(Uint8Array.fromHex(hexOf(text)))), summary);
  });
}

const INSTEAD = "have strace dump the bytes themselves with: -e write=all -e read=all";

/** What is said of fields that make no message; the mark is where. */
const NOT_SHOWN = [
  [
    "[{nlmsg_len=60, nlmsg_type=RTM_NEWQDISC, «...}]",
    `strace left something out; run it with -v -s 65536, or ${INSTEAD}`,
  ],
  ["[{nlmsg_len=40, nlmsg_type=«RTM_NOSUCH}, 0]", `no number is known for RTM_NOSUCH; ${INSTEAD}`],
  [
    "«[{nlmsg_len=40, nlmsg_type=RTM_GETLINK, nlmsg_flags=0, nlmsg_seq=1, nlmsg_pid=0}, 0]",
    `strace shows 20 of 40 bytes of a message; ${INSTEAD}`,
  ],
  [
    "[{nlmsg_len=40, nlmsg_type=«70000, nlmsg_flags=0, nlmsg_seq=1, nlmsg_pid=0}, 0]",
    `70000 does not fit into 2 bytes; ${INSTEAD}`,
  ],
  [
    "[{nlmsg_len=40, nlmsg_type=RTM_GETLINK}, [{nla_len=10, nla_type=IFLA_ADDRESS}, «<hidden>]]",
    `this is not understood; ${INSTEAD}`,
  ],
  [
    '[{nlmsg_len=40, nlmsg_type=RTM_GETLINK}, [{nla_len=40, nla_type=IFLA_IFNAME}, «"lo"...]]',
    "strace shows 2 of 36 bytes; run it with -v -s 65536",
  ],
] as const;

for (const [marked, why] of NOT_SHOWN) {
  Deno.test(`datagramsOfText() says which field of strace's it cannot make bytes of, on: ${marked.slice(0, 60)}`, () => {
    const { message } = assertThrows(() => hexOf(marked.replace("«", "")), UsageError);
    assertEquals(message, `cannot read the message at line 1, column ${marked.indexOf("«") + 1}: ${why}`);
  });
}

/** A text that is changed in up to four places: letters taken out, put in or said twice, or the rest cut off. */
function mutated(text: string, random: Random): string {
  let changed = text;
  for (let count = random.below(4); count >= 0; count--) {
    const at = random.below(changed.length + 1);
    const end = at + random.below(12);
    const [head, part, tail] = [changed.slice(0, at), changed.slice(at, end), changed.slice(end)];
    const put = '{["\\,=]} |0x'[random.below(12)];
    changed = random.pick([head + tail, head + put + part + tail, head, head + part + part + tail]);
  }
  return changed;
}

Deno.test("datagramsOfText() gives bytes, or says where it stops, on 10,000 mutated texts", () => {
  const texts = [...Object.values(FORMS), REFUSED, ...SHOWN.map(([text]) => text)];
  for (let seed = 1; seed <= 10_000; seed++) {
    const random = new Random(seed);
    const text = mutated(random.pick(texts), random);
    try {
      assert(bytesOf(text, () => {}).length <= text.length, `seed ${seed}`);
    } catch (error) {
      assert(error instanceof UsageError, `seed ${seed}: ${error}`);
    }
  }
});
