/**
 * A terminal, by tmux: keys go in, and what it shows can be looked at.
 *
 * @module
 */

import { killIfThere } from "../../uml/processes.ts";
import { WAIT } from "./gate_pair.ts";
import type { Host } from "./host.ts";
import { PLUGCTL } from "./plugctl.ts";
import { until } from "./until.ts";

/** How large a terminal is, in characters. */
export interface WindowSize {
  columns: number;
  rows: number;
}

/** A shell on a host, or here, on a terminal of its own. */
export class TerminalWindow implements Disposable {
  readonly #folder = Deno.makeTempDirSync({ prefix: "plugctl-tmux-" });
  readonly #server: string;
  readonly #shell: string;

  constructor(host: Host | undefined, { columns, rows }: WindowSize = { columns: 80, rows: 24 }) {
    this.#server = `${this.#folder}/server`;
    const there = host ? `ip netns exec ${host.name} ` : "";
    this.#shell = `exec ${there}env -u NO_COLOR PS1='$ ' sh`;
    this.#tmux("-f", "/dev/null", "new-session", "-d", "-x", String(columns), "-y", String(rows), this.#shell);
    this.#tmux("set-option", "-g", "window-size", "manual");
  }

  /** Presses keys, by tmux's names: `Down`, `C-c`, `h`. */
  press(...keys: string[]): void {
    this.#tmux("send-keys", ...keys);
  }

  /** Types a line into the shell. */
  type(line: string): void {
    this.#tmux("send-keys", "-l", line);
    this.press("Enter");
  }

  /** Starts plugctl there, which tells its process number first and its exit status at the end; returns the number. */
  async start(...words: string[]): Promise<number> {
    const file = `${this.#folder}/pid`;
    const command = [...PLUGCTL, ...words].map((word) => `'${word}'`).join(" ");
    this.type(`sh -c 'echo $$ >${file}; exec "$@"' - ${command}; echo "it ended with $?"`);
    const pid = await until(() => readNumber(file), { ...WAIT, what: "a process number" });
    Deno.removeSync(file);
    return pid;
  }

  /** What it shows, without colours. */
  get text(): string {
    return this.#tmux("capture-pane", "-p");
  }

  /** As `text`, with what colours it. */
  get colouredText(): string {
    return this.#tmux("capture-pane", "-p", "-e");
  }

  /** Waits until it shows something, and returns the whole. */
  async shows(what: RegExp): Promise<string> {
    let text = "";
    return await until(() => what.test(text = this.text) ? text : undefined, {
      ...WAIT,
      what: `${what} on the terminal`,
    }).catch((error) => {
      throw new Error(`${error.message}; it shows:\n${text}`);
    });
  }

  /** Gives it another size. */
  resize({ columns, rows }: WindowSize): void {
    this.#tmux("resize-window", "-x", String(columns), "-y", String(rows));
  }

  /** What `stty -a` says of it, as the shell has it. */
  async settings(): Promise<string> {
    const file = `${this.#folder}/settings`;
    this.type(`stty -a >${file}.new; mv ${file}.new ${file}`);
    const settings = await until(() => readText(file), { ...WAIT, what: "the settings of the terminal" });
    Deno.removeSync(file);
    return settings;
  }

  /** Whether it shows the shell's own screen, with its cursor, whose lines wrap. */
  get isAsBefore(): boolean {
    return this.#tmux("display-message", "-p", "#{alternate_on} #{cursor_flag} #{wrap_flag}").trim() === "0 1 1";
  }

  /** Ends the shell, and starts another on a terminal as new. */
  renew(): void {
    this.#tmux("respawn-pane", "-k", this.#shell);
  }

  /** Closes it, as somebody does who closes a window. */
  close(): void {
    this.#tmux("kill-server");
  }

  [Symbol.dispose](): void {
    const pid = Number(new TextDecoder().decode(this.#run("display-message", "-p", "#{pid}").stdout));
    this.#run("kill-server");
    if (pid > 0) killIfThere(pid, "SIGKILL");
    Deno.removeSync(this.#folder, { recursive: true });
  }

  #tmux(...words: string[]): string {
    const { success, stdout, stderr } = this.#run(...words);
    if (!success) throw new Error(`Cannot run tmux ${words.join(" ")}: ${new TextDecoder().decode(stderr).trim()}`);
    return new TextDecoder().decode(stdout);
  }

  #run(...words: string[]): Deno.CommandOutput {
    const env = { LC_ALL: "C.UTF-8", TERM: "xterm-256color", SHELL: "/bin/sh" };
    return new Deno.Command("tmux", { args: ["-u", "-S", this.#server, ...words], stdin: "null", env }).outputSync();
  }
}

function readText(file: string): string | undefined {
  try {
    return Deno.readTextFileSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function readNumber(file: string): number | undefined {
  const text = readText(file) ?? "";
  return text.endsWith("\n") ? Number(text) : undefined;
}
