import { testShell } from "./shell.ts";

testShell("zsh");
