import type { Settings } from "../config/settings.ts";
import { ApplicationHooks } from "../hooks/application-hooks.ts";
import { makePost } from "../hooks/post.ts";
import { HookSecrets } from "../hooks/signature.ts";
import { WebhookQueue } from "../hooks/webhook-queue.ts";
import { Webhooks } from "../hooks/webhooks.ts";
import type { Clock } from "../lib/clock.ts";
import type { MetricValues } from "../ops/metric-table.ts";

/** How long a stopping worker continues to send webhooks, milliseconds. */
const lastWebhooksMs = 3000;

/** The application behind the server: the hooks that ask it, and the webhooks that notify it. */
export interface ApplicationParts {
  readonly hooks: ApplicationHooks;
  /** Undefined if no WEBHOOK_URL is set. */
  readonly webhooks: Webhooks | undefined;
  readMetrics(): MetricValues;
  /** Sends the waiting webhooks, within seconds. Idempotent. */
  close(): Promise<void>;
}

/** @throws Error that names an invalid setting */
export function composeApplication(settings: Settings, clock: Clock): ApplicationParts {
  const { hookSecret, hookPrivateAddresses: allowsPrivate, webhookUrl: url } = settings;
  const post = makePost({ secrets: new HookSecrets(hookSecret), allowsPrivate, clock });
  const hooks = new ApplicationHooks(settings, post, clock);
  const queue = url === undefined ? undefined : new WebhookQueue(queueSettings(settings, url), post, clock);
  const { webhookEvents: events, webhookChannels: channels } = settings;
  return {
    hooks,
    webhooks: queue && new Webhooks({ events, channels }, queue, clock),
    readMetrics: () => metricsOf(hooks, queue),
    close: async () => queue?.close(lastWebhooksMs),
  };
}

function queueSettings(settings: Settings, url: string) {
  return {
    url,
    timeoutMs: settings.webhookTimeoutMs,
    retryForMs: settings.webhookRetryTimeMs,
    maxEvents: settings.webhookQueueSize,
    maxBytes: settings.webhookQueueBytes,
  };
}

function metricsOf({ counts }: ApplicationHooks, queue: WebhookQueue | undefined): MetricValues {
  return {
    hook_calls_total: counts.calls,
    hook_failures_total: counts.failures,
    hook_kept_answers_total: counts.kept,
    hook_refusals_total: counts.refusals,
    webhooks_waiting: queue?.size ?? 0,
    webhooks_waiting_bytes: queue?.bytes ?? 0,
    webhooks_sent_total: queue?.counts.sent ?? 0,
    webhooks_failures_total: queue?.counts.failures ?? 0,
    webhooks_dropped_total: queue?.counts.dropped ?? 0,
  };
}
