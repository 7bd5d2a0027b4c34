import { makeSampleMessage, type SampleMessage } from "./sample-message.ts";

/** Opens a connection, sends messages, and resolves when they are answered. @throws Error if an answer is an error */
export type PublishInterface = (
  port: number,
) => Promise<{ send(messages: readonly SampleMessage[]): Promise<void>; close(): void }>;

/** Every interface through which messages can be published. */
export const interfaces = {
  publish: overHttp("/v1/publish", ({ user, text, id, headers, padding }) => ({
    body: JSON.stringify({ user_id: user, data: text, id, headers }) + " ".repeat(padding.length), // no unknown fields
  })),
  push: overHttp("/sse/push", ({ user, text, id, padding }) => ({
    body: JSON.stringify({ padding, user_id: user, data: text, event_id: id }),
  })),
  batch: batches,
  messages: overHttp(
    ({ user }) => `/v1/channels/${encodeURIComponent(user)}/messages`,
    ({ text, id }) => ({
      body: text,
      headers: id === undefined ? {} : { "Idempotency-Key": id },
    }),
  ),
  websocket: overWebSocket(({ user, text, id, headers, padding }) =>
    JSON.stringify({ type: "publish", padding, channel: user, data: text, id, headers, ref: 1 }),
  ),
  chat: overWebSocket(({ text }) => JSON.stringify({ type: "message", message: text, ref: 1 })),
} as const satisfies Record<string, PublishInterface>;

export type InterfaceName = keyof typeof interfaces;

/** Publishes until this many bytes are sent, counted as the server counts them. @returns the number of publications */
export async function publishThrough(name: InterfaceName, port: number, totalBytes: number): Promise<number> {
  const connection = await interfaces[name](port);
  let count = 0;
  for (let bytes = 0; bytes < totalBytes; ) {
    const messages = Array.from({ length: atOnce }, () => makeSampleMessage(count++));
    try {
      await connection.send(messages);
    } catch (error) {
      if (String(error).includes("CLIENT_SHARE")) break; // a client cannot store more
      throw error;
    }
    for (const { cost } of messages) bytes += cost;
  }
  connection.close();
  return count;
}

/** The number of concurrent requests. Small, so that their bodies do not count. */
const atOnce = 40;

type RequestOf = (message: SampleMessage) => {
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
};

function overHttp(path: string | ((message: SampleMessage) => string), requestOf: RequestOf): PublishInterface {
  return async (port) => ({
    async send(messages) {
      await Promise.all(
        messages.map((message) => {
          const where = typeof path === "string" ? path : path(message);
          return post(`http://127.0.0.1:${port}${where}`, requestOf(message));
        }),
      );
    },
    close: () => undefined,
  });
}

async function batches(port: number): ReturnType<PublishInterface> {
  return {
    async send(messages) {
      const items = messages.map(({ user, text, id, padding }) => ({
        padding: padding.slice(0, 10_000),
        user_id: user,
        data: text,
        event_id: id,
      }));
      await post(`http://127.0.0.1:${port}/sse/push/batch`, { body: JSON.stringify(items) });
    },
    close: () => undefined,
  };
}

async function post(url: string, request: ReturnType<RequestOf>): Promise<void> {
  const response = await fetch(url, { method: "POST", ...request });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${text.slice(0, 200)}`);
}

/** Sends all messages over one socket, then a ping, which is answered after them. */
function overWebSocket(frameOf: (message: SampleMessage) => string): PublishInterface {
  return async (port) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`);
    const opened = Promise.withResolvers<void>();
    let pong = Promise.withResolvers<void>();
    socket.onopen = () => opened.resolve();
    socket.onclose = ({ code }) => {
      const end = new Error(`the WebSocket was closed with ${code}`);
      opened.reject(end);
      pong.reject(end);
    };
    socket.onmessage = ({ data }) => {
      const frame: { readonly type: string; readonly message?: string } = JSON.parse(String(data));
      if (frame.type === "pong") pong.resolve();
      else if (frame.type === "error") pong.reject(new Error(`refused: ${frame.message}`));
    };
    await opened.promise;
    return {
      async send(messages) {
        pong = Promise.withResolvers();
        for (const message of messages) socket.send(frameOf(message));
        socket.send('{"type":"ping"}');
        await pong.promise;
      },
      close: () => {
        socket.onclose = null;
        socket.close();
      },
    };
  };
}
