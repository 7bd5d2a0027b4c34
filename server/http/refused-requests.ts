import { ServiceError } from "../../protocol/errors.ts";
import type { PartRefusal } from "../api/call.ts";
import type { Recorder } from "../trace/recorder.ts";
import type { RequestPeers, SocketAddresses } from "./request-peers.ts";

/** Records requests that are refused, as a whole or in part. */
export class RefusedRequests {
  readonly #recorder: Pick<Recorder, "refused" | "isRecorded">;
  readonly #peers: RequestPeers;

  constructor(recorder: Pick<Recorder, "refused" | "isRecorded">, peers: RequestPeers) {
    this.#recorder = recorder;
    this.#peers = peers;
  }

  /** Records a refusal, unless the part that refused the request has. */
  record(request: Request, server: SocketAddresses, error: unknown): void {
    if (!(error instanceof ServiceError) || this.#recorder.isRecorded(error)) return;
    const { code, message: reason } = error;
    this.#recorder.refused({ ...this.#about(request, server), code, reason }, error);
  }

  /** Records the parts that were refused while others were not, such as items of a batch. */
  recordParts(request: Request, server: SocketAddresses, refusals: readonly PartRefusal[]): void {
    const about = this.#about(request, server);
    for (const it of refusals) this.#recorder.refused({ ...about, ...it });
  }

  #about(request: Request, server: SocketAddresses) {
    const path = URL.parse(request.url)?.pathname ?? "?"; // the refusal may be about the URL
    const action = `${request.method} ${path.slice(0, 200)}`;
    return { what: "request", action, remote: this.#peers.of(request, server).remote } as const;
  }
}
