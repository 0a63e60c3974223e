import { parseArguments } from "../../cli/arguments.ts";
import type { Context } from "../../cli/context.ts";

/** A context that keeps what a command writes, for a command line whose words are separated by spaces. */
export class FakeContext implements Context {
  readonly arguments: Context["arguments"];
  /** What goes to standard output. */
  printed = "";
  /** The lines for standard error. */
  readonly notes: string[] = [];
  /** What goes to standard error whatever is given. */
  traced = "";

  constructor(line: string) {
    this.arguments = parseArguments(line.split(" "));
  }

  run(): Promise<number> {
    throw new Error("This context runs no other command");
  }

  print(text: string | Uint8Array): void {
    this.printed += typeof text === "string" ? text : new TextDecoder().decode(text);
  }

  note(text: string): void {
    this.notes.push(text);
  }

  trace(text: string): void {
    this.traced += text;
  }
}
