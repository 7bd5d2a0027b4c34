import { expect, test } from "bun:test";
import { HookHarness } from "../tests/client/hook-harness.ts";
import { ScriptedEnvironment, settle } from "../tests/client/scripted-environment.ts";
import type { Client } from "./client.ts";
import { makeHooks, type UseChannelOptions } from "./react.ts";

const live = { epoch: "k3x9", offset: 9, from: 10 };

interface Props {
  readonly client: Client;
  readonly name?: string;
  readonly options?: UseChannelOptions<unknown, unknown>;
}

test("useConnection renders each state of the client", async () => {
  const environment = new ScriptedEnvironment();
  const client = environment.client();
  const component = new HookHarness<Props, unknown>(
    (react) => {
      const { useConnection } = makeHooks(react);
      return ({ client }) => useConnection(client).status;
    },
    { client },
  );
  component.mount();
  expect(component.view).toBe("connecting");
  (await environment.socket()).welcome();
  await settle();
  expect(component.view).toBe("connected");
  component.unmount();
  const { renderings } = component;
  client.close();
  await settle();
  expect(component.renderings).toBe(renderings);
});

test("useChannel subscribes once in strict mode, and renders each message once", async () => {
  const { environment, socket, component } = await mounted();
  expect(socket.commands).toEqual([{ type: "subscribe", channel: "room:1" }]);
  socket.subscribed("room:1", live);
  socket.message("room:1", 10);
  socket.message("room:1", 11);
  await settle();
  expect(dataOf(component)).toEqual([10, 11]);
  component.unmount();
  await environment.move(0);
  expect(socket.commands.at(-1)).toEqual({ type: "unsubscribe", channel: "room:1" });
});

test("a changed name subscribes to the other channel, and drops the messages of the previous one", async () => {
  const { environment, client, socket, component } = await mounted();
  socket.subscribed("room:1", live);
  socket.message("room:1", 10);
  await settle();
  expect(dataOf(component)).toEqual([10]);
  component.render({ client, name: "room:2" });
  expect(dataOf(component)).toEqual([]);
  await environment.move(0);
  expect(socket.commands.slice(1)).toEqual([
    { type: "unsubscribe", channel: "room:1" },
    { type: "subscribe", channel: "room:2" },
  ]);
  expect(dataOf(component)).toEqual([]);
  socket.subscribed("room:2", live);
  socket.message("room:1", 11);
  socket.message("room:2", 10, "of room 2");
  await settle();
  expect(dataOf(component)).toEqual(["of room 2"]);
});

test("calls the handler of the last render, once per message, and does not resubscribe on a render", async () => {
  const { environment, client, socket, component } = await mounted();
  socket.subscribed("room:1", live);
  const calls: string[] = [];
  for (const word of ["first", "second"]) {
    component.render({ client, name: "room:1", options: { onMessage: () => void calls.push(word) } });
  }
  socket.message("room:1", 10);
  await environment.move(0);
  expect(calls).toEqual(["second"]);
  expect(socket.commands).toHaveLength(1);
});

test("keeps only the most recent messages", async () => {
  const { socket, component } = await mounted({ keep: 2 });
  socket.subscribed("room:1", live);
  for (const offset of [10, 11, 12]) socket.message("room:1", offset);
  await settle();
  expect(dataOf(component)).toEqual([11, 12]);
});

test("a state replaces the messages before it, and an error does not", async () => {
  const { environment, socket, component } = await mounted({ getState: async () => ({ data: "v9" }) });
  await environment.move(0);
  expect(component.view.state).toBe("v9");
  socket.deliver({ type: "error", ref: socket.refOf("subscribe"), code: "forbidden", message: "not yours" });
  await settle();
  expect(component.view).toMatchObject({ state: "v9", error: { code: "forbidden" }, messages: [] });
});

test("publish is the same function as long as the channel is the same", async () => {
  const { client, socket, component } = await mounted();
  const { publish } = component.view;
  void publish({ x: 1 }, { id: "m1" });
  expect(socket.commands.at(-1)).toEqual({ type: "publish", channel: "room:1", data: { x: 1 }, id: "m1" });
  component.render({ client, name: "room:1" });
  expect(component.view.publish).toBe(publish);
  component.render({ client, name: "room:2" });
  expect(component.view.publish).not.toBe(publish);
});

/** A component that listens to `room:1`, mounted in strict mode. The return value holds what it rendered. */
async function mounted(options?: UseChannelOptions<unknown, unknown>) {
  const environment = new ScriptedEnvironment();
  const { client, socket } = await environment.connected();
  const props: Props = { client, ...(options && { options }) };
  const component = new HookHarness((react) => {
    const { useChannel } = makeHooks(react);
    return ({ client, name = "room:1", options }: Props) => useChannel(client, name, options);
  }, props);
  component.mount();
  await environment.move(0);
  return { environment, client, socket, component };
}

function dataOf({ view }: { readonly view: { readonly messages: readonly { readonly data: unknown }[] } }) {
  return view.messages.map(({ data }) => data);
}
