import { type ChannelName, parseChannelName, parseUserId } from "../../protocol/channel-name.ts";

/** The page's configuration: what the server put into the page, and the page's own URL. */
export interface PageSettings {
  /** Without a slash at the end, such as `http://127.0.0.1:8000`. */
  readonly baseUrl: string;
  readonly wsUrl: string;
  readonly ssePath: string;
  /** Whether credentials are configured; then pushing requires a key. */
  readonly isSecured: boolean;
  /** Whether the server accepts a `user_id` chosen by the client. */
  readonly trustUserId: boolean;
  /** Whether connecting without a user is allowed. */
  readonly anonymous: boolean;
  /** Whether the server has a dashboard. */
  readonly dashboard: boolean;
}

/** The parameters in the page's own URL: `/?user_id=alice&channel=room:1`. */
export interface PageQuery {
  readonly userId: string | undefined;
  readonly channels: readonly ChannelName[];
}

/**
 * @param content JSON from the `meta` element that the server fills in
 * @throws Error if a server of this version cannot have written it
 */
export function parsePageSettings(content: string, pageUrl: URL): PageSettings {
  const value: unknown = JSON.parse(content);
  if (!isServerFacts(value)) throw new Error("the page's settings are missing or invalid: reload the page");
  const { wsPath, ...rest } = value;
  const baseUrl = (new URL(".", pageUrl).href.split(/[?#]/)[0] ?? "").replace(/\/$/, "");
  return { ...rest, baseUrl, wsUrl: baseUrl.replace(/^http/, "ws") + wsPath };
}

export function parsePageQuery(query: URLSearchParams): PageQuery {
  const channels = query.getAll("channel").map(parseChannelName);
  return { userId: parseUserId(query.get("user_id")), channels: channels.filter((it) => it !== undefined) };
}

type ServerFacts = Pick<PageSettings, "ssePath" | "isSecured" | "trustUserId" | "anonymous" | "dashboard"> & {
  readonly wsPath: string;
};

function isServerFacts(value: unknown): value is ServerFacts {
  if (typeof value !== "object" || value === null) return false;
  const { wsPath, ssePath, ...switches } = value as Record<string, unknown>;
  const areTexts = [wsPath, ssePath].every((it) => typeof it === "string");
  const { isSecured, trustUserId, anonymous, dashboard } = switches;
  return areTexts && [isSecured, trustUserId, anonymous, dashboard].every((it) => typeof it === "boolean");
}
