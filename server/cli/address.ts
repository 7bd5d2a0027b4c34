import { type Command, Option } from "commander";
import type { Examined } from "../config/load.ts";
import { ConfigError } from "../config/settings.ts";
import { concerned } from "./concerned.ts";
import { checked, wholeNumberOf } from "./flag-values.ts";
import { baseUrl } from "./greeting.ts";

/** Which server a command talks to. */
export interface AddressFlags {
  readonly host?: string;
  readonly port?: number;
  readonly url?: URL;
}

/** A server as programs reach it. */
export interface Address {
  /** `http://127.0.0.1:8000`, without a slash at the end. */
  readonly http: string;
  /** `ws://127.0.0.1:8000/ws` */
  readonly ws: string;
}

const schemes: readonly string[] = ["http:", "https:", "ws:", "wss:"];

/** Gives a command `--host`, `--port` and `--url`; without any, the settings of the server itself count. */
export function addAddressFlags(command: Command): Command {
  const parsePort = wholeNumberOf("--port", { min: 1, max: 65_535 });
  const rule = "an address such as http://127.0.0.1:8000 or wss://push.example.com";
  const parseUrl = checked("--url", rule, (text) => {
    const url = URL.parse(text);
    return url !== null && schemes.includes(url.protocol) ? url : undefined;
  });
  return command
    .addOption(new Option("--host <host>", "where the server is (HOST; default: 127.0.0.1)"))
    .addOption(new Option("--port <number>", "and its port (PORT; default: 8000)").argParser(parsePort))
    .addOption(
      new Option("--url <url>", "both in one, for servers behind TLS or a path")
        .argParser(parseUrl)
        .conflicts(["host", "port"]),
    );
}

/**
 * The addresses of the server. http and ws name the same server, so either may be given.
 * @throws ConfigError where the settings are what counts, and do not say
 */
export function addressOf(flags: AddressFlags, examined: Examined): Address {
  const { wsPath, ...settings } = examined.settings;
  if (flags.url !== undefined) return fromUrl(flags.url, wsPath);
  const asked: ("HOST" | "PORT")[] = [];
  if (flags.host === undefined) asked.push("HOST");
  if (flags.port === undefined) asked.push("PORT");
  const problems = concerned(examined, asked);
  if (problems.length > 0) throw new ConfigError(problems);
  const { host = settings.host, port = settings.port } = flags;
  if (port === 0) throw new ConfigError(["PORT is 0, which is any free port: say the server's own with --port"]);
  const text = baseUrl({ host, port, isTls: settings.tlsCert !== undefined });
  const base = URL.parse(text);
  if (base === null) throw new ConfigError([`--host: expected an address or a name, got ${JSON.stringify(host)}`]);
  return { http: text, ws: text.replace(/^http/, "ws") + wsPath };
}

/** A path that is the endpoint's own belongs to the WebSocket only. */
function fromUrl({ protocol, host, pathname }: URL, wsPath: string): Address {
  const s = /^(https|wss):$/.test(protocol) ? "s" : "";
  const path = withoutEndingSlashes(pathname);
  const above = path.endsWith(wsPath) ? path.slice(0, -wsPath.length) : path;
  const isEndpoint = protocol.startsWith("ws") && path !== "";
  return { http: `http${s}://${host}${above}`, ws: `ws${s}://${host}${isEndpoint ? path : `${above}${wsPath}`}` };
}

function withoutEndingSlashes(path: string): string {
  let end = path.length;
  while (path.charAt(end - 1) === "/") end--;
  return path.slice(0, end);
}
