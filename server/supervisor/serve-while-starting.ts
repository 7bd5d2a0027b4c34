import type { Server } from "bun";
import { closeTable } from "../../protocol/close-codes.ts";
import { ServiceError } from "../../protocol/errors.ts";
import { locationOf } from "../http/location.ts";
import { OriginCheck, type OriginCheckSettings } from "../http/origin-check.ts";
import { respondError } from "../http/respond.ts";
import { offeredSubprotocols } from "../transport/handshake.ts";
import { tryLater } from "../transport/sse/try-later.ts";

export interface StartingSettings extends OriginCheckSettings {
  readonly port: number;
  /** Paths of PEM files; both or none. */
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
}

/** When clients should retry, in milliseconds: workers start within a second. */
const laterMs = { from: 300, to: 1500 };
const reason = "the server is starting";

/**
 * Listens until the workers do, and makes clients retry. This matters because after a restart all clients reconnect at this
 * time, and an EventSource that receives anything but 200 never reconnects.
 */
export function serveWhileStarting(settings: StartingSettings): Server<undefined> {
  const { host, port, tlsCert, tlsKey } = settings;
  const originCheck = new OriginCheck(settings);
  const tls =
    tlsCert === undefined || tlsKey === undefined ? {} : { tls: { cert: Bun.file(tlsCert), key: Bun.file(tlsKey) } };
  return Bun.serve<undefined>({
    hostname: host,
    port,
    reusePort: true,
    development: false,
    fetch: (request, server) => answer(request, server, originCheck),
    error: respondError,
    websocket: {
      open: (socket) => socket.close(closeTable.unavailable.code, reason),
      message: () => undefined,
    },
    ...tls,
  });
}

function answer(request: Request, server: Server<undefined>, originCheck: OriginCheck): Response | undefined {
  const refusal = originCheck.refusal(request);
  if (refusal === undefined && isHandshakeOfBrowser(request) && server.upgrade(request)) return undefined;
  const response = refusal === undefined ? answerAllowed(request, originCheck) : respondError(refusal);
  // The client's next request must reach a worker.
  response.headers.set("Connection", "close");
  if (refusal === undefined) originCheck.allowReading(request, response);
  return response;
}

function answerAllowed(request: Request, originCheck: OriginCheck): Response {
  if (request.method === "OPTIONS") return originCheck.preflight(request);
  const afterMs = laterMs.from + Math.random() * (laterMs.to - laterMs.from);
  if (locationOf(request).pathname === "/sse" && ["GET", "HEAD"].includes(request.method)) {
    return tryLater({ name: "unavailable", text: reason }, afterMs);
  }
  return respondError(new ServiceError("starting", `${reason}; try again in a second`, { retryAfterMs: 1000 }));
}

/** Browsers do not report the status of a failed handshake, so they get a socket that is closed with a code. */
function isHandshakeOfBrowser(request: Request): boolean {
  if (request.headers.get("Upgrade")?.toLowerCase() !== "websocket") return false;
  return request.headers.has("Origin") || offeredSubprotocols(request).includes("fanfare.v1");
}
