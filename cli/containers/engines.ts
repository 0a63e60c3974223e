import { IncapableError } from "../exit_status.ts";
import { field, listField, numberField, textField } from "./answer.ts";
import type { Listed, Network } from "./sandbox.ts";

/** Where Docker or Podman may answer. */
export interface Socket {
  engine: "Docker" | "Podman";
  path: string;
  /** The variable that names it; without one it is one of the places where they usually are. */
  variable?: "CONTAINER_HOST" | "DOCKER_HOST";
}

/** What is in the way of asking at a socket. */
interface Obstacle extends Socket {
  why: "missing" | "forbidden" | "nobody";
}

/** How long an answer may take, in milliseconds. */
const PATIENCE_MS = 10_000;
/** How many containers may share the network of the next one. */
const SHARED_MAX = 8;

/**
 * The sockets to ask: those that variables name, or else the usual ones, of the machine and of users without root.
 *
 * @throws {IncapableError} where a variable names something else, such as another machine
 */
export function sockets(variable: (name: string) => string | undefined = Deno.env.get): Socket[] {
  const chosen = ([["Podman", "CONTAINER_HOST"], ["Docker", "DOCKER_HOST"]] as const).flatMap(([engine, name]) => {
    const value = variable(name);
    return value ? [{ engine, path: pathOf(name, value), variable: name }] : [];
  });
  if (chosen.length > 0) return chosen;
  const sudoer = variable("SUDO_UID");
  const users = [variable("XDG_RUNTIME_DIR"), sudoer && sudoer !== "0" ? `/run/user/${sudoer}` : undefined];
  const folders = [...new Set(["/run", ...users.filter((folder) => folder !== undefined && folder !== "")])];
  return folders.flatMap((folder): Socket[] => [
    { engine: "Docker", path: `${folder}/docker.sock` },
    { engine: "Podman", path: `${folder}/podman/podman.sock` },
  ]);
}

function pathOf(variable: string, value: string): string {
  const path = value.startsWith("unix://") ? value.slice("unix://".length) : value;
  if (path.startsWith("/")) return path;
  throw new IncapableError(
    `Cannot ask for containers at ${variable}=${value}: only a Unix socket of this machine can be asked, such as ` +
      "unix:///run/docker.sock; run plugctl on the machine of the containers",
  );
}

/**
 * Lists the containers of Docker and Podman.
 *
 * @throws {IncapableError} where neither can be asked
 * @throws {Error} where one does not answer as it should
 */
export async function listContainers(places: readonly Socket[] = sockets()): Promise<Listed[]> {
  const obstacles: Obstacle[] = [];
  const listed = new Map<string, Listed>();
  for (const socket of places) {
    const why = await whyNotAsked(socket.path);
    if (why !== undefined) obstacles.push({ ...socket, why });
    // Podman may answer in Docker's place, too.
    else for (const one of await listAt(socket)) if (!listed.has(one.id)) listed.set(one.id, one);
  }
  const isAskedNowhere = obstacles.length === places.length;
  const named = obstacles.filter(({ variable }) => variable !== undefined);
  if (isAskedNowhere || named.length > 0) throw cannotAsk(named.length > 0 ? named : obstacles);
  return [...listed.values()];
}

async function whyNotAsked(path: string): Promise<Obstacle["why"] | undefined> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return "missing";
    if (error instanceof Deno.errors.PermissionDenied) return "forbidden";
    if (error instanceof Deno.errors.ConnectionRefused) return "nobody";
    throw error;
  }
}

/** What to say where none of some sockets can be asked: of one that is there, or of all that are not. */
function cannotAsk(obstacles: readonly Obstacle[]): IncapableError {
  const forbidden = obstacles.find(({ why }) => why === "forbidden");
  if (forbidden) {
    const { engine, path } = forbidden;
    const group = engine === "Docker" ? ", or as a member of the group docker" : "";
    return new IncapableError(`Cannot ask ${engine}: no permission for ${path}; run it as root${group}`);
  }
  const silent = obstacles.find(({ why }) => why === "nobody");
  if (silent) {
    const { engine, path } = silent;
    return new IncapableError(`Cannot ask ${engine}: nobody listens on ${path}; start it with: ${starting(engine)}`);
  }
  const [{ engine, path, variable }] = obstacles;
  if (variable !== undefined) {
    return new IncapableError(`Cannot ask ${engine}: there is no socket ${path}, which ${variable} names`);
  }
  return new IncapableError(
    `Cannot ask Docker or Podman: there is no socket ${
      obstacles.map(({ path }) => path).join(", ")
    }; start one with: ` +
      `${starting("Docker")}, or: ${starting("Podman")}; or name its socket with DOCKER_HOST or CONTAINER_HOST`,
  );
}

function starting(engine: Socket["engine"]): string {
  return `systemctl start ${engine === "Docker" ? "docker" : "podman.socket"}`;
}

async function listAt(socket: Socket): Promise<Listed[]> {
  const answer = await ask(socket, "/containers/json?all=true");
  if (!Array.isArray(answer)) throw wrongAnswer(socket, "no list of containers");
  return answer.map((container): Listed => {
    const id = textField(container, "Id");
    // A container that others link to has names such as /other/alias, too.
    const [name] = listField(container, "Names").filter((one) => typeof one === "string" && one.lastIndexOf("/") <= 0);
    const state = textField(container, "State");
    if (id === undefined || state === undefined) throw wrongAnswer(socket, "a container without Id and State");
    return {
      id,
      name: typeof name === "string" ? name.replace(/^\//, "") : id,
      state,
      // What is paused has its network, too.
      isRunning: state === "running" || state === "paused",
      by: `${socket.engine} (${socket.path})`,
      network: () => networkOf(socket, id),
    };
  });
}

/** The network namespace of a container, or of the one whose network it shares: that one stays if it restarts. */
async function networkOf(socket: Socket, id: string, shared = 0): Promise<Network | undefined> {
  const answer = await ask(socket, `/containers/${encodeURIComponent(id)}/json`);
  const pid = numberField(answer, "State", "Pid") ?? 0;
  const mode = textField(answer, "HostConfig", "NetworkMode") ?? "";
  if (mode.startsWith("container:") && shared < SHARED_MAX) {
    const sandbox = await networkOf(socket, mode.slice("container:".length), shared + 1);
    if (sandbox) return sandbox;
  }
  if (answer === undefined || pid <= 0) return undefined;
  const path = textField(answer, "NetworkSettings", "SandboxKey");
  return { pid, path: path?.startsWith("/") ? path : undefined, isHost: mode === "host" };
}

/** Asks, and returns the JSON of the answer; `undefined` where there is no such thing. */
async function ask(socket: Socket, path: string): Promise<unknown> {
  using client = Deno.createHttpClient({ proxy: { transport: "unix", path: socket.path } });
  let response: Response;
  let text: string;
  try {
    response = await fetch(`http://localhost${path}`, { client, signal: AbortSignal.timeout(PATIENCE_MS) });
    text = await response.text();
  } catch (error) {
    const isLate = error instanceof DOMException && error.name === "TimeoutError";
    const why = isLate ? `within ${PATIENCE_MS / 1000} s` : "in HTTP";
    throw new Error(`Cannot ask ${socket.engine}: it does not answer ${why} on ${socket.path}`, { cause: error });
  }
  if (response.status === 404) return undefined;
  const answer = parsed(text);
  if (response.ok && answer !== undefined) return answer;
  const message = field(answer, "message") ?? field(answer, "cause");
  throw wrongAnswer(socket, typeof message === "string" ? message : `status ${response.status} without JSON`);
}

function wrongAnswer({ engine, path }: Socket, what: string): Error {
  return new Error(`Cannot ask ${engine}: it answers on ${path}: ${what}`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
