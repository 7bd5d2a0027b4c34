/** A port that is kept until the workers have it. */
export interface ReservedPort {
  readonly port: number;
  /** Idempotent. */
  release(): void;
}

/**
 * The port that the workers will share. Each of them listens with SO_REUSEPORT, which would also succeed beside a stranger
 * of the same user that does so: so it is taken once alone. Then it is held in the way of the workers, until they have it:
 * of two servers that start in the same moment the second finds it in use.
 * @returns the port, which the system chose where it is 0
 * @throws Error with the code EADDRINUSE, EADDRNOTAVAIL or EACCES
 */
export function reservePort({ host, port: wanted }: { readonly host: string; readonly port: number }): ReservedPort {
  const alone = Bun.listen({ hostname: host, port: wanted, exclusive: true, socket: { data: () => undefined } });
  const { port } = alone;
  alone.stop(true);
  if (process.platform !== "linux") return { port, release: () => undefined }; // one worker, which has it alone
  const headers = { Connection: "close", "Retry-After": "1" };
  const tooEarly = () => new Response("The server is starting.\n", { status: 503, headers });
  const holder = Bun.serve({ hostname: host, port, reusePort: true, fetch: tooEarly });
  return { port, release: () => void holder.stop(true) };
}
