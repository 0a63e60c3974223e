/**
 * Headless Chromium, driven by its own protocol over a WebSocket: a page, what it evaluates, and how it is shown.
 *
 * @module
 */

/** What is used here of an answer or an event of the protocol. */
interface Message {
  id?: number;
  method?: string;
  sessionId?: string;
  result?: Record<string, unknown>;
  error?: { message: string };
  params?: Record<string, unknown>;
}

/** The program, and the package of Debian that has it. */
export const CHROMIUM = "chromium";
const OPTIONS = [
  "--headless=new",
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--hide-scrollbars",
  "--remote-debugging-port=0",
];
const START_MS = 60_000;
/** Most of a test, on a kernel that is a program beside others. */
const ANSWER_MS = 300_000;

/** A running Chromium, which ends with the block. */
export class Chromium implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #folder: string;
  readonly #socket: WebSocket;
  readonly #closed: Promise<void>;
  readonly #waiting = new Map<number, PromiseWithResolvers<Record<string, unknown>>>();
  /** What pages have said to their consoles, and the errors that none of their code caught. */
  readonly complaints: string[] = [];
  #count = 0;

  private constructor(child: Deno.ChildProcess, folder: string, socket: WebSocket) {
    this.#child = child;
    this.#folder = folder;
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
    this.#closed = new Promise((resolve) => socket.onclose = () => resolve(this.#giveUp("Chromium has ended")));
  }

  /** Starts one with a profile of its own. */
  static async start(): Promise<Chromium> {
    const folder = await Deno.makeTempDir({ prefix: "plugctl-chromium-" });
    const args = [...OPTIONS, `--user-data-dir=${folder}`, "about:blank"];
    const child = new Deno.Command(CHROMIUM, { args, stdin: "null", stdout: "null", stderr: "piped" }).spawn();
    const socket = new WebSocket(await listeningAt(child));
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = reject;
    });
    return new Chromium(child, folder, socket);
  }

  /** Opens an address in a page of its own, and returns once it is loaded. */
  async open(url: string): Promise<Page> {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page((method, params) => this.send(method, params, String(sessionId)));
    await page.load(url);
    return page;
  }

  /** A page in a page, which runs in a process of its own, by a part of its address. */
  async frame(part: string): Promise<Page> {
    const { targetInfos } = await this.send("Target.getTargets");
    const target = (targetInfos as { type: string; url: string; targetId: string }[])
      .find(({ type, url }) => type === "iframe" && url.includes(part));
    if (!target) throw new Error(`There is no frame of ${part}`);
    const { sessionId } = await this.send("Target.attachToTarget", { targetId: target.targetId, flatten: true });
    return new Page((method, params) => this.send(method, params, String(sessionId)));
  }

  /**
   * Sends a command, to a page where one is named, and returns what it results in.
   *
   * @throws {Error} where Chromium refuses it, ends, or does not answer
   */
  async send(
    method: string,
    params: Record<string, unknown> = {},
    sessionId?: string,
  ): Promise<Record<string, unknown>> {
    const id = ++this.#count;
    const answer = Promise.withResolvers<Record<string, unknown>>();
    this.#waiting.set(id, answer);
    const timer = setTimeout(() => this.#giveUp(`Chromium has not answered for ${ANSWER_MS} ms`), ANSWER_MS);
    try {
      this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
      return await answer.promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
    }
  }

  #giveUp(why: string): void {
    for (const { reject } of this.#waiting.values()) reject(new Error(why));
  }

  #receive({ id, method, result = {}, error, params }: Message): void {
    if (method === "Runtime.exceptionThrown" || method === "Runtime.consoleAPICalled" || method === "Log.entryAdded") {
      this.complaints.push(JSON.stringify(params));
    }
    const answer = id === undefined ? undefined : this.#waiting.get(id);
    if (error) answer?.reject(new Error(`Chromium refuses: ${error.message}`));
    else answer?.resolve(result);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#socket.readyState === WebSocket.OPEN) await this.send("Browser.close");
    await this.#closed;
    await this.#child.status;
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** The address at which it says that it listens; what it says besides is read and dropped. */
async function listeningAt(child: Deno.ChildProcess): Promise<string> {
  const address = Promise.withResolvers<string>();
  const timer = setTimeout(() => address.reject(new Error(`Chromium did not start in ${START_MS} ms`)), START_MS);
  let text = "";
  child.stderr.pipeThrough(new TextDecoderStream()).pipeTo(
    new WritableStream({
      write(chunk) {
        text += chunk;
        const [, url] = /DevTools listening on (ws:\S+)\s/.exec(text) ?? [];
        if (url) address.resolve(url);
      },
      close: () => address.reject(new Error(`Chromium ended: ${text}`)),
    }),
  );
  try {
    return await address.promise;
  } finally {
    clearTimeout(timer);
  }
}

/** How a page is shown. */
export interface Look {
  scheme: "light" | "dark";
  width: number;
  height: number;
}

/** A page. */
export class Page {
  readonly #send: (method: string, params?: Record<string, unknown>) => Promise<Record<string, unknown>>;

  constructor(send: (method: string, params?: Record<string, unknown>) => Promise<Record<string, unknown>>) {
    this.#send = send;
  }

  /** Goes to an address, and returns once what is there is loaded, modules too. */
  async load(url: string): Promise<void> {
    await this.#send("Runtime.enable");
    await this.#send("Log.enable");
    await this.#send("Page.navigate", { url });
    await this.evaluate("new Promise((done) => document.readyState === 'complete' ? done() : onload = () => done())");
  }

  /**
   * The value of an expression in the page, once it has settled, as JSON carries it.
   *
   * @throws {Error} where it throws
   */
  async evaluate<T>(expression: string): Promise<T> {
    const answer = await this.#send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (answer.exceptionDetails) throw new Error(`The page throws: ${JSON.stringify(answer.exceptionDetails)}`);
    return (answer.result as { value: T }).value;
  }

  /** Shows it in one colour scheme and size. */
  async look({ scheme, width, height }: Look): Promise<void> {
    await this.#send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
    await this.#send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: false });
  }

  /** Resolves once it has had time to draw what it was told to. */
  async drawn(): Promise<void> {
    await this.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))");
  }

  /** Prints it, and tells how many bytes of PDF that makes. */
  async print(): Promise<number> {
    const { data } = await this.#send("Page.printToPDF", {});
    return Uint8Array.fromBase64(String(data)).length;
  }

  /** What it looks like, all of it, as PNG. */
  async picture(): Promise<Uint8Array<ArrayBuffer>> {
    const { cssContentSize } = await this.#send("Page.getLayoutMetrics");
    const clip = { ...cssContentSize as Record<string, number>, scale: 1 };
    const { data } = await this.#send("Page.captureScreenshot", { captureBeyondViewport: true, clip });
    return Uint8Array.fromBase64(String(data));
  }
}
