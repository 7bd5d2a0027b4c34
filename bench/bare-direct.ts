/**
 * The minimum for a push to one user: parse the body, look up the user, send once. Run it with
 * `bun bench/bare-direct.ts --port N`. `GET /ws?user_id=U` connects as the user U. `POST /sse/push` with `{user_id, data}`
 * sends `data` to each of U's connections, and `POST /sse/push/batch` takes an array of those.
 */
import { parseArgs } from "node:util";
import type { ServerWebSocket } from "bun";

interface Client {
  readonly userId: string;
}

interface Item {
  readonly user_id: string;
  readonly data: unknown;
}

const { values } = parseArgs({ options: { port: { type: "string", default: "8001" } } });
const users = new Map<string, Set<ServerWebSocket<Client>>>();

Bun.serve<Client>({
  hostname: "127.0.0.1",
  port: Number(values.port),
  reusePort: false,
  routes: {
    "/sse/push": {
      POST: async (request: Request) =>
        Response.json({ status: push((await request.json()) as Item) ? "success" : "partial" }),
    },
    "/sse/push/batch": {
      POST: async (request: Request) => {
        const items = (await request.json()) as readonly Item[];
        return Response.json({ results: items.map((it) => ({ user_id: it.user_id, success: push(it) })) });
      },
    },
  },
  fetch(request, server) {
    const userId = new URL(request.url).searchParams.get("user_id") ?? "";
    return server.upgrade(request, { data: { userId } }) ? undefined : new Response(null, { status: 404 });
  },
  websocket: {
    open(socket) {
      const sockets = users.get(socket.data.userId) ?? new Set();
      users.set(socket.data.userId, sockets.add(socket));
    },
    close(socket) {
      users.get(socket.data.userId)?.delete(socket);
    },
    message() {},
  },
});

/** Whether the user is connected. */
function push({ user_id, data }: Item): boolean {
  const sockets = users.get(user_id);
  if (sockets === undefined) return false;
  const text = JSON.stringify({ type: "message", data });
  for (const socket of sockets) socket.send(text);
  return true;
}
