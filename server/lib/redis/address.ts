/** The address and credentials of a Redis (or Valkey) server. */
export interface RedisAddress {
  readonly kind: "single" | "cluster" | "sentinel";
  /** The server, the cluster nodes to ask first, or the sentinels. */
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** The database number; 0 on a cluster. */
  readonly db: number;
  readonly hasTls: boolean;
  /** The name of the primary in the sentinels' configuration; only with sentinels. */
  readonly primaryName: string | undefined;
}

const expected =
  "expected redis://[user:password@]host[:port][/db], rediss:// for TLS, redis+cluster://host:port,host:port or " +
  "redis+sentinel://host:port,host:port/name-of-the-primary[/db]";

/**
 * `redis://user:secret@10.0.0.1:6380/2`, `rediss://…` (TLS), `redis+cluster://a:7000,b:7001`,
 * `redis+sentinel://a:26379,b:26379/mymaster/0`; `rediss+cluster` and `rediss+sentinel` likewise. Name and password are
 * percent-encoded.
 *
 * @returns the address, or an error text, which never contains the password
 */
export function parseRedisUrl(url: string): RedisAddress | string {
  const [, scheme = "", rest = ""] = /^([a-z+]+):\/\/(.*)$/s.exec(url) ?? [];
  const kind = kinds[scheme];
  if (kind === undefined || rest === "") return expected;
  const at = rest.lastIndexOf("@");
  const credentials = parseCredentials(at < 0 ? undefined : rest.slice(0, at));
  if (credentials === undefined) return `the name and password before "@" must be percent-encoded; ${expected}`;
  const [hostList = "", ...path] = rest.slice(at + 1).split("/");
  const hosts = hostList.split(",").map((it) => parseHost(it, kind === "sentinel" ? 26_379 : 6379));
  const known = hosts.filter((it) => it !== undefined);
  if (known.length < hosts.length) return `a host is missing or its port is not from 1 to 65535; ${expected}`;
  if (kind === "single" && known.length > 1)
    return `several hosts need redis+cluster:// or redis+sentinel://; ${expected}`;
  const primaryName = kind === "sentinel" ? decoded(path.shift() ?? "") : undefined;
  if (kind === "sentinel" && !primaryName) return `the name of the primary is missing; ${expected}`;
  const db = parseDatabase(path, kind === "cluster" ? 0 : 15_999);
  if (db === undefined) {
    return kind === "cluster" ? "a cluster has database 0 only" : `the database must be a number; ${expected}`;
  }
  return { kind, hosts: known, ...credentials, db, hasTls: scheme.startsWith("rediss"), primaryName };
}

/** The address for people, without credentials. */
export function showRedisAddress({ kind, hosts, primaryName }: RedisAddress): string {
  const list = hosts.map(({ host, port }) => `${host.includes(":") ? `[${host}]` : host}:${port}`).join(",");
  if (kind === "single") return list;
  return kind === "cluster" ? `the cluster at ${list}` : `${primaryName} behind the sentinels at ${list}`;
}

const kinds: Readonly<Record<string, RedisAddress["kind"] | undefined>> = {
  redis: "single",
  rediss: "single",
  "redis+cluster": "cluster",
  "rediss+cluster": "cluster",
  "redis+sentinel": "sentinel",
  "rediss+sentinel": "sentinel",
};

function parseCredentials(text: string | undefined) {
  if (text === undefined || text === "") return { username: undefined, password: undefined };
  const colon = text.indexOf(":");
  const username = decoded(colon < 0 ? text : text.slice(0, colon));
  const password = colon < 0 ? "" : decoded(text.slice(colon + 1));
  if (username === undefined || password === undefined) return undefined;
  return { username: username === "" ? undefined : username, password: password === "" ? undefined : password };
}

function parseHost(text: string, defaultPort: number) {
  const bracket = text.startsWith("[") ? text.indexOf("]") : -1;
  const host = bracket > 0 ? text.slice(1, bracket) : text.split(":", 1)[0];
  const tail = bracket > 0 ? text.slice(bracket + 1) : text.slice(host?.length);
  if (!host || (tail !== "" && !/^:[0-9]{1,5}$/.test(tail))) return undefined;
  const port = tail === "" ? defaultPort : Number(tail.slice(1));
  return port >= 1 && port <= 65_535 ? { host, port } : undefined;
}

function parseDatabase(path: readonly string[], max: number): number | undefined {
  const [text = "", ...more] = path;
  if (more.length > 0) return undefined;
  if (text === "") return 0;
  const db = /^[0-9]{1,5}$/.test(text) ? Number(text) : undefined;
  return db !== undefined && db <= max ? db : undefined;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
