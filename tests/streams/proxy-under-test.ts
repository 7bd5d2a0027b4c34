import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { onFreePort } from "../../scripts/free-port.js";
import { socketFolder } from "../../server/lib/link/socket-path.ts";
import { childEnv } from "../child-env.ts";
import { until } from "../waiting.ts";
import { makeCertificate } from "./openssl.ts";

const recipes = join(import.meta.dir, "..", "..", "deploy");

/** How to run one proxy with its configuration file in deploy/. */
export interface ProxyKind {
  /** The name of its program, such as `nginx`. `FANFARE_NGINX` is then the variable that contains its path. */
  readonly program: string;
  /** The file in deploy/. */
  readonly recipe: string;
  /** Replacements for a test. The configuration must contain each of the replaced texts. */
  replacements(place: ProxyPlace): readonly (readonly [string, string])[];
  /** The command that checks a configuration file and exits. */
  check(config: string, folder: string): readonly string[];
  /** The command that runs it in the foreground. */
  run(config: string, folder: string): readonly string[];
  /** How to reach it with TLS. */
  tlsAccess(place: Pick<ProxyPlace, "port" | "folder">): TlsAccess;
}

export interface TlsAccess {
  readonly url: string;
  /** The Unix socket on which it speaks TLS, if it is one. */
  readonly unix?: string;
}

/** For a proxy that speaks TLS on the Unix socket `tls` in its folder. */
export function tlsOnSocket({ folder }: Pick<ProxyPlace, "folder">): TlsAccess {
  return { url: "https://localhost", unix: join(folder, "tls") };
}

/** The ports and the folder of a proxy under test. */
export interface ProxyPlace {
  readonly port: number;
  readonly serverPort: number;
  /** For everything that it writes. Contains `cert.pem`, `key.pem` and `push.pem`, which contains both. */
  readonly folder: string;
  /** The folder as HAProxy reads it: with a backslash before each space. */
  readonly escapedFolder: string;
  /** The folder deploy/, escaped in the same way. */
  readonly recipes: string;
}

/** A proxy with its configuration of deploy/, on another port and with another server. Use it with `await using`. */
export class ProxyUnderTest implements AsyncDisposable {
  readonly url: string;
  readonly tls: TlsAccess;
  readonly #child: Subprocess;
  readonly #folder: string;

  private constructor(urls: Pick<ProxyUnderTest, "url" | "tls">, child: Subprocess, folder: string) {
    this.url = urls.url;
    this.tls = urls.tls;
    this.#child = child;
    this.#folder = folder;
  }

  /** Resolves once it listens. @throws Error with its output */
  static start(kind: ProxyKind, serverPort: number): Promise<ProxyUnderTest> {
    return onFreePort((port) => ProxyUnderTest.#startOn(port, kind, serverPort));
  }

  static async #startOn(port: number, kind: ProxyKind, serverPort: number): Promise<ProxyUnderTest> {
    const { folder, config } = prepare(kind, { port, serverPort });
    const log = openSync(join(folder, "log"), "a");
    const child = Bun.spawn([...command(kind, kind.run(config, folder))], {
      env: childEnv({ HOME: folder }),
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    const urls = { url: `http://127.0.0.1:${port}`, tls: kind.tlsAccess({ port, folder }) };
    const proxy = new ProxyUnderTest(urls, child, folder);
    try {
      await until(async () => child.exitCode !== null || (await isListening(port)), "it listens");
      if (child.exitCode === null) return proxy;
      throw new Error(`it exited with code ${child.exitCode}`);
    } catch (cause) {
      const output = readFileSync(join(folder, "log"), "utf8");
      await proxy[Symbol.asyncDispose]();
      throw new Error(`${kind.program} did not start; it printed:\n${output}`, { cause });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#child.exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Lets the proxy check its configuration. @returns its output and exit code */
export async function checkRecipe(kind: ProxyKind): Promise<{ readonly code: number; readonly output: string }> {
  const { folder, config } = prepare(kind, { port: 8443, serverPort: 8000 });
  const child = Bun.spawn([...command(kind, kind.check(config, folder))], {
    env: childEnv({ HOME: folder }),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  rmSync(folder, { recursive: true, force: true });
  return { code, output: out + err };
}

function prepare(kind: ProxyKind, { port, serverPort }: Pick<ProxyPlace, "port" | "serverPort">) {
  const folder = mkdtempSync(join(socketFolder(), "fanfare-proxy-"));
  makeCertificate(folder);
  let text = readFileSync(join(recipes, kind.recipe), "utf8");
  for (const [from, to] of kind.replacements({
    port,
    serverPort,
    folder,
    escapedFolder: escaped(folder),
    recipes: escaped(recipes),
  })) {
    if (!text.includes(from)) throw new Error(`deploy/${kind.recipe} does not have "${from}"`);
    text = text.replaceAll(from, to);
  }
  const config = join(folder, kind.recipe);
  writeFileSync(config, text);
  return { folder, config };
}

const escaped = (path: string) => path.replaceAll(" ", "\\ ");

function command({ program }: ProxyKind, args: readonly string[]): readonly string[] {
  const found =
    process.env[`FANFARE_${program.toUpperCase()}`] ?? Bun.which(program, { PATH: `${process.env.PATH}:/usr/sbin` });
  if (found !== null) return [found, ...args];
  throw new Error(`This test needs ${program}. On Debian and Ubuntu: apt-get install ${program}.`);
}

async function isListening(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data: () => undefined } });
    socket.end();
    return true;
  } catch {
    return false;
  }
}
