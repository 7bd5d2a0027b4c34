import { getLogger } from "@logtape/logtape";
import type { Session } from "../session/session.ts";

const log = getLogger(["fanfare", "hub"]);

/** Logs that a client connected or disconnected. @param total connections of the whole server */
export function logConnection(
  what: "connected" | "disconnected",
  { id, userId, origin }: Session,
  total: number,
): void {
  const user = userId === undefined ? "" : ", user {user}";
  const values = { remote: origin.remote, connection: id, total };
  log.info(
    `Client ${what}: {remote} ({connection}${user}). Total clients: {total}`,
    userId === undefined ? values : { ...values, user: userId },
  );
}
