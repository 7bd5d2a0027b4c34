import { createConnection } from "node:net";
import type { Host } from "./slots.ts";

/** How long a program may take to say anything, milliseconds. */
const patienceMs = 2000;

/** What speaks at an address; `nothing` where nobody accepts a connection or says a word. */
export type Speaker = "redis" | "tls" | "other" | "nothing";

/**
 * Finds out what is at an address that could not be used as a Redis: sends a plain `PING` and looks at the first byte of
 * the answer. Never rejects.
 */
export function whoSpeaks({ host, port }: Host): Promise<Speaker> {
  const { promise, resolve } = Promise.withResolvers<Speaker>();
  const socket = createConnection({ host, port });
  const timer = setTimeout(() => resolve("nothing"), patienceMs);
  socket.once("connect", () => socket.write("PING\r\n"));
  socket.once("data", (data: Buffer) => resolve(speakerOf(data[0] ?? 0)));
  socket.once("error", () => resolve("nothing"));
  socket.once("close", () => resolve("nothing"));
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}

/** A reply of Redis begins with one of a few signs, a TLS record of an alert or a handshake with 21 or 22. */
function speakerOf(firstByte: number): Speaker {
  if ("+-:$*".includes(String.fromCharCode(firstByte))) return "redis";
  return firstByte === 21 || firstByte === 22 ? "tls" : "other";
}
