import { cursorPart } from "../../client/cursor.ts";
import { type ClientEnvironment, systemEnvironment } from "../../client/environment.ts";
import { makeSse } from "../../client/sse.ts";
import { makeWebSocket } from "../../client/websocket.ts";
import { decodeWithDataText } from "./data-text.ts";

/** The SDK's environment, with transports that keep `data` as text. */
export const pageEnvironment: ClientEnvironment = {
  ...systemEnvironment,
  transports: {
    websocket: () => makeWebSocket(decodeWithDataText),
    sse: () => makeSse(decodeWithDataText, cursorPart),
  },
};
