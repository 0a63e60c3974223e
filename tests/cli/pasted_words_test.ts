// What people paste with words around it, what gdb and od print, and numbers whose base only the message tells.
import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../cli/exit_status.ts";
import { ACK, hexNumbers, numbers, pairs, PLUG, read, readMutants } from "./pasted.ts";
import { runHere } from "./run_here.ts";

const [PLUG_HEX, ACK_HEX] = [PLUG.toHex(), ACK.toHex()];
const GET_LINK = Uint8Array.fromHex("1400000012000103010000000000000000000000");
const BY_GDB = "the last byte is taken to be 0, which gdb leaves out";
const BY_HEX = "the numbers are read as hex, since only so are they a message";

/** By who prints it, or how: the text, what is noted, and what it is where that is not `GET_LINK`. */
const FORMS: Readonly<Record<string, readonly [text: string, notes?: readonly string[], wanted?: Uint8Array]>> = {
  "print of gdb": [String.raw`$1 = "\024\000\000\000\022\000\001\003\001", '\000' <repeats 10 times>`, [BY_GDB]],
  "print of gdb, of an array without zeros left out": [
    String.raw`$1 = "\024\000\000\000\022\000\001\003\001", '\000' <repeats 11 times>`,
  ],
  "print of gdb, of few letters": [String.raw`$2 = "\024\000\000\000\022\000\001\003\001${"\\000".repeat(10)}"`, [
    BY_GDB,
  ]],
  "print of gdb, with more behind what repeats": [
    String
      .raw`$8 = "<\000\000\000$\000\005\000\a\000\000\000\t", '\000' <repeats 7 times>, "\003", '\000' <repeats 5 times>, "\001\000", '\377' <repeats 4 times>, "\002\000\000\000\t\000\001\000plug\000\000\000\000\f\000\002\000\001\000\000\000\000\020\000"`,
    [BY_GDB],
    PLUG,
  ],
  "print/x of gdb": ["$3 = {0x14, 0x0, 0x0, 0x0, 0x12, 0x0, 0x1, 0x3, 0x1, 0x0 <repeats 11 times>}"],
  "print/d of gdb": ["$4 = {20, 0, 0, 0, 18, 0, 1, 3, 1, 0 <repeats 11 times>}"],
  "print/c of gdb": [
    String
      .raw`$5 = {20 '\024', 0 '\000', 0 '\000', 0 '\000', 18 '\022', 0 '\000', 1 '\001', 3 '\003', 1 '\001', 0 '\000' <repeats 11 times>}`,
  ],
  "x/20ub of gdb": [
    "0x4020 <buf>:\t20\t0\t0\t0\t18\t0\t1\t3\n0x4028 <buf+8>:\t1\t0\t0\t0\t0\t0\t0\t0\n0x4030 <buf+16>:\t0\t0\t0\t0",
  ],
  "{:x?} of Rust": [`[${[...GET_LINK].map((byte) => byte.toString(16)).join(", ")}]`, [BY_HEX]],
  "{:x?} of Rust, with letters": [`[${[...PLUG].map((byte) => byte.toString(16)).join(", ")}]`, [], PLUG],
  "{:?} of Rust, which could be hex as well": [`[${numbers(GET_LINK)}]`],
  "a tuple of Python": [`(${numbers(GET_LINK)})`],
  "a tuple of Python behind a prompt": [`>>> tuple(m)\n(${numbers(PLUG)})`, [], PLUG],
  "letters of C": [`char m[] = { '\\x14', 0, 0, 0, '\\x12', 0, 1, 3, '\\1', ${"0, ".repeat(10)}'\\0' };`],
  "letters of Rust": [`[b'\\x14', 0, 0, 0, b'\\x12', 0, 1, 3, 1, ${"0, ".repeat(10)}0]`],
  "od -c": [
    String.raw`0000000 024  \0  \0  \0 022  \0 001 003 001  \0  \0  \0  \0  \0  \0  \0
0000020  \0  \0  \0  \0
0000024`,
  ],
  "od -c of letters": [
    String.raw`0000000   <  \0  \0  \0   $  \0 005  \0  \a  \0  \0  \0  \t  \0  \0  \0
0000020  \0  \0  \0  \0 003  \0  \0  \0  \0  \0 001  \0 377 377 377 377
0000040 002  \0  \0  \0  \t  \0 001  \0   p   l   u   g  \0  \0  \0  \0
0000060  \f  \0 002  \0 001  \0  \0  \0  \0 020  \0  \0
0000074`,
    [],
    PLUG,
  ],
  "od -t u1": [
    "0000000  20   0   0   0  18   0   1   3   1   0   0   0   0   0   0   0\n0000020   0   0   0   0\n0000024",
  ],
  "od -A d -t u1": [
    "0000000  20   0   0   0  18   0   1   3   1   0   0   0   0   0   0   0\n0000016   0   0   0   0\n0000020",
  ],
  "od -t d1": [
    "0000000   20    0    0    0   18    0    1    3    1    0    0    0    0    0    0    0\n0000020    0    0    0    0",
  ],
  "od -b": [
    "0000000 024 000 000 000 022 000 001 003 001 000 000 000 000 000 000 000\n0000020 000 000 000 000\n0000024",
  ],
  "hexdump -c": [
    String.raw`0000000 024  \0  \0  \0 022  \0 001 003 001  \0  \0  \0  \0  \0  \0  \0
0000010  \0  \0  \0  \0                                                
0000014`,
  ],
  "a comment before it": [`# captured\n${pairs(GET_LINK)}`, ["left out at line 1, column 1: # captured"]],
  "a comment with numbers before it": [
    `# 2024-01-02 be ad\n${pairs(GET_LINK)}`,
    ["left out at line 1, column 1: # 2024-01-02 be ad"],
  ],
  "what a log says before and behind it": [
    `DEBUG sent bytes: ${pairs(GET_LINK)} (20 bytes)`,
    ["left out at line 1, column 1: DEBUG sent bytes:", "left out at line 1, column 79: (20 bytes)"],
  ],
  "hex in one word among others": [
    `sent 0x${GET_LINK.toHex()} just now`,
    ["left out at line 1, column 1: sent", "left out at line 1, column 49: just now"],
  ],
};

for (const [form, [text, notes = [], wanted = GET_LINK]] of Object.entries(FORMS)) {
  Deno.test(`datagramsOfText() reads a message in the form of ${form}`, () => {
    assertEquals(read(text), { datagrams: [wanted.toHex()], notes: [...notes], skipped: 0 });
  });
}

Deno.test("datagramsOfText() reads each message among the words of a log", () => {
  const text = `12:00:01 tx: ${pairs(PLUG)}\n12:00:02 rx: ${pairs(ACK)}\ndone\n`;
  assertEquals(read(text), {
    datagrams: [PLUG_HEX, ACK_HEX],
    notes: [
      "left out at line 1, column 1: 12:00:01 tx:",
      "left out at line 2, column 1: 12:00:02 rx:",
      "left out at line 3, column 1: done",
    ],
    skipped: 0,
  });
});

Deno.test("datagramsOfText() says what is wrong where no word begins a whole message", () => {
  for (const text of [`# captured\n${pairs(GET_LINK.subarray(0, 19))}`, "DEBUG nothing at all"]) {
    assertThrows(() => read(text), UsageError, "cannot read the message at line 1, column 1");
  }
});

Deno.test("datagramsOfText() says that gdb has left something out, and how to have it, and that a star of od cannot be", () => {
  const cut = String.raw`$1 = "\024\000\000\000", '\000' <repeats 196 times>...`;
  assertThrows(() => read(cut), UsageError, "gdb cut the string short; have all of it with: set print elements 0");
  const star = String.raw`0000000 024 001  \0  \0 022  \0 001 003 001  \0  \0  \0  \0  \0  \0  \0
0000020  \0  \0  \0  \0  \0  \0  \0  \0  \0  \0  \0  \0  \0  \0  \0  \0
*
0000424`;
  assertThrows(() => read(star), UsageError, "line 3, column 1: the star stands for lines like the one before it");
});

/** A message of 120 bytes that are mostly 0, and one behind it: `hexdump -C` and the like show a star for its middle. */
const [HOLLOW, DONE] = [
  Uint8Array.fromHex(`7800000010000500010000000000000000000000${"00".repeat(12)}58001700${"00".repeat(84)}`),
  Uint8Array.fromHex("100000000300020065000000f9020000"),
];
const STARS: Readonly<Record<string, string>> = {
  "hexdump -C": `00000000  10 00 00 00 03 00 02 00  65 00 00 00 f9 02 00 00  |........e.......|
00000010  78 00 00 00 10 00 05 00  01 00 00 00 00 00 00 00  |x...............|
00000020  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|
00000030  58 00 17 00 00 00 00 00  00 00 00 00 00 00 00 00  |X...............|
00000040  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|
*
00000080  00 00 00 00 00 00 00 00                           |........|
00000088`,
  "xxd -a": `00000000: 1000 0000 0300 0200 6500 0000 f902 0000  ........e.......
00000010: 7800 0000 1000 0500 0100 0000 0000 0000  x...............
00000020: 0000 0000 0000 0000 0000 0000 0000 0000  ................
00000030: 5800 1700 0000 0000 0000 0000 0000 0000  X...............
00000040: 0000 0000 0000 0000 0000 0000 0000 0000  ................
*
00000080: 0000 0000 0000 0000                      ........`,
  "od -A x -t x1z": `000000 10 00 00 00 03 00 02 00 65 00 00 00 f9 02 00 00  >........e.......<
000010 78 00 00 00 10 00 05 00 01 00 00 00 00 00 00 00  >x...............<
000020 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  >................<
000030 58 00 17 00 00 00 00 00 00 00 00 00 00 00 00 00  >X...............<
000040 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  >................<
*
000080 00 00 00 00 00 00 00 00                          >........<
000088`,
  "od -t x1": `0000000 10 00 00 00 03 00 02 00 65 00 00 00 f9 02 00 00
0000020 78 00 00 00 10 00 05 00 01 00 00 00 00 00 00 00
0000040 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
0000060 58 00 17 00 00 00 00 00 00 00 00 00 00 00 00 00
0000100 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
*
0000200 00 00 00 00 00 00 00 00
0000210`,
  "od -A d -t x1": `0000000 10 00 00 00 03 00 02 00 65 00 00 00 f9 02 00 00
0000016 78 00 00 00 10 00 05 00 01 00 00 00 00 00 00 00
0000032 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
0000048 58 00 17 00 00 00 00 00 00 00 00 00 00 00 00 00
0000064 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
*
0000128 00 00 00 00 00 00 00 00
0000136`,
  "od -c": String.raw`0000000 020  \0  \0  \0 003  \0 002  \0   e  \0  \0  \0 371 002  \0  \0
0000020   x  \0  \0  \0 020  \0 005  \0 001  \0  \0  \0  \0  \0  \0  \0
0000040  \0  \0  \0  \0  \0  \0  \0  \0  \0  \0  \0  \0  \0  \0  \0  \0
0000060   X  \0 027  \0  \0  \0  \0  \0  \0  \0  \0  \0  \0  \0  \0  \0
0000100  \0  \0  \0  \0  \0  \0  \0  \0  \0  \0  \0  \0  \0  \0  \0  \0
*
0000200  \0  \0  \0  \0  \0  \0  \0  \0
0000210`,
};

Deno.test("datagramsOfText() repeats the line before a star up to the offset behind it, in every base", () => {
  for (const [name, text] of Object.entries(STARS)) {
    assertEquals(read(text), { datagrams: [DONE.toHex() + HOLLOW.toHex()], notes: [], skipped: 0 }, name);
  }
  const toTheEnd = STARS["od -c"].replace(/^0000200.*\n0000210/m, "0000200");
  const [datagram] = read(`${toTheEnd}`.replace("  x ", "  p ")).datagrams;
  assertEquals(datagram.length / 2, 128);
});

Deno.test("decode shows what stands before a star whose offset is wrong, says what is, and exits with 1", async () => {
  const wrong = STARS["hexdump -C"].replace("00000080", "00000087");
  const { status, stdout, stderr } = await runHere("decode", "--brief", wrong);
  assertEquals([status, stdout], [1, "NLMSG_DONE MULTI sequence 101\n"]);
  assertEquals(
    stderr,
    "plugctl: skipped: cannot read the message at line 7, column 1: the star stands for lines of 16 bytes from byte 80 " +
      "on, which do not end at offset 00000087\n",
  );
});

Deno.test("decode shows what stands among words, and notes what it left out", async () => {
  const { status, stdout, stderr } = await runHere("decode", "--brief", `# captured\n${pairs(GET_LINK)}`);
  assertEquals([status, stdout], [0, "RTM_GETLINK REQUEST|ROOT|MATCH sequence 1\n"]);
  assertEquals(stderr, "plugctl: left out at line 1, column 1: # captured\n");
});

Deno.test("datagramsOfText() reads base64 in quotes, and the octals of C in braces alone", () => {
  const texts = [`"${DONE.toBase64()}"`, `{"data": "${DONE.toBase64()}"}`, `b'${DONE.toBase64()}'`];
  const octals = [...DONE].map((byte) => byte === 0 ? "0" : `0${byte.toString(8)}`).join(", ");
  for (const text of [...texts, `unsigned char m[] = { ${octals} };`]) {
    assertEquals(read(text), { datagrams: [DONE.toHex()], notes: [], skipped: 0 }, text);
  }
  assertThrows(() => read(`[${octals}]`), UsageError, '"020" is not a byte');
});

Deno.test("decode exits with 1 where a word, or a line that begins as a message does, could not be read", async () => {
  const [plain, brief] = [DONE.toHex(), "NLMSG_DONE MULTI sequence 101\n"];
  const [mistyped, cut] = [plain.replace("006500", "0065x0"), plain.slice(0, -6)];
  const array = `[${numbers(DONE)}]`;
  for (const words of [["zz", plain], [mistyped, plain], [array, mistyped], [DONE.toBase64(), "zz"]]) {
    const { status, stdout, stderr } = await runHere("decode", "--brief", ...words);
    assertEquals([status, stdout, /^plugctl: (?:left out|skipped)/.test(stderr)], [1, brief, true], words.join(" "));
  }
  const both = await runHere("decode", "--brief", DONE.toBase64(), plain, array);
  assertEquals(both, { status: 0, stdout: brief.repeat(3), stderr: "" });
  for (const lost of [mistyped, pairs(DONE).replace("65", "6x"), `tx: ${cut}`]) {
    assertEquals(read(`${plain}\n${lost}`).skipped, 1, lost);
  }
  for (const prose of ["12:00:01 tx:", "# 2024-01-02 be ad", "sha256 ab".padEnd(64, "cd"), "(16 bytes)", "$"]) {
    assertEquals(read(`${prose}\n${plain}`).skipped, 0, prose);
  }
});

Deno.test("datagramsOfText() gives datagrams, or says where it stops, on 10,000 mutants of these texts", () => {
  readMutants([...Object.values(FORMS).map(([text]) => text), `{${hexNumbers(PLUG)}}`], 10_000);
});
