import { RedisServer } from "../../tests/redis/redis.ts";

/** Settings for one server, and the processes that it needs. */
export interface Storage {
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** Prepares each storage. `directory` is an empty directory for this server. */
export const storages = {
  memory: async () => only({}),
  sqlite: async (directory: string) => only({ DATA_DIR: directory }),
  workers: async () => only({ WORKERS: "3" }),
  /** Its memory is not measured: it has a limit of its own. */
  redis: async () => {
    const server = await RedisServer.start();
    return { env: { REDIS_URL: server.url }, close: async () => server[Symbol.asyncDispose]() };
  },
} as const satisfies Record<string, (directory: string) => Promise<Storage>>;

export type StorageName = keyof typeof storages;

function only(env: Storage["env"]): Storage {
  return { env, close: async () => undefined };
}
