import { type ChannelName, parseChannelName, parseUserId } from "../../protocol/channel-name.ts";

/** What the page goes by: the server's word, and where the page was asked for. */
export interface PageSettings {
  /** Without a slash at the end, such as `http://127.0.0.1:8000`. */
  readonly baseUrl: string;
  readonly wsUrl: string;
  readonly ssePath: string;
  /** Any credential is configured: pushing takes a key. */
  readonly isSecured: boolean;
  /** Whether a `user_id` of our own choice is believed. */
  readonly trustUserId: boolean;
  /** Whether one may connect without being anyone. */
  readonly anonymous: boolean;
}

/** What the person asked for in the page's own address: `/?user_id=alice&channel=room:1`. */
export interface Wishes {
  readonly userId: string | undefined;
  readonly channels: readonly ChannelName[];
}

/**
 * @param content JSON in the `meta` element that the server fills in
 * @throws Error when it is not what a server of this version writes
 */
export function parsePageSettings(content: string, pageUrl: URL): PageSettings {
  const value: unknown = JSON.parse(content);
  if (!isServerWord(value)) throw new Error("the page does not know its server: reload it");
  const { wsPath, ...rest } = value;
  const baseUrl = (new URL(".", pageUrl).href.split(/[?#]/)[0] ?? "").replace(/\/$/, "");
  return { ...rest, baseUrl, wsUrl: baseUrl.replace(/^http/, "ws") + wsPath };
}

export function parseWishes(query: URLSearchParams): Wishes {
  const channels = query.getAll("channel").map(parseChannelName);
  return { userId: parseUserId(query.get("user_id")), channels: channels.filter((it) => it !== undefined) };
}

type ServerFacts = Pick<PageSettings, "ssePath" | "isSecured" | "trustUserId" | "anonymous"> & {
  readonly wsPath: string;
};

function isServerWord(value: unknown): value is ServerFacts {
  if (typeof value !== "object" || value === null) return false;
  const { wsPath, ssePath, isSecured, trustUserId, anonymous } = value as Record<string, unknown>;
  const areTexts = [wsPath, ssePath].every((it) => typeof it === "string");
  return areTexts && [isSecured, trustUserId, anonymous].every((it) => typeof it === "boolean");
}
