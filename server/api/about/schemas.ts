import { channelNameRule, plainChannelPattern, userIdRule } from "../../../protocol/channel-name.ts";
import { errorTable } from "../../../protocol/errors.ts";
import { eventPattern, eventRule, headersRule } from "../../../protocol/fields.ts";
import type { WireMessage } from "../../../protocol/frames.ts";
import { limits } from "../../../protocol/limits.ts";
import { flag, type JsonSchema, list, object, shape, shortText, text, time, whole } from "./json-schema.ts";

/** Schemas that several places point at. */
export type ComponentName = "Message" | "Receipt" | "Position" | "Problem";

export function ref(name: ComponentName): JsonSchema {
  return { $ref: `#/components/schemas/${name}` };
}

/** No control characters; neither `.` nor `..`. */
const userIdSigns = "(?!\\.\\.?$)[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]";

/** A personal channel is `@` and a user's id, which has an alphabet of its own. */
const channelPattern = `${plainChannelPattern.source.replace("^", "^(?!@|\\.\\.?$)")}|^@${userIdSigns}{1,${limits.userIdLength}}$`;

export const channelName = text(`A channel: ${channelNameRule}, or @ and a user's id.`, { pattern: channelPattern });

export const userId = text(`A user: ${userIdRule}.`, {
  minLength: 1,
  maxLength: limits.userIdLength,
  pattern: `^${userIdSigns}*$`,
});

export const eventName = text(`The publisher's name for what happened: ${eventRule}.`, {
  pattern: eventPattern.source,
});

export const publicationId = shortText(
  "Names the publication: the same id in a channel is stored once.",
  limits.idLength,
);

export const epoch = text("Names one life of the channel's numbering.", { pattern: "^[A-Za-z0-9_-]{1,64}$" });

export const offset = whole("Place in the channel; grows by exactly 1 with each publication.");

export const anyJson: JsonSchema = {
  description: `Any JSON, at most ${limits.jsonDepth} levels deep; passed on as the text it came as, so 64-bit numbers survive.`,
};

export const sender = shortText("Who says it.", limits.senderLength);

export const key = shortText("What it is about, for stores that keep the last one per key.", limits.keyLength);

export const headers: JsonSchema = {
  type: "object",
  description: `Passed on as it is: ${headersRule}.`,
  additionalProperties: { type: "string", maxLength: limits.headerLength },
  maxProperties: limits.headers,
};

/** Why something is not known to be complete. */
export const gapReason = text("Why it is not known to be complete.", { enum: ["epoch-changed", "history-too-short"] });

export const errorCode = text("For programs; the table of codes says what each means.", {
  enum: Object.keys(errorTable),
});

export const components: Readonly<Record<ComponentName, JsonSchema>> = {
  Message: {
    description: "One publication, as every reader gets it. It has message, data, or both.",
    ...shape<WireMessage>(
      {
        type: { const: "message" },
        channel: channelName,
        id: publicationId,
        timestamp: time("When the server stored it."),
      },
      {
        offset: whole("Place in the channel; absent for ephemeral ones.", { minimum: 1 }),
        sent_at: time("The publisher's own time."),
        event: eventName,
        message: text("Text for people."),
        data: anyJson,
        sender,
        key,
        headers,
      },
    ),
  },
  Receipt: {
    description: "It is stored.",
    ...object(
      { channel: channelName, id: publicationId, duplicate: flag("It was stored before; the position is that one's.") },
      { epoch, offset, connected: flag("For a user's channel: the user has a connection now.") },
    ),
  },
  Position: { description: "A place in a channel's history.", ...object({ epoch, offset }) },
  Problem: {
    description: "A refusal (RFC 9457). Programs go by code, people by detail.",
    ...object(
      {
        type: text("urn:fanfare:error: and the code."),
        title: text("The status in words."),
        status: whole("The HTTP status.", { minimum: 400, maximum: 599 }),
        detail: text("What was wrong, and what would be right."),
        code: errorCode,
      },
      {
        field: text("The field or parameter that broke its rule."),
        retry_after_ms: whole("When to try again, milliseconds from now."),
      },
    ),
  },
};

/** One entry per thing: `{things: […], next_page?}`. */
export function pageOf(name: string, items: JsonSchema): JsonSchema {
  return object(
    { [name]: list("In order.", items) },
    { next_page: text("For `page`, to read on; absent at the end.") },
  );
}
