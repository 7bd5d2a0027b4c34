import { BroadcastClient } from "../../client/broadcast-client.ts";

const [url = "http://127.0.0.1:8000"] = process.argv.slice(2);
const { hostname, port } = new URL(url);

/** A chat needs no backend: the server delivers what clients send. This is one more client, a bot that tells the time. */
const clock = new BroadcastClient({ host: hostname, port: Number(port), name: "Clock" });
clock.onMessage(({ message, sender }) => {
  if (message === "!time") void clock.send(`It is ${new Date().toLocaleTimeString("en-GB")}, ${sender ?? "stranger"}.`);
});
await clock.connect();
console.log("Clock is in the chat.");
