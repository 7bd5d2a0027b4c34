import { cursorPart } from "../../client/cursor.ts";
import { type ClientEnvironment, systemEnvironment } from "../../client/environment.ts";
import { makeSse } from "../../client/sse.ts";
import type { Transport } from "../../client/transport.ts";
import { makeWebSocket } from "../../client/websocket.ts";
import { encodeClientFrame } from "../../protocol/client-codec.ts";
import { decodeWithDataText } from "./data-text.ts";

/** Called with each text that is received, and with each frame that is sent over a WebSocket. */
export type OnFrame = (direction: "received" | "sent", text: string) => void;

/** The SDK's environment, with transports that keep `data` as text, and show what they receive and send. */
export function makePageEnvironment(onFrame: OnFrame): ClientEnvironment {
  const decode = (text: string) => {
    onFrame("received", text);
    return decodeWithDataText(text);
  };
  return {
    ...systemEnvironment,
    transports: {
      websocket: () => showingSent(makeWebSocket(decode), onFrame),
      sse: () => makeSse(decode, cursorPart),
    },
  };
}

function showingSent(transport: Transport, onFrame: OnFrame): Transport {
  return (target, events) => {
    const socket = transport(target, events);
    return {
      send(command, ref) {
        onFrame("sent", encodeClientFrame(command, ref));
        socket.send(command, ref);
      },
      close: () => socket.close(),
    };
  };
}
