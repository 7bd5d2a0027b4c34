/** A request, as tests look at it. */
export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly key: string | null;
  /** The text of the body. */
  readonly body: string;
}

/**
 * An HTTP server with scripted responses, for tests. Use it with `using`.
 * @param respond called for each request, with the number of requests before it
 */
export function startFakeServer(respond: (request: RecordedRequest, before: number) => Response) {
  const requests: RecordedRequest[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      const { pathname, search } = new URL(request.url);
      const key = request.headers.get("Authorization");
      const one = { method: request.method, path: pathname + search, key, body: await request.text() };
      requests.push(one);
      return respond(one, requests.length - 1);
    },
  });
  return {
    requests,
    url: `http://127.0.0.1:${server.port}`,
    port: server.port,
    [Symbol.dispose]: () => void server.stop(true),
  };
}
