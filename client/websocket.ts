import { decodeServerFrames, encodeClientFrame } from "../protocol/client-codec.ts";
import type { Transport } from "./transport.ts";

/**
 * A WebSocket of the runtime. The token is sent as a subprotocol, because URLs end up in the logs of proxies.
 *
 * @param decode replaced by the page at `/`, which shows numbers that JavaScript would round
 */
export const makeWebSocket =
  (decode = decodeServerFrames): Transport =>
  ({ url, query, token, WebSocket }, events) => {
    const address = new URL(url.pathname.endsWith("/") ? "ws" : "", url);
    address.search = `${query}`;
    address.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(address, token ? ["fanfare.v1", `fanfare.token.${token}`] : ["fanfare.v1"]);
    socket.onmessage = ({ data }: { readonly data: unknown }) => events.onFrames(decode(`${data}`));
    // Runtimes report different codes for a failed handshake, some of which mean "do not reconnect".
    socket.onclose = () => events.onEnd({ code: 1006, reason: "no WebSocket opened" });
    socket.onopen = () => {
      socket.onclose = events.onEnd; // the event has the code and the reason
    };
    return {
      // After the welcome `send` does not throw: if the socket is closing, the data is dropped.
      send: (command, ref) => socket.send(encodeClientFrame(command, ref)),
      close: () => socket.close(1000),
    };
  };
