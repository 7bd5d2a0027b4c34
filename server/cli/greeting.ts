import manifest from "../../package.json" with { type: "json" };
import type { Settings } from "../config/settings.ts";
import type { ListeningAddress } from "../http/server.ts";

/** What a person reads when the server has started: where everything is, and a line to try it with, which works as typed. */
export function greeting(settings: Settings, address: ListeningAddress): string {
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

/** Where this machine reaches the server; an address that stands for all of them is none to connect to. */
export function baseUrl({ host, port, isTls }: ListeningAddress): string {
  const bare = host.replace(/^\[|\]$/g, "");
  const reachable = bare === "0.0.0.0" ? "127.0.0.1" : /^[0:]+$/.test(bare) ? "::1" : bare;
  const name = reachable.includes(":") ? `[${reachable}]` : reachable;
  return `${isTls ? "https" : "http"}://${name}:${port}`;
}

function mode({ isSecured, insecure }: Settings): string {
  if (isSecured) return "secured";
  return insecure ? "open to everyone who reaches it" : "open, for this machine only";
}

function howToPush(isSecured: boolean, keys: readonly string[], http: string): string[] {
  const url = `${http}/v1/channels/all/messages`;
  if (!isSecured) return ["  Say something to everyone:", `  curl ${url} -d 'Hello'`];
  if (keys.length === 0) return ["  Nobody can push over HTTP until API_KEY is set."];
  return [
    "  Say something to everyone (API_KEY being one of the keys, without its scopes):",
    `  curl ${url} -H "Authorization: Bearer $API_KEY" -d 'Hello'`,
  ];
}
