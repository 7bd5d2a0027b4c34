import { createHmac } from "node:crypto";
import { until } from "../waiting.ts";

/** The secret of the servers in tests. */
export const hookSecret = "whsec_oC0hdAwDWHq2xC4vTkVTCpRlSz8AOx4/hDZjf9ONn/8=";

export interface ReceivedWebhook {
  readonly id: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** An application that accepts webhooks, unless the test says otherwise. Use it with `using`. */
export class WebhookReceiver implements Disposable {
  readonly received: ReceivedWebhook[] = [];
  /** Requests whose signature was wrong. */
  forged = 0;
  /** Answers instead of 204, for this number of requests. */
  failures = 0;
  /** Never answers. */
  hangs = false;
  readonly #server: Bun.Server<undefined>;

  constructor() {
    this.#server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: (request) => this.#answer(request) });
  }

  get env(): Readonly<Record<string, string>> {
    return { WEBHOOK_URL: `http://127.0.0.1:${this.#server.port}/`, HOOK_SECRET: hookSecret };
  }

  ofType(type: string): readonly ReceivedWebhook[] {
    return this.received.filter((it) => it.type === type);
  }

  /** Resolves once this many webhooks of a type have arrived. @throws Error on timeout */
  untilReceived(type: string, count = 1): Promise<void> {
    return until(() => this.ofType(type).length >= count, `${count} webhooks ${type} have arrived`);
  }

  [Symbol.dispose](): void {
    void this.#server.stop(true);
  }

  async #answer(request: Request): Promise<Response> {
    if (this.hangs) return new Promise(() => undefined);
    const body = await request.text();
    const id = request.headers.get("webhook-id") ?? "";
    const content = `${id}.${request.headers.get("webhook-timestamp")}.${body}`;
    const key = Buffer.from(hookSecret.slice("whsec_".length), "base64");
    const expected = `v1,${createHmac("sha256", key).update(content).digest("base64")}`;
    if (request.headers.get("webhook-signature") !== expected) this.forged++;
    if (this.failures > 0) {
      this.failures--;
      return new Response("later", { status: 503 });
    }
    const { type, data } = JSON.parse(body) as Pick<ReceivedWebhook, "type" | "data">;
    this.received.push({ id, type, data });
    return new Response(null, { status: 204 });
  }
}
