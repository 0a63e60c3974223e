import { assertEquals } from "@std/assert";
import { keysIn } from "../../../cli/watch/keys.ts";
import { bytesText, countText, cut, pad, sparkline, timeText, visible, widthOf } from "../../../cli/watch/text.ts";

Deno.test("widthOf() counts columns: two for wide characters, none for marks", () => {
  assertEquals(["web", "büro", "u\u0308", "漢字", "é→…"].map(widthOf), [3, 4, 1, 4, 3]);
});

Deno.test("cut() cuts behind a word, and within one only where that is longer than the room", () => {
  assertEquals(cut("tcp dst port 80", 15), "tcp dst port 80");
  assertEquals(cut("tcp dst port 80", 14), "tcp dst port…");
  assertEquals(cut("tcp dst port 80", 13), "tcp dst port…");
  assertEquals(cut("tcp dst port 80", 12), "tcp dst…");
  assertEquals(cut("abcdefgh", 4), "abc…");
  assertEquals(cut("漢字漢字", 5), "漢字…");
  assertEquals(cut("abc", 0), "");
});

Deno.test("pad() fills up to a width by what characters take", () => {
  assertEquals([pad("漢", 4), pad("漢", 4, "left"), pad("abc", 2)], ["漢  ", "  漢", "abc"]);
});

Deno.test("visible() shows nothing that would move the cursor", () => {
  assertEquals(visible("a\x1b[2Jb\r\nc"), "a�[2Jb��c");
});

Deno.test("timeText(), countText() and bytesText() stay short", () => {
  const times = [0, 0.9, 999.4, 999.6, 1000, 9949, 9951, 119_499, 120_000, 7_200_000, 200_000_000];
  assertEquals(times.map(timeText), [
    ...["<1 ms", "<1 ms", "999 ms", "1.0 s", "1.0 s", "9.9 s", "10 s", "119 s", "2 min", "2 h", "2 d"],
  ]);
  assertEquals([0, 999, 1000, 9_999_999, 12_345_678].map(countText), ["0", "999", "1,000", "9,999,999", "12.3M"]);
  assertEquals([0, 999, 1000, 1536, 16 << 20].map(bytesText), ["0 B", "999 B", "1 KiB", "1.5 KiB", "16 MiB"]);
});

Deno.test("sparkline() shows what is more than nothing, and where nothing is known", () => {
  assertEquals(sparkline([undefined, 0, 1, 500, 1000]), " ▁▂▅█");
  assertEquals(sparkline([0, 0]), "▁▁");
});

Deno.test("keysIn() tells keys from what they send, several at once, and leaves out what it does not know", () => {
  assertEquals(keysIn("hq"), ["h", "q"]);
  assertEquals(keysIn("\x1b[A\x1b[Bj\x1bOA\x1b[5~\x1b[1~"), ["up", "down", "j", "up", "page-up", "home"]);
  assertEquals(keysIn("\x03\x1a\x0c"), ["ctrl-c", "ctrl-z", "ctrl-l"]);
  assertEquals(keysIn("12\x7f\r"), ["1", "2", "backspace", "enter"]);
  assertEquals(keysIn("\x1b[200~\x1b[15;2~\x00é"), ["é"]);
  assertEquals(keysIn("\x1b"), ["escape"]);
});
