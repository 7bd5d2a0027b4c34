interface Frame {
  readonly type: string;
  readonly event?: string;
  readonly offset?: number;
  readonly channels?: Readonly<Record<string, { epoch: string; from: number; recovered?: boolean }>>;
}

/** A plain WebSocket client in one channel that resumes with a cursor, and counts faults. */
export class ResumingClient {
  /** Failed handshakes, broken connections, and incomplete resumes. */
  errors = 0;
  /** Messages that arrived twice, or after a missing one. */
  faults = 0;
  readonly #url: string;
  readonly #channel: string;
  #socket: WebSocket | undefined;
  #epoch = "";
  #offset = 0;
  #wanted: { readonly offset: number; readonly reached: () => void } | undefined;

  constructor(url: string, channel: string) {
    this.#url = url;
    this.#channel = channel;
  }

  /** Resolves when the welcome arrives. */
  connect(): Promise<void> {
    const query = new URLSearchParams({ channel: this.#channel });
    const resumes = this.#epoch !== "";
    if (resumes) query.set("since", `${encodeURIComponent(this.#channel)}~${this.#epoch}~${this.#offset}`);
    const socket = new WebSocket(`${this.#url}?${query}`);
    this.#socket = socket;
    return new Promise((resolve) => {
      socket.onmessage = ({ data }) => {
        const frame = JSON.parse(String(data)) as Frame;
        if (frame.event === "welcome") {
          this.#joined(frame, resumes);
          resolve();
        } else if (frame.type === "message") this.#message(frame.offset ?? 0);
      };
      socket.onclose = () => {
        if (this.#socket !== socket) return;
        this.errors++;
        setTimeout(() => this.connect().then(resolve), 100 + Math.random() * 400);
      };
    });
  }

  /** Resolves once it has this message and everything before it. */
  untilOffset(offset: number): Promise<void> {
    if (this.#offset >= offset) return Promise.resolve();
    return new Promise((reached) => {
      this.#wanted = { offset, reached };
    });
  }

  /** Drops the connection without closing it properly. */
  drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.terminate();
  }

  #joined({ channels = {} }: Frame, resumes: boolean): void {
    const joined = channels[this.#channel];
    if (joined === undefined || (resumes && joined.recovered !== true)) this.errors++;
    this.#epoch = joined?.epoch ?? "";
    if (!resumes) this.#offset = (joined?.from ?? 1) - 1;
  }

  #message(offset: number): void {
    if (offset !== this.#offset + 1) this.faults++;
    this.#offset = offset;
    if (this.#wanted === undefined || offset < this.#wanted.offset) return;
    this.#wanted.reached();
    this.#wanted = undefined;
  }
}
