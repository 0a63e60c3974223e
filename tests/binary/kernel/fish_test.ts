import { testShell } from "./shell.ts";

testShell("fish");
