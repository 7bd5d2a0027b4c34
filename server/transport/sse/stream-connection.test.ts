import { describe, expect, test } from "bun:test";
import { connectionConformance, type MakeConnection } from "../../../tests/conformance/connection.ts";
import { RawSocket } from "../../../tests/e2e/raw-socket.ts";
import { type ReceivedFrame, readJson } from "../../../tests/fakes/reading.ts";
import { RealServer } from "../../../tests/fakes/real-server.ts";
import { MovedClock } from "../../lib/moved-clock.ts";
import { textBytes } from "../../lib/own-text.ts";
import { Backlog } from "../../session/backlog.ts";
import { fullLength, StreamConnection } from "./stream-connection.ts";

const overStream: MakeConnection = async () => {
  const server = await RealServer.start();
  const raw = await RawSocket.connect(server.port);
  raw.write(`GET /sse HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n\r\n`);
  await raw.untilReceived(/"welcome"[^\n]*\nid: [^\n]*\n\n\r\n/);
  const reader = new StreamReader();
  raw.onData = (chunk) => reader.take(chunk);
  return {
    connection: server.session.connection,
    other: {
      received: reader.received,
      get ending() {
        return reader.ending;
      },
      pause: () => raw.pause(),
      resume: () => raw.resume(),
      until: (isTrue) => raw.until(isTrue),
      vanish: () => raw[Symbol.dispose](),
    },
    restarting: /^retry \d+, end$/,
    untilEnded: () => server.untilEmpty(),
    dispose: async () => {
      raw[Symbol.dispose]();
      await server.close();
    },
  };
};

/** Decodes an HTTP body in chunks (RFC 9112 §7.1), and the event stream in it. */
class StreamReader {
  readonly received: ReceivedFrame[] = [];
  ending: string | undefined;
  #bytes = Buffer.alloc(0);
  #text = "";
  #retry = "";
  readonly #decoder = new TextDecoder();

  take(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    for (;;) {
      const lineEnd = this.#bytes.indexOf("\r\n");
      if (lineEnd < 0) return;
      const size = Number.parseInt(this.#bytes.toString("latin1", 0, lineEnd), 16);
      const end = lineEnd + 2 + size + 2;
      if (this.#bytes.length < end) return;
      if (size === 0) this.ending = `${this.#retry}, end`;
      else this.#read(this.#decoder.decode(this.#bytes.subarray(lineEnd + 2, end - 2), { stream: true }));
      this.#bytes = this.#bytes.subarray(end);
    }
  }

  #read(text: string): void {
    const blocks = (this.#text + text).split("\n\n");
    this.#text = blocks.pop() ?? "";
    for (const field of blocks.flatMap((block) => block.split("\n"))) {
      if (field.startsWith("data: "))
        this.received.push(...readJson(field.slice(6)).filter((it) => it.event !== "closing"));
      if (field.startsWith("retry: ")) this.#retry = field.replace(":", "");
    }
  }
}

connectionConformance("An event stream", overStream);

describe("the memory of a stream", () => {
  /** A stream whose parts the test takes. */
  function makeStream() {
    const backlog = new Backlog({ slowTimeoutMs: 1000, sendBufferBytes: 1e7 }, new MovedClock());
    let connection: StreamConnection | undefined;
    const stream = new ReadableStream<string>(
      {
        start: (controller) => {
          connection = new StreamConnection(controller, {
            backlog,
            peer: undefined,
            onClose: () => undefined,
            onProbe: () => undefined,
          });
        },
        pull: () => connection?.drained(),
      },
      { highWaterMark: fullLength, size: (chunk) => chunk?.length ?? 0 },
    );
    if (connection === undefined) throw new Error("the stream did not start");
    const reader = stream.getReader();
    return { connection, backlog, read: () => reader.read() };
  }

  test("is that of a whole large write until its last part is taken, since the parts share it", async () => {
    const { connection, backlog, read } = makeStream();
    const text = "x".repeat(200_000);
    connection.send([text]);
    for (let part = 0; part < 3; part++) {
      expect([connection.buffered() < 200_001, backlog.bytes]).toEqual([true, textBytes(text)]);
      await read();
    }
    await read();
    connection.drained();
    expect([connection.buffered(), backlog.bytes]).toEqual([0, 0]);
    connection.send([text]); // counts alone
    expect(backlog.bytes).toBe(textBytes(text));
  });

  test("counts two bytes for each character of a large text that needs them", () => {
    const { connection, backlog } = makeStream();
    connection.send(["€".repeat(100_000)]);
    expect(backlog.bytes).toBeGreaterThanOrEqual(200_000);
  });
});
