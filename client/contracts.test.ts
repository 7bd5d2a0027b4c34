import { expect, test } from "bun:test";
import { z } from "zod";
import { ScriptedEnvironment } from "../tests/client/scripted-environment.ts";

test("a schema types what a channel publishes and what it receives", async () => {
  const environment = new ScriptedEnvironment();
  const { client, socket } = await environment.connected();
  const orders = client.channel("orders", { schema: z.object({ total: z.string().transform(Number) }) });
  const totals: number[] = [];
  orders.on("message", ({ data }) => void totals.push(data.total));
  await environment.move(0);
  socket.subscribed("orders", { epoch: "e", offset: 0, from: 1 });
  socket.message("orders", 1, { total: "9.5" });
  expect(totals).toEqual([9.5]);
  void orders.publish({ total: "7" });
  expect(socket.commands.at(-1)).toMatchObject({ type: "publish", data: { total: "7" } });
  // @ts-expect-error a number is what the schema returns, not what it accepts
  await expect(orders.publish({ total: 7 })).rejects.toThrow("expected string");
});

test("a type parameter without a schema is not checked at run time", async () => {
  const environment = new ScriptedEnvironment();
  const { client, socket } = await environment.connected();
  const room = client.channel<{ readonly text: string }>("room:1");
  const texts: string[] = [];
  room.on("message", ({ data }) => void texts.push(data.text));
  await environment.move(0);
  socket.subscribed("room:1", { epoch: "e", offset: 0, from: 1 });
  socket.message("room:1", 1, { text: "Hi" });
  expect(texts).toEqual(["Hi"]);
  // @ts-expect-error not a string
  void room.publish({ text: 7 });
});
