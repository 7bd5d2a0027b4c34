import { type ChannelName, parseChannelName } from "../../protocol/channel-name.ts";
import { ServiceError } from "../../protocol/errors.ts";
import type { Position, Since } from "../../protocol/position.ts";
import type { Broker } from "../../server/broker/broker.ts";
import { MovedClock } from "../../server/lib/moved-clock.ts";
import type { WireForm } from "../../server/session/wire-form.ts";
import { sseForm } from "../../server/transport/sse/sse-form.ts";
import { batchForm } from "../../server/transport/websocket/batch-form.ts";
import { plainForm } from "../../server/transport/websocket/plain-form.ts";
import { FakeConnection } from "../fakes/connection.ts";
import { nameOf, type TestClient, TestHub } from "../fakes/hub.ts";
import { Reader } from "./reader.ts";
import { RecordingLog } from "./recording-log.ts";
import type { Run, Start, Step } from "./steps.ts";

/** Socket buffers so small that a handful of messages fills them. */
const room = { fullBytes: 600, refuseBytes: 1500 };
export const channelNames = ["all", "room:a", "room:b", "@u1"] as const;
/** The clients of a run: the wire form and the user of each. */
const clients: readonly { readonly form: WireForm; readonly userId: string | undefined }[] = [
  { form: plainForm, userId: "u1" },
  { form: batchForm, userId: "u1" },
  { form: sseForm, userId: "u1" },
  { form: plainForm, userId: undefined },
];

/** One client, over all its connections. */
interface Client {
  readonly form: WireForm;
  readonly userId: string | undefined;
  current: (TestClient & { readonly reader: Reader }) | undefined;
  /** The positions that have really arrived. A new connection resumes there. */
  received: ReadonlyMap<string, Position>;
}

/** A hub with clients that perform the steps of a run. Everything that they receive is checked at once. */
export class DeliveryWorld {
  readonly #test: TestHub;
  readonly #log: RecordingLog;
  readonly #clients: readonly Client[];
  readonly #readers: Reader[] = [];
  readonly #known = new Map<string, Position>();
  #refs = 0;

  private constructor(test: TestHub, log: RecordingLog) {
    this.#test = test;
    this.#log = log;
    this.#clients = clients.map((it) => ({ ...it, current: undefined, received: new Map() }));
  }

  /** Performs all steps of a run. @returns the first fault, and what was delivered */
  static async play({ setting, steps }: Run, wrap?: (broker: Broker) => Broker) {
    const { historySize, historyTtl, tailBytes, notices } = setting;
    const clock = new MovedClock();
    const log = new RecordingLog(setting, clock);
    const test = await TestHub.start({
      clock,
      log,
      settings: { tailBytes, notices, tailBytesTotal: 2 * tailBytes },
      rules: { historySize, historyTtl },
      ...(wrap === undefined ? {} : { wrap }),
    });
    const world = new DeliveryWorld(test, log);
    for (const step of steps) await world.#step(step);
    await world.#settle();
    await test.close();
    return world.#outcome;
  }

  get #outcome() {
    const sum = (count: (reader: Reader) => number) => this.#readers.reduce((total, it) => total + count(it), 0);
    return {
      fault: this.#readers.find(({ fault }) => fault !== undefined)?.fault,
      gaps: sum(({ gaps }) => gaps),
      resumed: sum(({ resumed }) => resumed),
      deliveries: this.#test.hub.delivery.counts.deliveries,
      pumped: this.#test.hub.delivery.counts.pumped,
    };
  }

  async #step(step: Step): Promise<void> {
    const { broker, clock, hub } = this.#test;
    switch (step.do) {
      case "publish":
        return this.#publish(step);
      case "flush":
        return hub.delivery.flushNow();
      case "turns":
        for (let turn = 0; turn < step.count; turn++) await undefined;
        return;
      case "move":
        return clock.moveInSteps(step.ms, 100);
      case "lose":
      case "double":
      case "fail":
        if (step.do === "fail") this.#log.mayRepeat = true;
        broker[step.do] += step.count;
        return;
      case "late":
        broker.answerMs = step.ms;
        return;
      case "hold":
        return broker.hold();
      case "letGo":
        return broker.letGo();
      case "break":
        return broker.breakNow();
      case "forget":
        return this.#log.forget();
      default:
        return this.#clientStep(step);
    }
  }

  async #clientStep(step: Extract<Step, { readonly client: number }>): Promise<void> {
    const client = this.#clients[step.client % this.#clients.length];
    if (client === undefined) return;
    const { current } = client;
    switch (step.do) {
      case "connect":
        return this.#connect(client, step.how, step.channels);
      case "leave":
        if (current !== undefined) this.#test.leave(current);
        client.current = undefined;
        return;
      case "stall":
      case "resume":
      case "progress":
        current?.connection[step.do]();
        return;
      case "subscribe":
        return this.#send(client, { type: "subscribe", channel: step.channel }, this.#since(step.channel, step.since));
      case "unsubscribe":
        return this.#send(client, { type: "unsubscribe", channel: step.channel });
      case "send":
        return this.#send(client, { type: "publish", ...bodyOf(step), echo: step.echo });
    }
  }

  /** Publishes like a backend. A client may request the position in its answer before the message is delivered. */
  #publish({ channel, event, exclude, ephemeral }: Extract<Step, { do: "publish" }>): void {
    const excludeConnectionId = this.#clients[exclude]?.current?.session.id;
    const draft = {
      channel: nameOf(channel),
      message: event,
      id: event,
      ...(excludeConnectionId === undefined ? {} : { excludeConnectionId }),
      ...(ephemeral ? { ephemeral } : {}),
    } as const;
    // Ephemeral messages may arrive twice by design, so each gets its own ID.
    const published = this.#test.hub.publish(ephemeral ? { ...draft, id: `e${this.#refs++}` } : draft);
    void Promise.resolve(published).then(
      ({ position }) => position !== undefined && this.#known.set(channel, position),
    );
  }

  #since(channel: string, start: Start): Since | undefined {
    if (start === "earliest") return { from: "earliest" };
    if (start === "last") return { from: "last", count: 2 };
    if (start === "known") {
      const position = this.#known.get(channel);
      return position === undefined ? undefined : { from: "position", position };
    }
    return start === "foreign" ? { from: "position", position: { epoch: "foreign", offset: 1 } } : undefined;
  }

  #send(client: Client, frame: object, since?: Since): void {
    const { current } = client;
    if (current === undefined || client.form.carriesCursor) return; // A client cannot send over an event stream.
    const ref = ++this.#refs;
    if (since !== undefined) current.reader.asked.set(ref, since);
    const sinceField = since === undefined ? {} : { since: since.from === "position" ? since.position : wordOf(since) };
    current.conversation.receive(JSON.stringify({ ...frame, ...sinceField, ref }));
  }

  async #connect(client: Client, how: "fresh" | "resume" | "takeOver", channels: readonly string[]): Promise<void> {
    const before = client.current;
    const resumeKey = before?.reader.resumeKey;
    if (before !== undefined && how !== "takeOver") this.#test.leave(before);
    const reader = new Reader(this.#log);
    const since = how === "fresh" ? undefined : cursorOf(client.received);
    for (const [channel, position] of since ?? []) reader.asked.set(channel, { from: "position", position });
    const connection = new FakeConnection(client.form, room);
    const marks: ReadonlyMap<string, Position>[] = [];
    connection.onAccepted = (write) => {
      reader.read(write);
      marks.push(new Map(reader.positions));
    };
    connection.onReceived = () => {
      client.received = marks.shift() ?? client.received;
    };
    this.#readers.push(reader);
    const wanted = since === undefined ? channels : [...since.keys()].filter((it) => it.startsWith("room:"));
    const handshake = {
      userId: client.userId,
      channels: wanted.map(nameOf),
      since,
      takesOver: how === "takeOver" ? resumeKey : undefined,
    };
    const guest = await this.#test.enter(handshake, connection);
    client.current = { ...guest, reader };
    connection.onClose = () => {
      if (client.current?.connection === connection) client.current = undefined;
      queueMicrotask(() => this.#test.hub.ended(guest.session));
    };
  }

  async #settle(): Promise<void> {
    const { broker, clock } = this.#test;
    broker.steady();
    // Longer than the time between two comparisons of tops plus the longest pause after a failure.
    for (let moved = 0; moved < 24; moved++) {
      for (const { current } of this.#clients) current?.connection.resume();
      await clock.moveInSteps(500, 500);
    }
    for (const { current } of this.#clients) {
      if (current === undefined) continue;
      current.reader.checkEnd();
      if (!current.session.isLevel) current.reader.fault ??= "a session still lags at the end";
      const { memberships } = current.session;
      if (memberships.size !== current.reader.positions.size)
        current.reader.fault ??= "the client is in other channels";
    }
  }
}

function cursorOf(positions: ReadonlyMap<string, Position>): ReadonlyMap<ChannelName, Position> {
  const cursor = new Map<ChannelName, Position>();
  for (const [channel, position] of positions) {
    const name = parseChannelName(channel);
    if (name === undefined) throw new ServiceError("bad-request", `${channel} is not a channel name`);
    cursor.set(name, position);
  }
  return cursor;
}

/** Each client has ids of its own, as in the server: the same id of another one is another publication. */
function bodyOf({ client, channel, event }: Extract<Step, { do: "send" }>) {
  const message = `${client}-${event}`;
  return { channel, message, id: message };
}

function wordOf(since: Since): string {
  return since.from === "last" ? `last:${since.count}` : "earliest";
}
