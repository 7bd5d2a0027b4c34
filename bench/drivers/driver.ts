import { resolve } from "node:path";

/** One request that publishes, as JSON by POST. */
export interface PublishRequest {
  readonly path: string;
  readonly body: string;
}

/**
 * How the benches speak to a server: how to subscribe, and how to publish. A bench needs either `publish` or `push`.
 * docs/bench.md shows how to write one for another server.
 */
export interface Driver {
  /** The path and query of the WebSocket handshake. @param user undefined for a client of `publish` */
  socketPath(user: string | undefined): string;
  /** Text frames that the client sends after the handshake, for servers that subscribe by commands. */
  greeting?(user: string | undefined): readonly string[];
  /** Publishes a text to every client (bench fanout). The clients must receive the text unchanged, one frame per message. */
  publish?(text: string): PublishRequest;
  /** Pushes data to the connections of one user (bench direct). */
  push?(user: string, data: object): PublishRequest;
  /** The same to several users in one request (bench direct --batch). */
  pushBatch?(users: readonly string[], data: object): PublishRequest;
}

/** @throws Error if the file does not export a driver */
export async function loadDriver(path: string): Promise<Driver> {
  const module: { readonly driver?: Driver } = await import(resolve(path));
  if (typeof module.driver?.socketPath === "function") return module.driver;
  throw new Error(`--driver: expected a file that exports \`driver\` with \`socketPath\`, got ${path}`);
}

/** The drivers of the programs in this folder. */
export const drivers = {
  fanfare: `${import.meta.dir}/fanfare.ts`,
  bare: `${import.meta.dir}/bare.ts`,
  bareDirect: `${import.meta.dir}/bare-direct.ts`,
} as const;
