import { describe, expect, test } from "bun:test";
import { ScriptedEnvironment, type ScriptedSocket } from "../tests/client/scripted-environment.ts";
import type { ClientOptions } from "./client.ts";

/** Moves a minute on in small steps; the server does the same with each new connection, at once. */
async function minute(environment: ScriptedEnvironment, onSocket: (socket: ScriptedSocket) => void, onStep = () => {}) {
  let seen = 0;
  for (let ms = 0; ms < 60_000; ms += 20) {
    await environment.move(20);
    for (const socket of environment.sockets.slice(seen)) onSocket(socket);
    seen = environment.sockets.length;
    onStep();
  }
}

/** Chance is at its worst: all waits are their shortest. */
function unlucky(): ScriptedEnvironment {
  return Object.assign(new ScriptedEnvironment(), { random: () => 0 });
}

describe("whatever a server says, it is not asked in a loop", () => {
  test.each<[string, ClientOptions, (socket: ScriptedSocket) => void]>([
    [
      "drains with a successor, at once, again and again",
      {},
      (it) => {
        it.welcome();
        it.draining(true, 0);
      },
    ],
    [
      "drains without one, at once, again and again",
      {},
      (it) => {
        it.welcome();
        it.draining(false, 0);
      },
    ],
    [
      "drains with times that are none",
      {},
      (it) => {
        it.welcome();
        it.draining(true, -1e9);
        it.draining(false, Number.NaN);
      },
    ],
    [
      "closes at once after the welcome",
      {},
      (it) => {
        it.welcome();
        it.end(1001, { retryAfterMs: 0 });
      },
    ],
    ["refuses the handshake for a while", {}, (it) => it.end(4053, { retryAfterMs: 0 })],
    ["has token after token expire at the handshake", { token: () => "t" }, (it) => it.end(4010)],
    ["answers with what is no welcome", {}, (it) => it.say({ type: "system", event: "welcome" })],
    ["lets nobody into a channel of a stream", { transports: ["sse"] }, (it) => it.welcome({})],
  ])("that %s: fewer than forty connections a minute", async (_, options, onSocket) => {
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
    "that answers everything with %s and no wait: fewer than forty times a minute each",
    async (code) => {
      const environment = unlucky();
      const client = environment.client();
      const errors: unknown[] = [];
      client.channel("room").on("error", (error) => void errors.push(error));
      void client
        .channel("room")
        .publish(1)
        .catch(() => {});
      let heard = 0;
      const refuse = () => {
        const said = environment.sockets[0]?.said ?? [];
        // Twice each: a server may do that too.
        for (const { ref } of said.slice(heard)) {
          for (let times = 0; ref !== undefined && times < 2; times++) {
            environment.sockets[0]?.say({ type: "error", ref, code, message: "", retry_after_ms: 0 });
          }
        }
        heard = said.length;
        environment.sockets[0]?.comment();
      };
      await minute(environment, (it) => it.welcome(), refuse);
      const counts = Map.groupBy(environment.sockets[0]?.commands ?? [], ({ type }) => type);
      for (const type of ["publish", "subscribe"] as const) expect(counts.get(type)?.length).toBeWithin(5, 40);
      // A subscription does not end over a trouble that passes.
      expect(errors).toEqual([]);
      client.close();
    },
  );
});

test("a second drain notice while the successor is on its way leaves no connection behind", async () => {
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
