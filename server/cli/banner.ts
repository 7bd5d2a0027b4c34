import manifest from "../../package.json" with { type: "json" };
import type { Settings } from "../config/settings.ts";
import type { ListeningAddress } from "../http/server.ts";

/** The text printed to a terminal once the server has started: its URLs, and a command to try that works as shown. */
export function startupBanner(settings: Settings, address: ListeningAddress): string {
  const { isSecured, page, wsPath } = settings;
  const http = baseUrl(address);
  const places = [
    ...(page ? [["Page", `${http}/`]] : []),
    ["WebSocket", `${http.replace(/^http/, "ws")}${wsPath}`],
    ["SSE", `${http}/sse`],
    ["API docs", `${http}/docs`],
  ];
  return [
    `Fanfare ${manifest.version} is listening on ${address.host}, port ${address.port}: ${mode(settings)}`,
    "",
    ...places.map(([name = "", url = ""]) => `  ${name.padEnd(11)}${url}`),
    "",
    ...howToPush(isSecured, settings.apiKeys, http),
    "",
    "Waiting for clients. Ctrl+C stops the server.",
    "",
  ].join("\n");
}

/** The URL for clients on this machine. A wildcard address such as 0.0.0.0 is replaced by loopback. */
export function baseUrl({ host, port, isTls }: ListeningAddress): string {
  const bare = host.replace(/^\[|\]$/g, "");
  const reachable = bare === "0.0.0.0" ? "127.0.0.1" : /^[0:]+$/.test(bare) ? "::1" : bare;
  const name = reachable.includes(":") ? `[${reachable}]` : reachable;
  return `${isTls ? "https" : "http"}://${name}:${port}`;
}

function mode({ isSecured, insecure }: Settings): string {
  if (isSecured) return "secured";
  return insecure ? "open to everyone who can reach it" : "open, reachable from this machine only";
}

function howToPush(isSecured: boolean, keys: readonly string[], http: string): string[] {
  const url = `${http}/v1/channels/all/messages`;
  if (!isSecured) return ["  Send a message to everyone:", `  curl ${url} -d 'Hello'`];
  if (keys.length === 0) return ["  Nobody can push over HTTP until API_KEY is set."];
  return [
    "  Send a message to everyone (set API_KEY to one of the keys, without its scopes):",
    `  curl ${url} -H "Authorization: Bearer $API_KEY" -d 'Hello'`,
  ];
}
