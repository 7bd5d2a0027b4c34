import { createHash } from "node:crypto";
import { type ChannelName, everyone } from "../../protocol/channel-name.ts";
import { isoTime, present } from "../../protocol/codec.ts";
import type { Draft } from "../../protocol/publication.ts";
import type { Published } from "../broker/broker.ts";
import { matches } from "../channels/rule.ts";
import type { PresenceReport } from "../hub/presence.ts";
import type { Clock } from "../lib/clock.ts";
import { randomId } from "../lib/random-id.ts";
import { publisherOf, userPrincipal } from "../limits/principal.ts";
import type { PresenceEvent, PresenceUpdate } from "../presence/presence-store.ts";
import type { Session } from "../session/session.ts";
import type { webhookTypes } from "./options.ts";
import type { WebhookEvent, WebhookQueue } from "./webhook-queue.ts";

export type WebhookType = (typeof webhookTypes)[number];

export interface WebhookSettings {
  readonly events: readonly string[];
  /** Patterns of channels. User channels and `all` must be named: `@*`, `all`. */
  readonly channels: readonly string[];
}

/** All connections without a user share one part of the queue: their presence does not say from which address they came. */
const withoutUser = "without user";

/** The parts of a webhook. */
interface WebhookParts extends Pick<WebhookEvent, "lane" | "client"> {
  /** JSON. */
  readonly data: string;
  /** The position within the lane, if it identifies the event: then a repetition has the same id. */
  readonly at?: string | undefined;
}

/** The types that come from the presence of a channel. */
const presenceTypes: readonly WebhookType[] = ["joined", "left", "occupied", "vacated"];

/**
 * Makes webhooks from the events of the hub. Each is made by one worker: the one with the connection, the one that
 * published, or the one whose change in the presence store caused it.
 */
export class Webhooks implements PresenceReport {
  readonly #types: ReadonlySet<string>;
  readonly #patterns: readonly string[];
  readonly #reportsPresence: boolean;
  readonly queue: WebhookQueue;
  readonly #clock: Pick<Clock, "now">;

  constructor({ events, channels }: WebhookSettings, queue: WebhookQueue, clock: Pick<Clock, "now">) {
    this.#types = new Set(events);
    this.#patterns = channels;
    this.#reportsPresence = presenceTypes.some((type) => this.#types.has(type));
    this.queue = queue;
    this.#clock = clock;
  }

  connected(session: Session): void {
    if (!this.#types.has("connected")) return;
    const { id, userId, origin } = session;
    const { ip, formerId } = origin;
    const data = { connection_id: id, user_id: userId ?? null, ip, continues: formerId ?? null };
    this.#add("connected", { lane: `connection ${id}`, data: JSON.stringify(data), client: publisherOf(session) });
  }

  disconnected(session: Session): void {
    if (!this.#types.has("disconnected")) return;
    const { id, userId, closed, origin } = session;
    const { ip, connectedAt } = origin;
    const since = isoTime(connectedAt);
    const data = { connection_id: id, user_id: userId ?? null, ip, connected_at: since, reason: closed?.name ?? null };
    this.#add("disconnected", { lane: `connection ${id}`, data: JSON.stringify(data), client: publisherOf(session) });
  }

  published(draft: Draft, { id, position }: Published): void {
    const { channel, event, sender, key, headers, message, data, publisher } = draft;
    if (!this.#types.has("published") || !this.#covers(channel)) return;
    const fields = JSON.stringify({ channel, id, ...position, ...present({ event, sender, key, headers, message }) });
    const body = data === undefined ? fields : `${fields.slice(0, -1)},"data":${data}}`;
    const at = position && `${position.epoch} ${position.offset}`;
    this.#add("published", { lane: channel, data: body, client: publisher, at });
  }

  isReported(channel: ChannelName): boolean {
    return this.#reportsPresence && this.#covers(channel);
  }

  onPresence(channel: ChannelName, { epoch, events }: PresenceUpdate): void {
    for (const event of events) {
      const place = { channel, epoch, position: event.position };
      const { userId } = event.presence;
      const client = userId === undefined ? withoutUser : userPrincipal(userId).text;
      const about = { lane: channel, data: JSON.stringify(place), client, at: `${epoch} ${event.position}` };
      const isFirst = event.kind === "joined" && event.count === 1;
      const isLast = event.kind === "left" && event.count === 0;
      if (isFirst && this.#types.has("occupied")) this.#add("occupied", about);
      if (this.#types.has(event.kind)) this.#add(event.kind, { ...about, data: memberData(place, event) });
      if (isLast && this.#types.has("vacated")) this.#add("vacated", about);
    }
  }

  #add(type: WebhookType, { lane, data, client, at }: WebhookParts): void {
    const identity = at === undefined ? randomId(18) : idOf(`${type} ${at} ${lane}`);
    const body = `{"type":"${type}","timestamp":"${isoTime(this.#clock.now())}","data":${data}}`;
    this.queue.add({ id: `msg_${identity}`, lane, body, client });
  }

  #covers(channel: ChannelName): boolean {
    const isSpecial = channel === everyone || channel.startsWith("@");
    return this.#patterns.some((it) => matches(it, channel) && (!isSpecial || it.startsWith(channel.slice(0, 1))));
  }
}

function memberData(place: object, { presence: { id, userId, info }, count }: PresenceEvent): string {
  const text = JSON.stringify({ ...place, connection_id: id, user_id: userId ?? null, count });
  return info === undefined ? text : `${text.slice(0, -1)},"info":${info}}`;
}

/** Has no `.`, which separates the parts of the signed text. */
function idOf(text: string): string {
  return createHash("sha256").update(text).digest("base64url").slice(0, 24);
}
