// What strace shows field by field, held against the bytes that it dumped beneath. Recorded with strace 6.1 on Linux 6.18:
// strace -v -s 65536 -e write=all -e read=all, of `ip`, `tc` and `bridge`.
import { assert, assertEquals } from "@std/assert";
import { datagramsOfText } from "../../cli/input/datagrams.ts";

const RECORDED = await Deno.readTextFile(new URL("strace/fields_and_bytes.txt", import.meta.url));
const isDump = (line: string) => /^ [|*] /.test(line);

/** Each call that was recorded: what it shows, and what was dumped. */
const CALLS: readonly { words: string; dump: string }[] = RECORDED.split(/^(?=\w)/m)
  .filter((call) => call.split("\n").some(isDump))
  .map((call) => ({
    words: call.split("\n").filter((line) => !isDump(line)).join("\n"),
    dump: call.split("\n").filter(isDump).join("\n"),
  }));

/** The same as strace 5.12 and before shows it: braces for a header with what follows it, and short names. */
function asOldStrace(words: string): string {
  const letters = [...words];
  const open: boolean[] = [];
  letters.forEach((letter, at) => {
    if (letter === "[") open.push(/^\[\{nl(?:msg|a)_len/.test(words.slice(at, at + 12)));
    if (letter === "[" && open.at(-1)) letters[at] = "{";
    if (letter === "]" && open.pop()) letters[at] = "}";
  });
  return letters.join("").replaceAll(/nlmsg_(len|type|flags|seq|pid)=/g, "$1=");
}

/** The one datagram of a text, and the names of devices whose index is not known. */
function read(text: string): { bytes: Uint8Array; devices: number } {
  const { datagrams, skipped } = datagramsOfText(text, (note) => assert(note.startsWith("the index of "), note));
  assertEquals([datagrams.length, skipped], [1, 0], text.slice(0, 200));
  return { bytes: datagrams[0], devices: text.match(/if_nametoindex\(/g)?.length ?? 0 };
}

for (const [version, form] of [["6", (words: string) => words], ["5.12 and before", asOldStrace]] as const) {
  Deno.test(`datagramsOfText() makes of what strace ${version} shows the bytes that it dumped`, () => {
    assert(CALLS.length > 40);
    for (const { words, dump } of CALLS) {
      const { bytes, devices } = read(form(words));
      const whole = read(dump).bytes;
      const dumped = whole.subarray(0, bytes.length);
      // What is left of a buffer behind its messages
      assert(whole.subarray(bytes.length).every((byte) => byte === 0), words);
      const others = bytes.keys().filter((at) => bytes[at] !== dumped[at]).toArray();
      assert(others.every((at) => bytes[at] === 0) && others.length <= devices, `${words}\n${others}`);
    }
  });
}
