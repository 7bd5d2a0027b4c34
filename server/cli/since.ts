import type { Client, Position } from "../../client/index.ts";
import { parseChannelName } from "../../protocol/channel-name.ts";
import { limits } from "../../protocol/limits.ts";
import { type Cursor, formatCursor, parseCursor, parseSince } from "../../protocol/position.ts";
import { checked } from "./flag-values.ts";

/** The parsed value of --since. */
export type SinceFlag =
  | { readonly from: "offset"; readonly offset: number }
  | { readonly from: "keyword"; readonly keyword: "earliest" | `last:${number}` }
  | { readonly from: "cursor"; readonly cursor: Cursor };

/** `17`, `earliest`, `last:10` or a cursor. */
export const parseSinceFlag = checked(
  "--since",
  `an offset such as 17, "earliest", "last:10" (up to ${limits.lastLimit}), or a cursor such as all~k3x9~17`,
  (text): SinceFlag | undefined => {
    if (/^[0-9]{1,15}$/.test(text)) return { from: "offset", offset: Number(text) };
    const keyword = parseSince(text);
    if (keyword?.from === "earliest") return { from: "keyword", keyword: "earliest" };
    if (keyword?.from === "last") return { from: "keyword", keyword: `last:${keyword.count}` };
    const cursor = parseCursor(text);
    return cursor === undefined ? undefined : { from: "cursor", cursor };
  },
);

/**
 * The position to start from in one channel. A bare offset belongs to the channel's current epoch, which is fetched first.
 * @throws ClientError if the channel may not be read
 */
export async function startPositionOf(
  client: Client,
  channel: string,
  since: SinceFlag | undefined,
): Promise<Position | "earliest" | `last:${number}` | undefined> {
  if (since === undefined) return undefined;
  if (since.from === "keyword") return since.keyword;
  if (since.from === "cursor") {
    const name = parseChannelName(channel);
    return name === undefined ? undefined : since.cursor.get(name);
  }
  const { epoch } = await client.channel(channel).history({ since: "last:1", limit: 1 });
  return { epoch, offset: since.offset };
}

/** The cursor after one message. Cursors of several channels can be joined with commas. */
export function cursorOf(channel: string, position: Position): string | undefined {
  const name = parseChannelName(channel);
  return name === undefined ? undefined : formatCursor(new Map([[name, position]]));
}
