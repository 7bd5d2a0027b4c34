import { createConnection } from "node:net";
import type { Host } from "./slots.ts";

/** How long a program may take to answer, milliseconds. */
const timeoutMs = 2000;

/** The kind of server at an address; `nothing` if no connection is accepted, or nothing is sent. */
export type ServerKind = "redis" | "tls" | "other" | "nothing";

/**
 * Finds out which kind of server is at an address that could not be used as a Redis: sends a plain `PING` and looks at the
 * first byte of the answer. Never rejects.
 */
export function identifyServer({ host, port }: Host): Promise<ServerKind> {
  const { promise, resolve } = Promise.withResolvers<ServerKind>();
  const socket = createConnection({ host, port });
  const timer = setTimeout(() => resolve("nothing"), timeoutMs);
  socket.once("connect", () => socket.write("PING\r\n"));
  socket.once("data", (data: Buffer) => resolve(kindOf(data[0] ?? 0)));
  socket.once("error", () => resolve("nothing"));
  socket.once("close", () => resolve("nothing"));
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}

/** A reply of Redis begins with one of a few signs, a TLS record of an alert or a handshake with 21 or 22. */
function kindOf(firstByte: number): ServerKind {
  if ("+-:$*".includes(String.fromCharCode(firstByte))) return "redis";
  return firstByte === 21 || firstByte === 22 ? "tls" : "other";
}
