import { describe, expect, test } from "bun:test";
import type { ServerWebSocket } from "bun";
import { connectionConformance, type MakeConnection } from "../../../tests/conformance/connection.ts";
import { RawWebSocket } from "../../../tests/e2e/raw-web-socket.ts";
import { type ReceivedFrame, readJson } from "../../../tests/fakes/reading.ts";
import { RealServer } from "../../../tests/fakes/real-server.ts";
import { MovedClock } from "../../lib/moved-clock.ts";
import { Backlog } from "../../session/backlog.ts";
import { plainForm } from "./plain-form.ts";
import { SocketConnection } from "./socket-connection.ts";

/** A WebSocket whose client sends these headers. */
function overWebSocket(headers: string): MakeConnection {
  return async () => {
    const server = await RealServer.start();
    const raw = await RawWebSocket.open(server.port, "/ws", headers);
    await raw.untilText(/"welcome"/);
    raw.texts.length = 0;
    const received: ReceivedFrame[] = [];
    const take = (payload: string) => received.push(...readJson(payload));
    for (const text of raw.texts) take(text);
    raw.onText = (payload) => take(payload.toString("utf8"));
    return {
      connection: server.session.connection,
      other: {
        received,
        get ending() {
          return raw.closeCode === undefined ? undefined : `${raw.closeCode}`;
        },
        pause: () => raw.socket.pause(),
        resume: () => raw.socket.resume(),
        until: (isTrue) => raw.socket.until(isTrue),
        vanish: () => raw[Symbol.dispose](),
      },
      restarting: /^1012$/,
      untilEnded: () => server.untilEmpty(),
      dispose: async () => {
        raw[Symbol.dispose]();
        await server.close();
      },
    };
  };
}

connectionConformance("A WebSocket with one object per frame", overWebSocket(""));
connectionConformance("A WebSocket with several in an array", overWebSocket("Sec-WebSocket-Protocol: fanfare.v1\r\n"));

describe("a socket whose write also sends everything buffered", () => {
  /** The engine's report: no free space until something is written. */
  class QuietSocket {
    buffered = 100_000;

    getBufferedAmount(): number {
      return this.buffered;
    }

    sendText(text: string): number {
      this.buffered = 0;
      return text.length;
    }

    cork(run: (socket: QuietSocket) => void): void {
      run(this);
    }
  }

  test.each([
    ["one frame", ["{}"]],
    ["several frames", ["{}", "{}"]],
  ])("has room again, which is reported at the end of the turn: %s", async (_, frames) => {
    const backlog = new Backlog({ slowTimeoutMs: 1000, sendBufferBytes: 1e6 }, new MovedClock());
    const socket = new QuietSocket();
    const connection = new SocketConnection(socket as unknown as ServerWebSocket<unknown>, {
      wireForm: plainForm,
      backlog,
      heartbeat: { probe: () => undefined },
      refuseBytes: 1e6,
    });
    let drains = 0;
    connection.onDrain = () => void drains++;
    connection.noteHeld();
    expect(backlog.bytes).toBe(100_000);
    expect([connection.send(frames), drains, backlog.bytes]).toEqual(["sent", 0, 0]);
    await Promise.resolve();
    expect(drains).toBe(1);
    connection.send(frames);
    await Promise.resolve();
    expect(drains).toBe(1);
    backlog.close();
  });
});

describe("the memory of a socket", () => {
  /** Reports what the test sets, and takes every frame. */
  function makeConnection() {
    const backlog = new Backlog({ slowTimeoutMs: 1000, sendBufferBytes: 1e6 }, new MovedClock());
    const engine = { buffered: 0, getBufferedAmount: () => engine.buffered };
    const connection = new SocketConnection(engine as unknown as ServerWebSocket<unknown>, {
      wireForm: plainForm,
      backlog,
      heartbeat: { probe: () => undefined },
      refuseBytes: 1e6,
    });
    return { engine, connection, backlog };
  }

  test("is that of the engine's buffer, which keeps its size until it is empty", () => {
    const { engine, connection, backlog } = makeConnection();
    const counted = [1000, 400, 10, 0, 10].map((buffered) => {
      engine.buffered = buffered;
      connection.drained();
      return [connection.buffered(), backlog.bytes];
    });
    expect(counted).toEqual([
      [1000, 1000],
      [400, 1000],
      [10, 1000],
      [0, 0],
      [10, 10],
    ]);
  });

  test("doubles when more is buffered than fits", () => {
    const { engine, connection, backlog } = makeConnection();
    for (const [buffered, bytes] of [
      [1000, 1000],
      [1001, 2000],
      [2000, 2000],
      [9000, 9000],
    ] as const) {
      engine.buffered = buffered;
      connection.noteHeld();
      expect(backlog.bytes).toBe(bytes);
    }
  });

  test("is freed with the socket", () => {
    const { engine, connection, backlog } = makeConnection();
    engine.buffered = 1000;
    connection.noteHeld();
    connection.markClosed();
    expect([backlog.bytes, backlog.size]).toEqual([0, 0]);
  });
});
