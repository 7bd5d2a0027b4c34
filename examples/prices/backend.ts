import { post } from "../post.ts";

const [url = "http://127.0.0.1:8000"] = process.argv.slice(2);
const prices = new Map([
  ["ACME", 100],
  ["GLOBEX", 250],
  ["INITECH", 40],
  ["UMBRELLA", 75],
]);

/** Each symbol has its own channel, so a page only receives the prices that it shows. */
for (;;) {
  for (const [symbol, price] of prices) {
    const next = Math.max(1, price * (1 + (Math.random() - 0.5) / 50));
    prices.set(symbol, next);
    const data = { symbol, price: Number(next.toFixed(2)) };
    await post(url, "/v1/publish", { channel: `prices:${symbol}`, event: "price", data });
  }
  await Bun.sleep(400);
}
