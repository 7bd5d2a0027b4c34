import { channelNameRule, plainChannelPattern, userIdRule } from "../../../protocol/channel-name.ts";
import { errorTable } from "../../../protocol/errors.ts";
import { eventPattern, eventRule, headersRule } from "../../../protocol/fields.ts";
import type { PresenceMember } from "../../../protocol/frames.ts";
import { limits } from "../../../protocol/limits.ts";
import { type JsonSchema, list, object, shape, shortText, text, time, whole } from "./json-schema.ts";

/** Schemas that are used in several places. */
export type ComponentName = "Message" | "Receipt" | "Position" | "Problem" | "Schedule" | "Scheduled";

export function ref(name: ComponentName): JsonSchema {
  return { $ref: `#/components/schemas/${name}` };
}

/** No control characters, and neither `.` nor `..`. */
const userIdSigns = "(?!\\.\\.?$)[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]";

/** A user's channel is `@` and a user id, which allows other characters than a channel name. */
const channelPattern = `${plainChannelPattern.source.replace("^", "^(?!@|\\.\\.?$)")}|^@${userIdSigns}{1,${limits.userIdLength}}$`;

export const channelName = text(`A channel: ${channelNameRule}, or @ and a user id.`, { pattern: channelPattern });

export const userId = text(`A user: ${userIdRule}.`, {
  minLength: 1,
  maxLength: limits.userIdLength,
  pattern: `^${userIdSigns}*$`,
});

export const eventName = text(`The publisher's name for what happened: ${eventRule}.`, {
  pattern: eventPattern.source,
});

export const publicationId = shortText(
  "Identifies the publication. A channel stores the same id only once.",
  limits.idLength,
);

export const epoch = text("The epoch of the channel. A new epoch means that offsets start again.", {
  pattern: "^[A-Za-z0-9_-]{1,64}$",
});

/** Describes one connection in a channel. */
export const userInfo: JsonSchema = {
  description: `Information that others may see about the user: the claim \`info\` of the token, any JSON of at most ${limits.infoBytes} bytes.`,
};

export const memberId = text(
  "The connection with which the client joined. It stays the same while the client moves to another server.",
);

/** The fields of a presence answer that a client sees who may see the users. */
export const presencePage = {
  users: list("The users of these members, sorted. Over all pages, each user is listed once.", userId, {
    maxItems: limits.presenceMembers,
  }),
  members: list(
    `One page of the connections, sorted by user: at most ${limits.presenceMembers}.`,
    shape<PresenceMember>(
      { connection_id: memberId, since: time("When it joined the channel.") },
      { user_id: userId, info: userInfo },
    ),
    { maxItems: limits.presenceMembers },
  ),
  unlisted: whole(
    "Further connections that are neither listed nor announced, because of PRESENCE_SIZE or PRESENCE_BYTES.",
  ),
  epoch: text("The epoch of the presence events. Only in channels with presence events, like `position`."),
  position: whole("The last presence event that is part of this page."),
  next: text("Pass it as `page` to read the next page; absent on the last page."),
};

/** An example of it. */
export const presenceExample = {
  channel: "room:1",
  count: 3,
  users: ["alice", "bob"],
  members: [
    { connection_id: "c_vW2h0tqH6sXk3f1a", since: "2026-11-20T10:29:58.120Z" },
    {
      connection_id: "c_8fD3kq0PzR5mVb2L",
      user_id: "alice",
      info: { name: "Alice" },
      since: "2026-11-20T10:30:12.481Z",
    },
    { connection_id: "c_Tq7LmZx91cVw4yEu", user_id: "bob", since: "2026-11-20T10:30:25.123Z" },
  ],
  epoch: "mB4xkQ2vT9sA",
  position: 41,
};

export const offset = whole("Position in the channel; grows by exactly 1 with each publication.");

export const anyJson: JsonSchema = {
  description: `Any JSON, at most ${limits.jsonDepth} levels deep. It is passed on unchanged, so 64-bit numbers survive.`,
};

export const sender = shortText("The display name of the sender.", limits.senderLength);

export const key = shortText(
  "The subject of the publication, for clients that keep only the latest value per key.",
  limits.keyLength,
);

export const headers: JsonSchema = {
  type: "object",
  description: `Passed on unchanged: ${headersRule}.`,
  additionalProperties: { type: "string", maxLength: limits.headerLength },
  maxProperties: limits.headers,
};

export const gapReason = text("Why messages may be missing.", { enum: ["epoch-changed", "history-too-short"] });

export const errorCode = text("The error code. The table of error codes explains each.", {
  enum: Object.keys(errorTable),
});

/** A page of a list: `{<name>: […], next_page?}`. */
export function pageOf(name: string, items: JsonSchema, more: Readonly<Record<string, JsonSchema>> = {}): JsonSchema {
  return object(
    { [name]: list("One page of the results.", items), ...more },
    { next_page: text("Pass it as `page` to read the next page; absent on the last page.") },
  );
}
