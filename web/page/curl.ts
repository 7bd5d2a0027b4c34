import { userOf } from "../../protocol/channel-name.ts";
import type { PageSettings } from "./settings.ts";

/**
 * The shell command that sends a message to a channel. For a personal channel it uses the push endpoint:
 *
 *     curl http://127.0.0.1:8000/v1/channels/room%3A1/messages -d 'Hello'
 */
export function curlLine(
  { baseUrl, ssePath, isSecured }: Pick<PageSettings, "baseUrl" | "ssePath" | "isSecured">,
  channel: string,
): string {
  const userId = userOf(channel);
  const key = isSecured ? [`-H "Authorization: Bearer $API_KEY"`] : [];
  const parts =
    userId === undefined
      ? [`curl ${shellWord(`${baseUrl}/v1/channels/${encodeURIComponent(channel)}/messages`)}`, ...key, "-d 'Hello'"]
      : [
          `curl ${shellWord(baseUrl + ssePath)}`,
          ...key,
          `-d ${shellWord(JSON.stringify({ user_id: userId, data: "Hello" }))}`,
        ];
  return parts.join(" \\\n  ");
}

/** Quotes a word for a POSIX shell if necessary. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
