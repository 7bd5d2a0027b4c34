/** A line of `GET /v1/tail`. */
export interface TailEvent {
  readonly at: string;
  readonly kind: string;
  readonly worker: string;
  readonly channel?: string;
  readonly user_id?: string;
  readonly connection_id?: string;
  readonly remote?: string;
  readonly id?: string;
  readonly offset?: number;
  readonly bytes?: number;
  readonly action?: string;
  readonly code?: string;
  readonly reason?: string;
  /** Of the event `dropped`. */
  readonly count?: number;
}

/** `room:1, offset 7, id m7, 12 bytes (worker 1)` */
export function tailEventText(event: TailEvent): string {
  const { channel, user_id, connection_id, remote, id, offset, bytes, action, code, reason, worker } = event;
  const parts = [
    [action, channel].filter(Boolean).join(" of "),
    offset === undefined ? "" : `offset ${offset}`,
    id === undefined ? "" : `id ${id}`,
    bytes === undefined ? "" : `${bytes} ${bytes === 1 ? "byte" : "bytes"}`,
    connection_id ?? "",
    user_id === undefined ? "" : `user ${user_id}`,
    remote === undefined ? "" : `from ${remote}`,
    [code, reason].filter(Boolean).join(": "),
  ];
  return `${parts.filter(Boolean).join(", ")} (${worker})`;
}
