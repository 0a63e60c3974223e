import { assertEquals } from "@std/assert";
import { textTable } from "../../cli/text_table.ts";

Deno.test("textTable() lays out columns two spaces apart, without spaces at the ends of lines", () => {
  assertEquals(textTable([["a", "long", ""], ["long", "b", ""], ["", "c", "d"]]), "a     long\nlong  b\n      c     d");
});

Deno.test("textTable() aligns the columns of numbers to the right", () => {
  assertEquals(textTable([["NAME", "N"], ["a", "10"], ["b", "5"]], { right: [1] }), "NAME   N\na     10\nb      5");
});

Deno.test("textTable() lays out a row and a column alone", () => {
  assertEquals(textTable([["a", "b"]]), "a  b");
  assertEquals(textTable([["a"], ["bc"]], { right: [0] }), " a\nbc");
});
