import { RawWebSocket } from "../raw-web-socket.ts";
import { SocketUnderTest } from "../socket.ts";
import { publish, type SettingsGroup } from "./setting.ts";

/** How messages are sent to many clients, and to clients that do not read. */
export const sendingGroup: SettingsGroup = {
  name: "sending",
  base: { FLUSH_WINDOW: "0", NOTICES: "off", SLOW_TIMEOUT: "10m" },
  settings: {
    flushWindow: {
      value: "1s",
      // Enough receivers that a flush counts as slow. Only then are the messages after it sent together.
      observe: async (it) => {
        using stack = new DisposableStack();
        const open = () => RawWebSocket.open(it.port, "/ws?channel=many");
        for (let opened = 0; opened < 600; opened += 50) {
          for (const client of await Promise.all(Array.from({ length: 50 }, open))) stack.use(client).onText = () => {};
        }
        using client = await SocketUnderTest.open(`${it.wsUrl}?channel=many`, { protocols: ["fanfare.v1"] });
        for (let n = 0; n < 30; n++) await publish(it, { channel: "many", message: `${n}` });
        await client.untilMessages(30);
        return client.texts.some((text) => text.split('"type":"message"').length > 3);
      },
      expected: true,
    },
    sendBufferBytes: {
      value: "1MiB",
      observe: async (it) => {
        using stack = new DisposableStack();
        const open = () => RawWebSocket.open(it.port, "/ws?channel=flood");
        for (const stuck of await Promise.all(Array.from({ length: 20 }, open))) stack.use(stuck).socket.pause();
        const message = "x".repeat(60_000);
        for (let sent = 0; sent < 100; sent++) await publish(it, { channel: "flood", message });
        await it.untilLogged(/the send buffers are full and this client is reading slowest \(4008\)/);
        return "closed";
      },
      expected: "closed",
      hasNoControl: "no client is closed",
    },
  },
};
