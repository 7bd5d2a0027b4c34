/** One request as a test looks at it. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly key: string | null;
  /** The text of the body. */
  readonly body: string;
}

/**
 * A server that answers as a test says, for tests of what speaks HTTP. Use it with `using`.
 * @param answer called for each request, with how many came before
 */
export function startFakeServer(answer: (asked: Asked, before: number) => Response) {
  const asked: Asked[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      const { pathname, search } = new URL(request.url);
      const key = request.headers.get("Authorization");
      const one = { method: request.method, path: pathname + search, key, body: await request.text() };
      asked.push(one);
      return answer(one, asked.length - 1);
    },
  });
  return {
    asked,
    url: `http://127.0.0.1:${server.port}`,
    port: server.port,
    [Symbol.dispose]: () => void server.stop(true),
  };
}
