import { testShell } from "./shell.ts";

testShell("bash");
