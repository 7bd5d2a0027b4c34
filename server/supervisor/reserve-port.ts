/**
 * The port that the workers will share. Each of them listens with SO_REUSEPORT, which would also succeed beside a stranger
 * of the same user that does so: so it is taken once alone, and given back.
 * @returns the port, which the system chose where it is 0
 * @throws Error with the code EADDRINUSE, EADDRNOTAVAIL or EACCES
 */
export function reservePort({ host, port }: { readonly host: string; readonly port: number }): number {
  const listener = Bun.listen({ hostname: host, port, exclusive: true, socket: { data: () => undefined } });
  const reserved = listener.port;
  listener.stop(true);
  return reserved;
}
