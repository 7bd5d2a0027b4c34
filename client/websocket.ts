import { decodeServerFrames, encodeClientFrame } from "../protocol/client-codec.ts";
import type { Transport } from "./transport.ts";

/** A WebSocket of the runtime. The token goes as a subprotocol: an address ends up in logs of proxies. */
export const openWebSocket: Transport = ({ url, query, token }, events) => {
  const address = new URL(url.pathname.endsWith("/") ? "ws" : "", url);
  address.search = `${query}`;
  address.protocol = url.protocol.replace("http", "ws");
  const socket = new WebSocket(address, token ? ["fanfare.v1", `fanfare.token.${token}`] : ["fanfare.v1"]);
  let isOpen = false;
  socket.onopen = () => {
    isOpen = true;
  };
  socket.onmessage = ({ data }) => events.onFrames(decodeServerFrames(`${data}`));
  // Runtimes differ in the code for a handshake that failed, and some choose one that means "stay away".
  socket.onclose = ({ code, reason }) =>
    events.onEnd(isOpen ? { code, reason } : { code: 1006, reason: "no WebSocket opened" });
  return {
    // A socket that was welcomed once does not throw: what it cannot send any more it drops.
    send: (command, ref) => socket.send(encodeClientFrame(command, ref)),
    close: () => socket.close(1000),
  };
};
