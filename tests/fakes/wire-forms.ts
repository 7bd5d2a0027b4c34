import type { WireForm } from "../../server/session/wire-form.ts";
import { sseForm as stream } from "../../server/transport/sse/sse-form.ts";
import { plainForm as plain } from "../../server/transport/websocket/plain-form.ts";

/** A form whose writes end with the session's cursor, for tests of folders that know no transport. */
export const sseForm: WireForm = stream;

/** A form of one object per frame, for the same. */
export const plainForm: WireForm = plain;
