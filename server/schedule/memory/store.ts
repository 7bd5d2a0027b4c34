import type {
  Lease,
  LeaseRequest,
  RecordPage,
  RecordQuery,
  RecordWrite,
  ScheduleStore,
  ScheduleStoreEvents,
  WriteOutcome,
} from "../schedule-store.ts";
import type { Records } from "./records.ts";

/** Decisions of the owner of the records. */
export interface MemoryStoreOptions {
  readonly isDurable: boolean;
  /** Called when the store is closed: for an owner with a single store. */
  readonly onClose?: () => void;
}

/** A store over records in the memory of this process. Several stores may share the same records. */
export class MemoryScheduleStore implements ScheduleStore {
  readonly isDurable: boolean;
  readonly #records: Records;
  readonly #onClose: (() => void) | undefined;
  #events: ScheduleStoreEvents | undefined;

  constructor(records: Records, { isDurable, onClose }: MemoryStoreOptions = { isDurable: false }) {
    this.#records = records;
    this.isDurable = isDurable;
    this.#onClose = onClose;
  }

  async start(events: ScheduleStoreEvents): Promise<void> {
    this.#events = events;
    this.#records.listen(events);
  }

  async read(query: RecordQuery): Promise<RecordPage> {
    return this.#records.read(query);
  }

  async write(writes: readonly RecordWrite[], token?: number): Promise<readonly WriteOutcome[]> {
    return this.#records.write(writes, token);
  }

  async lease(request: LeaseRequest): Promise<Lease> {
    return this.#records.lease.request(request);
  }

  async close(): Promise<void> {
    if (this.#events !== undefined) this.#records.unlisten(this.#events);
    this.#events = undefined;
    this.#onClose?.();
  }
}
