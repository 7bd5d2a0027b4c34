import { parseArgs } from "node:util";

/**
 * The baseline of bench/fanout: a minimal Bun program that accepts publications over HTTP and passes them to Bun's own topics.
 * What Fanfare costs beyond this is the cost of its features: history, offsets, resume, slow readers, drain.
 */
const { values } = parseArgs({ options: { port: { type: "string", default: "8001" } } });
const topic = "all";
let offset = 0;

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(values.port),
  routes: {
    "/ws": (request: Request, self: Bun.Server<undefined>) =>
      self.upgrade(request) ? undefined : new Response(null, { status: 426 }),
    "/v1/publish": { POST: publish },
  },
  fetch: () => new Response(null, { status: 404 }),
  websocket: {
    perMessageDeflate: false,
    open: (socket) => {
      socket.subscribe(topic);
    },
    message: () => {},
  },
});

async function publish(request: Request): Promise<Response> {
  const { message } = (await request.json()) as { readonly message: string };
  const id = crypto.randomUUID();
  offset++;
  // The same fields as Fanfare's, so that the frames have the same size.
  const frame = { type: "message", channel: topic, offset, id, timestamp: new Date().toISOString(), message };
  server.publish(topic, JSON.stringify(frame), false);
  return Response.json({ channel: topic, id, epoch: "bare", offset, duplicate: false });
}
