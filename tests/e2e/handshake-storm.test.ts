import { expect, test } from "bun:test";
import { until } from "../waiting.ts";
import { RawSocket } from "./raw-socket.ts";
import { handshake } from "./raw-web-socket.ts";
import { startServer } from "./server.ts";

const get = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";

test("clients that are connected are served while many others connect at once", async () => {
  await using server = await startServer({ env: { NOTICES: "off" } });
  using connected = await RawSocket.connect(server.port);
  connected.write(get);
  await connected.untilReceived(/"alive"/);
  connected.received = "";
  server.signal("SIGSTOP");
  // They wait in the kernel, and the server finds all of them when it continues.
  const newcomers = await Promise.all(Array.from({ length: 400 }, () => RawSocket.connect(server.port)));
  let answered = 0;
  for (const it of newcomers) {
    it.onData = () => {
      it.onData = () => undefined;
      answered++;
    };
    it.write(handshake(0, "/ws"));
  }
  await Promise.all(newcomers.map((it) => it.untilWritten()));
  let answeredBefore = -1;
  connected.onData = () => {
    answeredBefore = answered;
  };
  connected.write(get);
  await connected.untilWritten();
  server.signal("SIGCONT");
  await until(() => answered === 400 && answeredBefore >= 0, "all are answered");
  expect(answeredBefore).toBeLessThan(300);
  for (const it of newcomers) it[Symbol.dispose]();
});
