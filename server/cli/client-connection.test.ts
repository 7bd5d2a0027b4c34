import { expect, test } from "bun:test";
import { ScriptedEnvironment, settle } from "../../tests/client/scripted-environment.ts";
import { untilConnected } from "./client-connection.ts";

test("a server that accepts the connection and says nothing is reported after 10 seconds, without another request", async () => {
  const environment = new ScriptedEnvironment();
  const client = environment.client({ transports: ["websocket"] });
  const requests: string[] = [];
  using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: ({ url }) => {
      requests.push(url);
      return new Response();
    },
  });
  const address = { http: `http://127.0.0.1:${server.port}`, ws: `ws://127.0.0.1:${server.port}/ws` };
  const failed = untilConnected(client, address).catch((error: Error) => error.message);
  await environment.socket();
  await environment.move(9999);
  expect(client.state.status).toBe("connecting");
  await environment.move(1);
  await settle();
  expect(await failed).toBe(`${address.ws} did not respond within 10 s`);
  expect([client.state.status, requests]).toEqual(["closed", []]);
});
