import { withoutGaps } from "../../kernel/plugctl.ts";
import { asBundle, putInPlace } from "../../../package/layout.ts";
import { umlFiles } from "../../../uml/packages.ts";
import type { Host } from "../../kernel/host.ts";
import { BINARY, BUNDLE, type Outcome } from "../binary.ts";

/** Where the binary is alone. */
const ALONE = "/empty/plugctl";
/** What the test itself runs there, all of them busybox, which needs no library. */
const TOOLS = ["sh", "echo", "ping", "sleep"];

/** Who runs it. */
interface As {
  /** Numbers, since there is no /etc: `65534:65534`. Default: root. */
  user?: string;
}

/**
 * A system with less than the barest Debian: plugctl, the libraries that it takes, busybox for what a test runs beside
 * it, `/proc`, `/dev` and `/run/netns`. No `ip`, no `tc`, no `/etc`.
 *
 * Needs root in a place that may be spoilt, which `run.ts` provides.
 */
export class BareRoot implements Disposable {
  readonly path: string = Deno.makeTempDirSync({ dir: "/run", prefix: "bare-" });

  /** Where plugctl is there. */
  readonly #program: string;

  private constructor(program: string, files: ReadonlyMap<string, string>) {
    this.#program = program;
    Deno.chmodSync(this.path, 0o755);
    for (const folder of ["bin", "dev", "empty", "proc", "run/netns", "tmp"]) {
      Deno.mkdirSync(`${this.path}/${folder}`, { recursive: true });
    }
    for (const [target, source] of files) copy(source, this.path + target);
    for (const tool of TOOLS) Deno.symlinkSync("busybox", `${this.path}/bin/${tool}`);
    command("mount", "-t", "proc", "proc", `${this.path}/proc`);
    for (const folder of ["/dev", "/run/netns"]) {
      command("mount", "--rbind", folder, this.path + folder);
      // What is unmounted there in the end stays here.
      command("mount", "--make-rslave", this.path + folder);
    }
  }

  /** Makes one with the binary alone in an empty folder; there must be a network namespace already. */
  static async ofBinary(): Promise<BareRoot> {
    const { busybox } = await umlFiles();
    return new BareRoot(ALONE, new Map([[ALONE, BINARY], ["/bin/busybox", busybox], ...libraries(BINARY)]));
  }

  /** Makes one with Deno, and the bundle as it is installed in `/usr`; there must be a network namespace already. */
  static async ofBundle(): Promise<BareRoot> {
    const { busybox } = await umlFiles();
    const deno = Deno.execPath();
    const root = new BareRoot(
      "/usr/bin/plugctl",
      new Map([["/bin/busybox", busybox], ["/bin/deno", deno], ...libraries(deno)]),
    );
    await putInPlace(asBundle(BUNDLE), `${root.path}/usr`);
    return root;
  }

  /** Gives the binary a capability, as a user would. */
  setCapability(name: string): void {
    command("setcap", `${name}+ep`, this.path + this.#program);
  }

  /** Starts plugctl there, on a host, as root or as another user and group. */
  spawn(host: Host, { user = "0:0" }: As, words: readonly string[]): Deno.ChildProcess {
    const options = { stdin: "null", stdout: "piped", stderr: "piped", clearEnv: true } as const;
    return host.spawn(["/usr/sbin/chroot", `--userspec=${user}`, this.path, this.#program, ...words], {
      ...options,
      // Of these only /bin is there; the others have what leads there.
      env: { PATH: `/bin:/usr/sbin:${Deno.env.get("PLUGCTL_TOOLS")}/../bin`, HOME: "/tmp" },
    });
  }

  /** Runs plugctl there, on a host, and tells how it ended. */
  async plugctl(host: Host, as: As, ...words: string[]): Promise<Outcome> {
    const { code, stdout, stderr } = await this.spawn(host, as, words).output();
    const decoder = new TextDecoder();
    return { status: code, stdout: decoder.decode(stdout), stderr: withoutGaps(decoder.decode(stderr)).text };
  }

  /** Every file there but those that the kernel makes. */
  files(): string[] {
    const made = ["proc", "dev", "run"].flatMap((folder) => ["-path", `${this.path}/${folder}`, "-prune", "-o"]);
    return command("find", this.path, ...made, "-type", "f", "-printf", "/%P\n").trim().split("\n").sort();
  }

  [Symbol.dispose](): void {
    for (const folder of ["run/netns", "dev", "proc"]) command("umount", "--lazy", `${this.path}/${folder}`);
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** The libraries that a program is linked with, each by its path there and here. */
function libraries(program: string): (readonly [string, string])[] {
  return Array.from(command("ldd", program).matchAll(/(\/\S+) \(0x/g), ([, path]) => [path, path] as const);
}

function copy(source: string, target: string): void {
  Deno.mkdirSync(target.slice(0, target.lastIndexOf("/")), { recursive: true });
  Deno.copyFileSync(source, target);
}

function command(program: string, ...args: string[]): string {
  const { success, stdout, stderr } = new Deno.Command(program, { args }).outputSync();
  if (success) return new TextDecoder().decode(stdout);
  throw new Error(`Cannot run ${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}
