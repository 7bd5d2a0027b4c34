import { describe, expect, test } from "bun:test";
import { fc } from "../tests/property.ts";
import { parseChannelName, userChannel } from "./channel-name.ts";
import { type ClientCommand, decodeServerFrames, encodeClientFrame } from "./client-codec.ts";
import { decodeClientFrame, encodePublication, encodeServerFrame, isoTime } from "./codec.ts";
import { type ErrorCode, errorTable } from "./errors.ts";
import { isEventName } from "./fields.ts";
import type { GapReason, ServerFrame, WireMessage } from "./frames.ts";
import { limits } from "./limits.ts";
import type { Publication } from "./publication.ts";

const word = fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/);
const label = (maxLength: number) =>
  fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength }).filter((text) => text.trim() !== "");
const text = fc.string({ unit: "binary" });
const offset = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const timeMs = fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) });
const channel = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9_=,.;:/-]{1,30}$/).map((name) => parseChannelName(name) ?? userChannel("u")),
  fc.constant(userChannel("Zoë 😀")),
);
const position = fc.record({ epoch: word, offset });
const ref = fc.option(
  fc.oneof(
    fc.maxSafeInteger(),
    text.filter((it) => it.length <= limits.refLength),
  ),
  {
    nil: undefined,
  },
);
/** Any JSON value that survives a round trip (-0 does not). */
const json = fc.jsonValue().map((value): unknown => JSON.parse(JSON.stringify(value)));
const labels = {
  event: word.filter(isEventName),
  sender: label(limits.senderLength),
  key: label(limits.keyLength),
  headers: fc.dictionary(word, text, { maxKeys: limits.headers }),
};

describe("a client's frame", () => {
  const since = fc.oneof(
    position.map((at) => ({ wire: at, read: { from: "position" as const, position: at } })),
    fc.constant({ wire: "earliest", read: { from: "earliest" as const } }),
    fc.nat(999_999_999).map((ms) => ({ wire: `${ms}ms`, read: { from: "age" as const, ms } })),
    fc.nat(limits.lastLimit).map((count) => ({ wire: `last:${count}`, read: { from: "last" as const, count } })),
  );
  const publish = fc.record(
    { type: fc.constant("publish" as const), channel, data: json, message: text, ...labels, echo: fc.boolean() },
    { requiredKeys: ["type", "channel", "data", "echo"] },
  );
  const same: fc.Arbitrary<ClientCommand> = fc.oneof(
    fc.record(
      { type: fc.constant("message" as const), message: text, sender: labels.sender },
      { requiredKeys: ["type", "message"] },
    ),
    fc.record({ type: fc.constantFrom("subscribe" as const, "unsubscribe" as const, "presence" as const), channel }),
    fc.record({ type: fc.constant("auth" as const), token: text }),
    fc.constant({ type: "ping" as const }),
  );

  test("decodes on the server to what the client encoded", () => {
    fc.assert(
      fc.property(same, ref, (command, mark) => {
        expect<unknown>(decodeClientFrame(encodeClientFrame(command, mark))).toEqual({ ref: mark, frame: command });
      }),
    );
  });

  test("contains the position from which the client resumes", () => {
    fc.assert(
      fc.property(channel, since, fc.integer({ min: 1, max: limits.historyLimit }), (name, { wire, read }, limit) => {
        const subscribe = decodeClientFrame(encodeClientFrame({ type: "subscribe", channel: name, since: wire }));
        expect(subscribe).toMatchObject({ frame: { type: "subscribe", channel: name, since: read } });
        const history = decodeClientFrame(encodeClientFrame({ type: "history", channel: name, since: wire, limit }));
        expect(history).toMatchObject({ frame: { type: "history", channel: name, since: read, limit } });
      }),
    );
  });

  test("carries every field of a publication", () => {
    fc.assert(
      fc.property(publish, fc.boolean(), ref, ({ data, echo, ...rest }, ephemeral, mark) => {
        const decoded = decodeClientFrame(encodeClientFrame({ data, echo, ephemeral, ...rest }, mark));
        const frame = { ...rest, data: JSON.stringify(data), echo, ephemeral };
        expect<unknown>(decoded).toEqual({ ref: mark, frame });
      }),
    );
  });

  test.each(["{", "send_now", '{"type":"ping"}', ""])("sends the chat message %p as a message", (message) => {
    expect(decodeClientFrame(encodeClientFrame({ type: "message", message }))).toEqual({
      ref: undefined,
      frame: { type: "message", message },
    });
  });
});

describe("a server's frame", () => {
  const body = fc.oneof(fc.record({ message: text }), fc.record({ data: json.map((value) => JSON.stringify(value)) }));
  const stored: fc.Arbitrary<Publication> = fc
    .tuple(
      fc.record({ channel, id: word, epoch: word, offset: fc.oneof(fc.constant(0), offset), timestamp: timeMs }),
      body,
      fc.record({ ...labels, sentAt: timeMs }, { requiredKeys: [] }),
    )
    .map(([place, content, extra]) => ({ ...place, ...content, ...extra }));
  const reason = fc.constantFrom<GapReason>("epoch-changed", "history-too-short");
  const joined = fc.record(
    { epoch: word, offset, from: offset, recovered: fc.boolean(), reason },
    { requiredKeys: ["epoch", "offset", "from"] },
  );
  const code = fc.constantFrom(...(Object.keys(errorTable) as ErrorCode[]));
  const timestamp = timeMs.map(isoTime);

  const answer: fc.Arbitrary<ServerFrame> = fc
    .tuple(
      ref,
      fc.oneof(
        fc.record({
          type: fc.constant("ack" as const),
          channel,
          id: word,
          epoch: word,
          offset,
          duplicate: fc.boolean(),
        }),
        fc.record({ type: fc.constant("error" as const), code, message: text, retry_after_ms: fc.nat() }),
        fc.record({ type: fc.constant("presence" as const), channel, count: fc.nat(), users: fc.array(text) }),
        fc.record({
          type: fc.constant("history" as const),
          channel,
          epoch: word,
          offset,
          messages: fc.array(stored),
          complete: fc.boolean(),
        }),
        fc.tuple(channel, joined).map(([name, at]) => ({ type: "subscribed" as const, channel: name, ...at })),
        fc.record({ type: fc.constant("unsubscribed" as const), channel }),
        fc.record({ type: fc.constant("authenticated" as const), expires_at: fc.option(timestamp) }),
        fc.constant({ type: "pong" as const }),
      ),
    )
    .map(([mark, frame]) => (mark === undefined ? frame : { ref: mark, ...frame }));
  const system: fc.Arbitrary<ServerFrame> = fc.oneof(
    fc.record({
      type: fc.constant("system" as const),
      event: fc.constant("welcome" as const),
      protocol: fc.constant(1 as const),
      message: text,
      connection_id: word,
      resume_key: word,
      ping_interval_ms: fc.nat(),
      limits: fc.record({ max_message_bytes: fc.nat(), message_rate: fc.nat(), max_channels: fc.nat() }),
      timestamp,
      channels: fc.dictionary(word, joined),
    }),
    fc.record({
      type: fc.constant("system" as const),
      event: fc.constantFrom("joined" as const, "left" as const),
      message: text,
      online: fc.nat(),
      timestamp,
    }),
    fc.record({
      type: fc.constant("system" as const),
      event: fc.constant("draining" as const),
      message: text,
      deadline_ms: fc.nat(),
      reconnect_after_ms: fc.nat(),
      successor: fc.boolean(),
      timestamp,
    }),
    fc.record({
      type: fc.constant("system" as const),
      event: fc.constant("gap" as const),
      channel,
      reason,
      epoch: word,
      from: offset,
      to: offset,
      message: text,
    }),
  );
  const frame: fc.Arbitrary<ServerFrame> = fc.oneof(
    answer,
    system,
    fc.record({ type: fc.constant("advance" as const), channel, offset }),
    stored.map((publication) => ({ type: "message" as const, publication })),
  );

  test("decodes on the client to what the server encoded", () => {
    fc.assert(
      fc.property(frame, (sent) => expect<unknown>(decodeServerFrames(encodeServerFrame(sent))).toEqual([wire(sent)])),
    );
  });

  test("decodes in order from a batch of frames", () => {
    fc.assert(
      fc.property(fc.array(frame), (sent) => {
        const flush = `[${sent.map(encodeServerFrame).join(",")}]`;
        expect<unknown>(decodeServerFrames(flush)).toEqual(sent.map(wire));
      }),
    );
  });

  test("fits on one line, as text streams require", () => {
    fc.assert(fc.property(frame, (sent) => expect(encodeServerFrame(sent)).not.toMatch(/[\r\n]/)));
  });

  test.each(["", "Hello", "null", "7", '"x"', "{}", '{"type":7}', "[[]]", "[null,1]", "{"])(
    "is not decoded from %p",
    (garbage) => {
      expect(decodeServerFrames(garbage)).toEqual([]);
    },
  );

  test("is decoded even among invalid frames", () => {
    expect<unknown>(decodeServerFrames('[null,{"type":"new-in-version-2"},{}]')).toEqual([
      { type: "new-in-version-2" },
    ]);
  });

  test("decodes any text without throwing", () => {
    fc.assert(fc.property(fc.oneof(text, fc.json()), (any) => expect(decodeServerFrames(any)).toBeArray()));
  });
});

/** The frame that a client should decode from the server's encoding. */
function wire(frame: ServerFrame): unknown {
  if (frame.type === "message") return wireMessage(frame.publication);
  return frame.type === "history" ? { ...frame, messages: frame.messages.map(wireMessage) } : frame;
}

function wireMessage(publication: Publication): WireMessage {
  const { channel, offset, id, timestamp, epoch: _, sentAt, data, ...rest } = publication;
  expect(encodePublication(publication)).toStartWith('{"type":"message"');
  return {
    type: "message",
    channel,
    id,
    timestamp: isoTime(timestamp),
    ...(offset > 0 && { offset }),
    ...(sentAt !== undefined && { sent_at: isoTime(sentAt) }),
    ...(data !== undefined && { data: JSON.parse(data) as unknown }),
    ...rest,
  };
}
