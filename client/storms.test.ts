import { describe, expect, test } from "bun:test";
import { ScriptedEnvironment, type ScriptedSocket } from "../tests/client/scripted-environment.ts";
import type { ClientOptions } from "./client.ts";

/** Moves a minute forward in small steps. The server reacts the same way to each new connection, at once. */
async function minute(environment: ScriptedEnvironment, onSocket: (socket: ScriptedSocket) => void, onStep = () => {}) {
  let seen = 0;
  for (let ms = 0; ms < 60_000; ms += 20) {
    await environment.move(20);
    for (const socket of environment.sockets.slice(seen)) onSocket(socket);
    seen = environment.sockets.length;
    onStep();
  }
}

/** The worst random choice: all waits are at their minimum. */
function unlucky(): ScriptedEnvironment {
  return Object.assign(new ScriptedEnvironment(), { random: () => 0 });
}

describe("never reconnects or retries in a loop, against a server", () => {
  test.each<[string, ClientOptions, (socket: ScriptedSocket) => void]>([
    [
      "that sends a drain notice with a successor, at once, every time",
      {},
      (it) => {
        it.welcome();
        it.draining(true, 0);
      },
    ],
    [
      "that sends a drain notice without a successor, at once, every time",
      {},
      (it) => {
        it.welcome();
        it.draining(false, 0);
      },
    ],
    [
      "that sends drain notices with invalid times",
      {},
      (it) => {
        it.welcome();
        it.draining(true, -1e9);
        it.draining(false, Number.NaN);
      },
    ],
    [
      "that closes right after the welcome",
      {},
      (it) => {
        it.welcome();
        it.end(1001, { retryAfterMs: 0 });
      },
    ],
    [
      "that announces the end of each token, at once, every time",
      { token: () => `token ${performance.now()}` },
      (it) => {
        it.welcome();
        it.deliver({ type: "system", event: "token-expiring", message: "", expires_in_ms: 0 } as never);
      },
    ],
    ["that refuses handshakes temporarily", {}, (it) => it.end(4053, { retryAfterMs: 0 })],
    ["that reports an expired token at each handshake", { token: () => "t" }, (it) => it.end(4010)],
    ["that answers with an invalid welcome", {}, (it) => it.deliver({ type: "system", event: "welcome" })],
    ["that refuses a channel of a stream", { transports: ["sse"] }, (it) => it.welcome({})],
  ])("%s: fewer than forty connections a minute", async (_, options, onSocket) => {
    const environment = unlucky();
    const client = environment.client(options);
    client.channel("room").on("message", () => {});
    await minute(environment, onSocket);
    expect(environment.sockets.length).toBeWithin(2, 40);
    expect(client.state.status).not.toBe("closed");
    client.close();
    expect(environment.sockets.filter(({ isClosed, hasEnded }) => !isClosed && !hasEnded)).toEqual([]);
  });

  test.each(["rate-limited", "broker-unavailable", "internal"])(
    "that answers everything with %s and no wait: fewer than forty of each command a minute",
    async (code) => {
      const environment = unlucky();
      const client = environment.client();
      const errors: unknown[] = [];
      client.channel("room").on("error", (error) => void errors.push(error));
      void client
        .channel("room")
        .publish(1)
        .catch(() => {});
      let answered = 0;
      const refuse = () => {
        const sent = environment.sockets[0]?.sent ?? [];
        // Twice each: a server may send duplicates.
        for (const { ref } of sent.slice(answered)) {
          for (let times = 0; ref !== undefined && times < 2; times++) {
            environment.sockets[0]?.deliver({ type: "error", ref, code, message: "", retry_after_ms: 0 });
          }
        }
        answered = sent.length;
        environment.sockets[0]?.comment();
      };
      await minute(environment, (it) => it.welcome(), refuse);
      const counts = Map.groupBy(environment.sockets[0]?.commands ?? [], ({ type }) => type);
      for (const type of ["publish", "subscribe"] as const) expect(counts.get(type)?.length).toBeWithin(5, 40);
      // A temporary error does not end a subscription.
      expect(errors).toEqual([]);
      client.close();
    },
  );
});

test("a second drain notice while the successor connects leaves no extra connection open", async () => {
  const environment = new ScriptedEnvironment();
  const { client, socket } = await environment.connected();
  socket.draining(true, 0);
  await environment.move(0);
  socket.draining(true, 0);
  await environment.move(10_000 - 1);
  client.close();
  expect(environment.sockets.filter(({ isClosed }) => !isClosed)).toEqual([]);
  expect(environment.sockets).toHaveLength(2);
});
