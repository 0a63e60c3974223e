/** A container, as Docker has it. */
export interface FakeContainer {
  id: string;
  name: string;
  /** Its first process; 0 where it does not run. */
  pid: number;
  /** Default: `running`, or `exited` without a process */
  state?: string;
  /** `bridge`, `host`, `none` or `container:ID` */
  mode?: string;
  /** The file of its network namespace */
  key?: string;
}

/** Docker's API on a Unix socket, as much of it as plugctl asks for, in the form in which Docker and Podman answer. */
export class FakeEngine implements AsyncDisposable {
  containers: FakeContainer[];
  /** Answers that are given instead, by their path. */
  readonly instead = new Map<string, () => Response>();
  readonly path: string;
  readonly #folder = Deno.makeTempDirSync({ prefix: "plugctl-engine-" });
  readonly #server: Deno.HttpServer;

  constructor(containers: FakeContainer[]) {
    this.containers = containers;
    this.path = `${this.#folder}/docker.sock`;
    this.#server = Deno.serve({ path: this.path, onListen: () => {} }, (request) => this.#answer(request));
  }

  /** As `DOCKER_HOST` names it. */
  get url(): string {
    return `unix://${this.path}`;
  }

  #answer(request: Request): Response {
    const { pathname, searchParams } = new URL(request.url);
    const instead = this.instead.get(pathname);
    if (instead) return instead();
    if (pathname === "/containers/json") {
      const all = searchParams.get("all") === "true";
      return Response.json(this.containers.filter(({ pid }) => all || pid > 0).map(summaryOf));
    }
    const [, id] = /^\/containers\/([^/]+)\/json$/.exec(pathname) ?? [];
    const found = this.containers.find((container) => container.id === id);
    return found
      ? Response.json(wholeOf(found))
      : Response.json({ message: `No such container: ${id}` }, { status: 404 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

function stateOf({ pid, state = pid > 0 ? "running" : "exited" }: FakeContainer): string {
  return state;
}

function summaryOf(container: FakeContainer): unknown {
  const { id, name, mode = "bridge" } = container;
  return {
    Id: id,
    Names: [`/other/${name}`, `/${name}`],
    Image: "shop:1",
    Command: "/bin/shop",
    Created: 1795747769,
    Ports: [],
    Labels: {},
    State: stateOf(container),
    Status: "Up 2 minutes",
    HostConfig: { NetworkMode: mode },
    Mounts: [],
  };
}

function wholeOf(container: FakeContainer): unknown {
  const { id, name, pid, mode = "bridge", key = "" } = container;
  const Status = stateOf(container);
  return {
    Id: id,
    Created: "2026-11-27T02:49:29.097273154Z",
    State: {
      Status,
      Running: pid > 0,
      Paused: Status === "paused",
      Restarting: false,
      Pid: pid,
      ExitCode: 0,
      Error: "",
    },
    Name: `/${name}`,
    HostConfig: { NetworkMode: mode },
    NetworkSettings: { Bridge: "", SandboxID: "", SandboxKey: key },
  };
}
