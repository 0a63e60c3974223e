// What people paste: arrays as languages print them, hex dumps, what libnl prints.
import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../cli/exit_status.ts";
import { concat, words } from "../codec/bytes.ts";
import { cooked } from "../codec/captures.ts";
import {
  ACK,
  dump,
  escapes,
  hexNumbers,
  letters,
  numbers,
  offset,
  pairs,
  PLUG,
  read,
  readMutants,
  swapped,
} from "./pasted.ts";
import { plugctl } from "./plugctl.ts";
import { runHere } from "./run_here.ts";

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
  "numbers of C with a suffix": `{ ${[...PLUG].map((byte) => `0x${byte.toString(16)}U`).join(", ")} }`,
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
    skipped: 1,
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
    await Deno.writeTextFile(`${folder}/trace`, LIBNL);
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
  readMutants([...Object.values(ARRAYS), ...Object.values(DUMPS), LIBNL], 20_000);
});
