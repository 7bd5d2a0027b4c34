import { type StartingSettings, serveWhileStarting } from "./serve-while-starting.ts";

/** A port that is kept until the workers have it. */
export interface ReservedPort {
  readonly port: number;
  /** Once a worker listens. Idempotent. */
  release(): void;
}

/**
 * Reserves the port that the workers will share. Each of them listens with SO_REUSEPORT, which would also succeed next to
 * another program of the same user that does so. So the port is bound exclusively once. Then a holder listens on it until the
 * first worker does: if two servers start at the same time, the second one finds the port in use. Meanwhile the holder
 * answers requests.
 * @returns the port, which the system chose if it is 0
 * @throws Error with the code EADDRINUSE, EADDRNOTAVAIL or EACCES
 */
export function reservePort(settings: StartingSettings): ReservedPort {
  const { host, port: wanted } = settings;
  const alone = Bun.listen({ hostname: host, port: wanted, exclusive: true, socket: { data: () => undefined } });
  const { port } = alone;
  alone.stop(true);
  if (process.platform !== "linux") return { port, release: () => undefined }; // one worker, which has it alone
  const holder = serveWhileStarting({ ...settings, port });
  // Not forced: accepted requests are answered.
  return { port, release: () => void holder.stop() };
}
