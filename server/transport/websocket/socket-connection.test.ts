import { connectionConformance, type MakeConnection } from "../../../tests/conformance/connection.ts";
import { RawWebSocket } from "../../../tests/e2e/raw-web-socket.ts";
import { readJson, type Said } from "../../../tests/fakes/reading.ts";
import { RealServer } from "../../../tests/fakes/real-server.ts";

/** A WebSocket whose client offers these headers. */
function overWebSocket(headers: string): MakeConnection {
  return async () => {
    const server = await RealServer.start();
    const raw = await RawWebSocket.open(server.port, "/ws", headers);
    await raw.untilText(/"welcome"/);
    raw.texts.length = 0;
    const said: Said[] = [];
    const take = (payload: string) => said.push(...readJson(payload));
    for (const text of raw.texts) take(text);
    raw.onText = (payload) => take(payload.toString("utf8"));
    return {
      connection: server.session.connection,
      other: {
        said,
        get goodbye() {
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
