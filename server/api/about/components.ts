import type { WireMessage } from "../../../protocol/frames.ts";
import { flag, type JsonSchema, object, shape, text, time, whole } from "./json-schema.ts";
import { scheduledSchema, scheduleSchema } from "./schedule-schemas.ts";
import {
  anyJson,
  type ComponentName,
  channelName,
  epoch,
  errorCode,
  eventName,
  headers,
  key,
  offset,
  publicationId,
  sender,
} from "./schemas.ts";

/** Schemas that are used in several places, by their names in the documents. */
export const components: Readonly<Record<ComponentName, JsonSchema>> = {
  Message: {
    description: "A publication, as clients receive it. It has `message`, `data` or both.",
    ...shape<WireMessage>(
      {
        type: { const: "message" },
        channel: channelName,
        id: publicationId,
        timestamp: time("When the server stored it."),
      },
      {
        offset: whole("Position in the channel; absent for ephemeral messages.", { minimum: 1 }),
        sent_at: time("The publisher's time."),
        event: eventName,
        message: text("The text of the message."),
        data: anyJson,
        sender,
        key,
        headers,
      },
    ),
  },
  Receipt: {
    description: "Confirms that a publication is stored.",
    ...object(
      {
        channel: channelName,
        id: publicationId,
        duplicate: flag("Whether the id was stored before; the position is that of the first one."),
      },
      { epoch, offset, connected: flag("For a user's channel: whether the user is connected.") },
    ),
  },
  Position: { description: "A position in a channel's history.", ...object({ epoch, offset }) },
  Problem: {
    description: "An error (RFC 9457). Programs should use `code`; `detail` is for people.",
    ...object(
      {
        type: text("`urn:fanfare:error:` followed by the code."),
        title: text("The name of the HTTP status."),
        status: whole("The HTTP status.", { minimum: 400, maximum: 599 }),
        detail: text("What was wrong, and what was expected."),
        code: errorCode,
      },
      {
        field: text("The field or parameter that broke its rule."),
        retry_after_ms: whole("How long to wait before a retry, in milliseconds."),
      },
    ),
  },
  Schedule: scheduleSchema,
  Scheduled: scheduledSchema,
};
