import { type Command, Option } from "commander";
import type { Examined } from "../config/load.ts";
import { ConfigError } from "../config/settings.ts";
import { baseUrl } from "./banner.ts";
import { checked, wholeNumberOf } from "./flag-values.ts";
import { relevantProblems } from "./relevant-problems.ts";

/** The flags that select the server a command talks to. */
export interface AddressFlags {
  readonly host?: string;
  readonly port?: number;
  readonly url?: URL;
}

/** A server's base URLs. */
export interface Address {
  /** `http://127.0.0.1:8000`, without a trailing slash. */
  readonly http: string;
  /** `ws://127.0.0.1:8000/ws` */
  readonly ws: string;
}

const schemes: readonly string[] = ["http:", "https:", "ws:", "wss:"];

/** Adds `--host`, `--port` and `--url` to a command. Without them, the address comes from the server's own settings. */
export function addAddressFlags(command: Command): Command {
  const parsePort = wholeNumberOf("--port", { min: 1, max: 65_535 });
  const rule = "an address such as http://127.0.0.1:8000 or wss://push.example.com";
  const parseUrl = checked("--url", rule, (text) => {
    const url = URL.parse(text);
    return url !== null && schemes.includes(url.protocol) ? url : undefined;
  });
  return command
    .addOption(new Option("--host <host>", "host name or address of the server (HOST; default: 127.0.0.1)"))
    .addOption(new Option("--port <number>", "port of the server (PORT; default: 8000)").argParser(parsePort))
    .addOption(
      new Option("--url <url>", "URL of the server, instead of --host and --port; needed with TLS or a path prefix")
        .argParser(parseUrl)
        .conflicts(["host", "port"]),
    );
}

/**
 * The server's base URLs. `--url` may be given as http or ws: both mean the same server.
 * @throws ConfigError if the address has to come from the settings and they are invalid
 */
export function addressOf(flags: AddressFlags, examined: Examined): Address {
  const { wsPath, ...settings } = examined.settings;
  if (flags.url !== undefined) return fromUrl(flags.url, wsPath);
  const asked: ("HOST" | "PORT")[] = [];
  if (flags.host === undefined) asked.push("HOST");
  if (flags.port === undefined) asked.push("PORT");
  const problems = relevantProblems(examined, asked);
  if (problems.length > 0) throw new ConfigError(problems);
  const { host = settings.host, port = settings.port } = flags;
  if (port === 0) throw new ConfigError(["PORT is 0 (any free port): pass the port the server listens on with --port"]);
  const text = baseUrl({ host, port, isTls: settings.tlsCert !== undefined });
  const base = URL.parse(text);
  if (base === null)
    throw new ConfigError([`--host: expected an IP address or a host name, got ${JSON.stringify(host)}`]);
  return { http: text, ws: text.replace(/^http/, "ws") + wsPath };
}

/** A path that ends with WS_PATH is the WebSocket endpoint's; the HTTP API is next to it. */
function fromUrl({ protocol, host, pathname }: URL, wsPath: string): Address {
  const s = /^(https|wss):$/.test(protocol) ? "s" : "";
  const path = withoutTrailingSlashes(pathname);
  const prefix = path.endsWith(wsPath) ? path.slice(0, -wsPath.length) : path;
  const isEndpoint = protocol.startsWith("ws") && path !== "";
  return { http: `http${s}://${host}${prefix}`, ws: `ws${s}://${host}${isEndpoint ? path : `${prefix}${wsPath}`}` };
}

function withoutTrailingSlashes(path: string): string {
  let end = path.length;
  while (path.charAt(end - 1) === "/") end--;
  return path.slice(0, end);
}
